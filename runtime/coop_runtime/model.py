"""A loaded bundle, ready to play: every task of the papers as a method."""

from .core import Core

__all__ = ["Model"]


class Model(Core):
    """A bundle that `load` has verified, ready to play.

    To what the graphs do (`Core`) it adds the tasks that are built of them.
    """
