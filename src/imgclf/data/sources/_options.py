"""Check the keys of `data.options`."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, TypeVar

from imgclf.errors import UsageError

_T = TypeVar("_T")


def chosen(kind: type[_T], options: Mapping[str, Any]) -> _T:
    """Return the record of these options; raises UsageError for one that it does not have."""
    known = [field.name for field in fields(kind)]  # type: ignore[arg-type]
    for name in options:
        if name not in known:
            raise UsageError("data.options", f"unknown option {name!r}", f"known are {', '.join(known)}")
    return kind(**options)
