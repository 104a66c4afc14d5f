"""What coopnets raises for what a user gave it: `CoopError` and its children."""

import numbers

__all__ = [
    "ArgumentError",
    "BundleError",
    "CancelledError",
    "CardError",
    "ClosedError",
    "CoopError",
    "FileError",
    "GraphError",
    "MissingGraphError",
    "TimeLimitError",
    "printable",
    "shown",
]

_LONGEST = 600


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
    r"""A bundle, which is data from a stranger, is not what it should be.

    The message may quote the bundle: it is one line of at most 600 characters, none of which a
    terminal would obey.

    Examples
    --------
    >>> print(BundleError("unknown graph '\x1b[2J'"))
    unknown graph '\x1b[2J'
    """

    def __init__(self, message: str) -> None:
        super().__init__(printable(message, _LONGEST))


class CardError(BundleError):
    """The card is missing, not strict JSON, or breaks a rule of the format."""


class FileError(BundleError):
    """A file that the card names is missing, changed, or no regular file of the folder."""


class GraphError(BundleError):
    """A graph holds what it must not, cannot be loaded, or gives what the card does not say."""


class TimeLimitError(CoopError):
    """A graph took longer than the time limit that `load` was given."""


class CancelledError(CoopError):
    """A call ended early because the ``interrupt`` that `load` was given said so."""


class ClosedError(CoopError):
    """A model was called after it was closed."""


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


def printable(text: str, longest: int | None = None) -> str:
    r"""Write characters that end a line, or that a terminal obeys or hides, as escapes.

    Parameters
    ----------
    text
        From anywhere.
    longest
        Characters that are kept; None for all.

    Examples
    --------
    >>> print(printable("a\nb" + chr(27)))
    a\nb\x1b
    """
    plain = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text[:longest])
    if longest is None or len(text) <= longest >= len(plain):
        return plain
    return plain[: longest - 1] + "…"


def shown(value: object) -> str:
    """Give how an argument is written, on one line of at most 80 characters.

    Examples
    --------
    >>> print(shown("encoder"), len(shown([[0.5] * 99] * 99)))
    'encoder' 80
    """
    text = str(value) if isinstance(value, numbers.Number) else repr(value)
    return printable(" ".join(text.split()), 80)
