"""The papers' tasks, as functions of a loaded bundle; the methods of `Model` call them."""

from .complete import Completion
from .damage import Damaged
from .drawn import Drawn
from .reconstruct import Reconstruction

__all__ = ["Completion", "Damaged", "Drawn", "Reconstruction"]
