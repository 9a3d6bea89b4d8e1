"""`imgclf verify`: repeat the last steps of a run and compare."""

from pathlib import Path

import click

from imgclf.cli.console import Console
from imgclf.cli.options import PATH, json_option, threads_option
from imgclf.cli.parsing import Command
from imgclf.errors import UsageError

DIFFERENT = 1


@click.command("verify", cls=Command, short_help="Check that a run is reproducible, byte for byte.")
@click.argument("run", type=PATH, required=False)
@click.option("--data", type=PATH, metavar="PATH", help="New location of the run's data, if it has moved.")
@threads_option
@json_option
@click.pass_context
def command(ctx: click.Context, run: Path | None, data: Path | None, threads: int | None, as_json: bool) -> None:
    """Repeat the last steps of RUN and check that the result is the same, byte for byte.

    Training is repeated from the older of its two checkpoints (or from the start) to the newer one and, for a finished
    run, to its model. RUN defaults to the newest finished run under runs/. Exits with code 1 if anything differs.
    """
    from imgclf.machine.cores import available_cores
    from imgclf.machine.memory import WEIGHT_COPIES, require_memory
    from imgclf.run.environment import compare_environment, describe_environment
    from imgclf.run.opening import config_of_run, data_of_run
    from imgclf.run.replay import replay
    from imgclf.run.run_dir import find_run
    from imgclf.speed.kernels import device_of
    from imgclf.speed.threads import workers
    from imgclf.training.loading import where
    from imgclf.training.plan import make_plan

    console = Console(ctx, as_json=as_json)
    path = find_run(run)
    if not path.is_dir():
        raise UsageError(path, "not a run directory", "a model file does not say how it was made")
    config = data_of_run(config_of_run(path), path, data, "say where the run's data is now: --data PATH")
    with workers(threads or available_cores()) as sum_blocks:
        plan = make_plan(config, sum_blocks, threads=threads)
    used = threads or plan.threads(available_cores())
    require_memory(WEIGHT_COPIES * plan.weights.nbytes, where(config), used)
    with workers(used) as sum_blocks:
        seen = replay(plan, path, sum_blocks)
    now = describe_environment(1, plan.config.train.kernel, plan.train, plan.val, device=device_of(plan.kernel))
    changed = compare_environment(path, now)
    console.result(*(f"environment: {line}" for line in changed), *(f"differs: {what}" for what in seen.differences))
    verdict = "different" if seen.differences else "same"
    console.result(f"{path}: steps {seen.start:,} to {seen.stop:,} repeated, {verdict} bytes")
    console.object(
        {
            "run": str(path),
            "verdict": verdict,
            "from_step": seen.start,
            "to_step": seen.stop,
            "differences": list(seen.differences),
            "environment": changed,
        }
    )
    if seen.differences:
        ctx.exit(DIFFERENT)
