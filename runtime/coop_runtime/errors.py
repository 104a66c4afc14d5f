"""The one exception that coopnets raises for what a user gave it."""

__all__ = ["CoopError"]


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
