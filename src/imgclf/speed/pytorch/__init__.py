"""The gradient by PyTorch, on a graphics card or on the processor.

The loop stays NumPy's: in each step the weights travel to the card, and their gradient back. The examples stay there if
they fit. `import torch` takes seconds, so only the modules of this folder do it, and only `load` imports them.
"""

from importlib.util import find_spec
from typing import TYPE_CHECKING

from imgclf.errors import UsageError, excerpt

if TYPE_CHECKING:
    from imgclf.speed.pytorch.kernel import TorchKernel

KEY = "train.kernel"
INSTALL = "pip install 'imgclf[torch]'"


def load(device: str) -> "TorchKernel":
    """Import PyTorch, and return its kernel on a device: auto, cpu or cuda; raises UsageError if one is missing."""
    if find_spec("torch") is None:
        raise UsageError(KEY, "torch needs PyTorch", INSTALL)
    try:
        from imgclf.speed.pytorch.kernel import TorchKernel
    except (ImportError, OSError) as error:
        raise UsageError(KEY, f"PyTorch cannot be loaded: {excerpt(error)}", INSTALL) from error
    return TorchKernel(device)
