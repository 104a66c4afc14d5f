"""Checking of the plain arguments of a call: real numbers, choices, switches.

Arrays and whole numbers are checked in `coop_runtime.arrays`.
"""

from typing import Any

import numpy as np

from .errors import ArgumentError, shown

__all__ = ["check_choice", "check_number", "check_switch"]

_SMALLEST, _LARGEST = 1e-9, 1e9  # as in cards: float32 fails beyond them


def check_number(name: str, value: Any, *, or_zero: bool = False, most: float = _LARGEST) -> None:
    """Check a real number > 0 that a caller gave, neither so small nor so large that float32 fails.

    Parameters
    ----------
    or_zero
        Whether 0 will do.
    most
        The largest.

    Raises
    ------
    ArgumentError
        Not a number, negative, NaN, or out of that range.

    Examples
    --------
    >>> check_number("sigma", float("inf"))
    Traceback (most recent call last):
    ...
    coop_runtime.errors.ArgumentError: sigma: expected 1e-09 to 1e+09, found inf
    """
    if not isinstance(value, int | float | np.integer | np.floating) or isinstance(value, bool):
        raise ArgumentError(name, f"expected a number, found {shown(value)}")
    if or_zero and value == 0:
        return
    if not value > 0:
        raise ArgumentError(name, f"expected {'≥' if or_zero else '>'} 0, found {shown(value)}")
    if not _SMALLEST <= value <= most:
        raise ArgumentError(name, f"expected {_SMALLEST:g} to {most:g}, found {shown(value)}")


def check_choice(name: str, value: Any, *choices: str) -> None:
    """Check that a caller gave one of some texts.

    Raises
    ------
    ArgumentError
        Another text, or something else.

    Examples
    --------
    >>> check_choice("how", "both", "encoder", "posterior")
    Traceback (most recent call last):
    ...
    coop_runtime.errors.ArgumentError: how: expected 'encoder' or 'posterior', found 'both'
    """
    if not isinstance(value, str) or value not in choices:
        *most, last = map(repr, choices)
        raise ArgumentError(name, f"expected {', '.join(most)} or {last}, found {shown(value)}")


def check_switch(name: str, value: Any) -> None:
    """Check that a caller gave True or False.

    Raises
    ------
    ArgumentError
        Something else.

    Examples
    --------
    >>> check_switch("noise", "off")
    Traceback (most recent call last):
    ...
    coop_runtime.errors.ArgumentError: noise: expected True or False, found 'off'
    """
    if not isinstance(value, bool | np.bool_):
        raise ArgumentError(name, f"expected True or False, found {shown(value)}")
