"""The papers' tasks, as functions of a loaded bundle; the methods of `Model` call them."""

from .bands import Block
from .complete import Completion
from .damage import Damaged
from .drawn import Drawn
from .reconstruct import Reconstruction

__all__ = ["Block", "Completion", "Damaged", "Drawn", "Reconstruction"]
