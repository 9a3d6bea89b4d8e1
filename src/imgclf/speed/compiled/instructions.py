"""Instructions of the processor for compiled loops: prefetch, atomic numbers, yield.

Several threads may change a number at once with `add_to`. Who sees by `look_at` or `add_to` what another thread wrote
by `add_to` or `publish` sees all that it wrote before, too.
"""

from typing import Any

from llvmlite import ir
from numba.core.types import int32, int64, none
from numba.extending import intrinsic

INT = ir.IntType(32)
WORD = 8  # bytes of a number that threads share


@intrinsic  # type: ignore[untyped-decorator]
def prefetch(context: Any, values: Any, i: Any) -> Any:
    """Ask for the line of memory that values[i] is on."""

    def code(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        at = builder.bitcast(_address(context, builder, signature, given), ir.IntType(8).as_pointer())
        types = ir.FunctionType(ir.VoidType(), [at.type, INT, INT, INT])
        to_read, first_cache, of_data = (ir.Constant(INT, value) for value in (0, 3, 1))
        builder.call(
            builder.module.declare_intrinsic("llvm.prefetch", [at.type], types), [at, to_read, first_cache, of_data]
        )
        return context.get_dummy_value()

    return none(values, i), code


@intrinsic  # type: ignore[untyped-decorator]
def add_to(context: Any, numbers: Any, i: Any, change: Any) -> Any:
    """Add to numbers[i], and return what it was."""

    def code(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        return builder.atomic_rmw("add", _address(context, builder, signature, given), given[2], "acq_rel")

    return int64(numbers, i, int64), code


@intrinsic  # type: ignore[untyped-decorator]
def look_at(context: Any, numbers: Any, i: Any) -> Any:
    """Return numbers[i] as it is now."""

    def code(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        return builder.load_atomic(_address(context, builder, signature, given), "acquire", WORD)

    return int64(numbers, i), code


@intrinsic  # type: ignore[untyped-decorator]
def publish(context: Any, numbers: Any, i: Any, value: Any) -> Any:
    """Set numbers[i]."""

    def code(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        builder.store_atomic(given[2], _address(context, builder, signature, given), "release", WORD)
        return context.get_dummy_value()

    return none(numbers, i, int64), code


@intrinsic  # type: ignore[untyped-decorator]
def give_way(context: Any) -> Any:
    """Let another thread of this process, or another process, go on."""

    def code(context: Any, builder: Any, signature: Any, given: Any) -> Any:
        name, types = "sched_yield", ir.FunctionType(INT, [])
        return builder.call(builder.module.globals.get(name) or ir.Function(builder.module, types, name), [])

    return int32(), code


def _address(context: Any, builder: Any, signature: Any, given: Any) -> Any:
    """Return where the number is whose array and index are given first."""
    return builder.gep(context.make_array(signature.args[0])(context, builder, given[0]).data, [given[1]])
