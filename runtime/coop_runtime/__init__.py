"""Play bundles of cooperative generative models with numpy and ONNX Runtime only.

A bundle is a folder that ``coop-export`` wrote. Load one, draw, revise, look:

>>> import coop_runtime
>>> model = coop_runtime.load("exported/brick")  # doctest: +SKIP
>>> draft = model.generate(n=1, seed=0, size=(448, 448))  # doctest: +SKIP
>>> for state in model.refine(draft, steps=30):  # doctest: +SKIP
...     print(state.step, state.energy)  # preview state.x, or break
>>> pixels = coop_runtime.to_uint8(state.x, model.card.signal)  # doctest: +SKIP

Whatever is wrong with a bundle or an argument raises `CoopError`, in one line.
"""

from typing import TYPE_CHECKING

from .arrays import Array
from .bundle import load, read_card, read_graph
from .calls import Code, Posterior
from .card import Card
from .codec import from_samples, from_uint8, loop_to_samples, to_samples, to_uint8
from .core import Core
from .doctor import Report, examine
from .errors import (
    ArgumentError,
    BundleError,
    CancelledError,
    CardError,
    ClosedError,
    CoopError,
    FileError,
    GraphError,
    MissingGraphError,
    TimeLimitError,
)
from .files import is_free, new_file, new_folder, write_all_atomically, write_atomically
from .langevin import EnergyGradient, State, langevin, langevin_step
from .latent import LatentState, latent_langevin, latent_step
from .model import Model
from .sessions import SessionOptions
from .tasks import Block, Completion, Damaged, Drawn, Reconstruction

__all__ = [
    "ArgumentError",
    "Array",
    "Block",
    "BundleError",
    "CancelledError",
    "Card",
    "CardError",
    "ClosedError",
    "Code",
    "Completion",
    "CoopError",
    "Core",
    "Damaged",
    "Drawn",
    "EnergyGradient",
    "FileError",
    "GraphError",
    "LatentState",
    "MissingGraphError",
    "Model",
    "Posterior",
    "Reconstruction",
    "Report",
    "SessionOptions",
    "State",
    "TimeLimitError",
    "__version__",
    "examine",
    "from_samples",
    "from_uint8",
    "is_free",
    "langevin",
    "langevin_step",
    "latent_langevin",
    "latent_step",
    "load",
    "loop_to_samples",
    "new_file",
    "new_folder",
    "read_card",
    "read_graph",
    "to_samples",
    "to_uint8",
    "write_all_atomically",
    "write_atomically",
]

if TYPE_CHECKING:
    __version__: str
else:

    def __getattr__(name: str) -> str:
        """Look up ``__version__`` when it is asked for: that takes longer than all the rest."""
        if name != "__version__":
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib.metadata import PackageNotFoundError, version

        try:
            return version("coopnets")
        except PackageNotFoundError:  # the folder was copied into another program
            return "unknown"
