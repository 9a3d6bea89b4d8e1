"""Kinds of check, each of which finds mistakes that others miss.

Each is a function (code, case, l2, l1) -> Outcome. Read in this order: `textbook` (one weight at a time), `value`
(the loss against its definition), `invariances`, `purity`, `small_cases`, `optimizer_steps`, `float32`, `training`.
`gradcheck.check` adds the exhaustive comparison, `Case.compare`.
"""

from collections.abc import Callable
from typing import TypeAlias

from imgclf.gradcheck.case import Case
from imgclf.gradcheck.implementation import Implementation
from imgclf.gradcheck.verdict import Outcome

CheckFn: TypeAlias = Callable[[Implementation, Case, float, float], Outcome]
