"""Images whose pixels are squares of whole device pixels."""

from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.image import FigureImage
from matplotlib.patches import Rectangle
from matplotlib.transforms import IdentityTransform
from PIL import Image

from imgclf.arrays import ByteArray
from imgclf.data.preprocess import WHITE
from imgclf.report.style import RULE


def zoomed_size(size: tuple[int, int], longest: float) -> tuple[int, int]:
    """Return height and width in device pixels, the longer one at most `longest`: so many whole ones a pixel.

    An image that is too large for that is shrunk.
    """
    height, width = size
    zoom = longest // max(height, width) or longest / max(height, width)
    return max(1, round(zoom * height)), max(1, round(zoom * width))


class _Pixels(FigureImage):
    """An image in device pixels, drawn as it is: matplotlib would take thrice as long, to resample it."""

    def make_image(self, renderer: Any, magnification: float = 1.0, unsampled: bool = False) -> Any:
        """Return the colors from the lowest row up, and where they begin."""
        pixels = np.asarray(self.get_array())
        colors = np.full((*pixels.shape[:2], 4), WHITE, np.uint8)
        colors[..., :3] = pixels[::-1]
        return colors, self.ox, self.oy, None


def place_pixels(figure: Figure, pixels: ByteArray, left: int, top: int, zorder: float = 0) -> int:
    """Draw pixels (H, W, 3), one a device pixel, with their upper left corner there; return where their bottom is."""
    bottom = round(figure.bbox.height) - top - len(pixels)
    shown = _Pixels(figure, offsetx=left, offsety=bottom, zorder=zorder)
    shown.set_data(pixels)
    figure.images.append(shown)
    return bottom


def show_pixels(figure: Figure, image: ByteArray, left: int, top: int, height: int, width: int) -> None:
    """Show an image (H, W, 1 or 3) with its upper left corner there; all in device pixels."""
    # Resized here: imshow would leave it to rounding which pixels an image covers.
    colors = np.broadcast_to(image, (*image.shape[:2], 3))
    pixels = np.asarray(Image.fromarray(np.ascontiguousarray(colors)).resize((width, height), Image.Resampling.BOX))
    bottom = place_pixels(figure, pixels, left, top)
    # A frame shows the edge of a white image; it lies behind the image, so that it covers no pixel.
    frame = Rectangle((left, bottom), width, height, fill=False, color=RULE, transform=IdentityTransform(), zorder=-1)
    figure.add_artist(frame)
