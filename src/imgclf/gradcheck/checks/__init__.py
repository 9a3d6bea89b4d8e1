"""Kinds of check, each of which finds mistakes others miss.

Each is a function (code, case, l2, l1) -> Outcome. Read in this order: `textbook` (one weight at a time), `value`
(is the loss the loss?), `invariances`, `purity`, `small_cases`, `optimizer_steps`, `float32`, `training`. What `check`
adds to them is the exhaustive comparison itself: `Case.compare`.
"""

from collections.abc import Callable
from typing import TypeAlias

from imgclf.gradcheck.case import Case
from imgclf.gradcheck.implementation import Implementation
from imgclf.gradcheck.verdict import Outcome

CheckFn: TypeAlias = Callable[[Implementation, Case, float, float], Outcome]
