"""Features by name: what a linear classifier sees in place of pixels."""

from collections.abc import Callable

from imgclf.data.features.hog import hog
from imgclf.data.features.hog_color import hog_color
from imgclf.data.features.kind import Kind
from imgclf.data.features.patches import patches

FEATURES: dict[str, Callable[..., Kind]] = {kind.__name__: kind for kind in (hog, hog_color, patches)}
