"""What coopnets raises for what a user gave it: `CoopError` and its children."""

__all__ = ["ArgumentError", "BundleError", "CoopError", "MissingGraphError"]


class CoopError(Exception):
    """Wrong input, said in one line: what was wrong, what was expected, what to do next.

    The commands print the message and exit with code 1; programs that embed the
    runtime catch this one type.

    Examples
    --------
    >>> raise CoopError("no such bundle: 'exported/brik'; give a folder of coop-export")
    Traceback (most recent call last):
    ...
    coop_runtime.errors.CoopError: no such bundle: 'exported/brik'; give a folder of coop-export
    """


class BundleError(CoopError):
    """A bundle, which is data from a stranger, is not what it should be; nothing of it was run."""


class ArgumentError(CoopError):
    """An argument of a call is wrong.

    Attributes
    ----------
    argument
        Its name.

    Examples
    --------
    >>> raise ArgumentError("steps", "expected a whole number ≥ 0, found -1")
    Traceback (most recent call last):
    ...
    coop_runtime.errors.ArgumentError: steps: expected a whole number ≥ 0, found -1
    """

    def __init__(self, argument: str, message: str) -> None:
        super().__init__(f"{argument}: {message}")
        self.argument = argument


class MissingGraphError(CoopError):
    """A task needs a graph that the bundle does not have, e.g. encoding without an encoder."""
