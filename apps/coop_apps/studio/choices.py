"""Lists of bundles that stay current: a bundle that was learned appears without a restart."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import gradio as gr

from coop_runtime import CoopError

from .library import Library

__all__ = ["Choice", "current", "keep_current"]


class Choice(NamedTuple):
    """A list to choose a bundle from, in one of the tabs.

    Attributes
    ----------
    dropdown
        Shows it.
    names
        Gives the bundles that belong there now.
    """

    dropdown: gr.Dropdown
    names: Callable[[], list[str]]


def current(names: Sequence[str], value: str | None) -> dict[str, Any]:
    """Give the update of a list: what was chosen stays, if it is still there.

    Examples
    --------
    >>> current(["brick", "stone"], "stone")["value"], current(["brick"], None)["value"]
    ('stone', 'brick')
    """
    kept = value if value in names else next(iter(names), None)
    update: dict[str, Any] = gr.update(choices=list(names), value=kept)
    return update


def keep_current(
    library: Library, choices: Sequence[Choice], page: gr.Blocks, tabs: Sequence[gr.Tab]
) -> None:
    """Keep the lists current: for clients, and for a page when it or a tab is opened."""
    dropdowns = [choice.dropdown for choice in choices]

    def look(*values: str | None) -> Any:
        try:
            library.scan()
        except CoopError as error:  # the folder is gone: what was loaded stays
            gr.Warning(str(error))
        updates = [
            current(choice.names(), value) for choice, value in zip(choices, values, strict=True)
        ]
        return updates if len(updates) > 1 else updates[0]

    def for_clients() -> None:
        """Let the server take the names of new bundles from those who opened no page."""
        for choice in choices:
            choice.dropdown.choices = [(name, name) for name in choice.names()]

    library.watchers.append(for_clients)
    for opened in (page.load, *(tab.select for tab in tabs)):
        opened(look, dropdowns, dropdowns, preprocess=False, queue=False, api_visibility="private")
