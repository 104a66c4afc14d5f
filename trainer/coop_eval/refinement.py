"""Signals while the descriptor of a model refines them."""

from collections.abc import Collection

from coop_runtime import Array, Model

__all__ = ["STEPS", "after_steps", "own_steps"]

#: Langevin steps after which samples are looked at.
STEPS = (0, 10, 30, 50, 100)


def own_steps(model: Model) -> int:
    """Give the number of Langevin steps that the model's card asks for; 0 without an energy."""
    return 0 if model.card.langevin is None else model.card.langevin.steps


def after_steps(
    model: Model,
    drafts: Array,
    steps: Collection[int],
    seed: int = 0,
    *,
    noise: bool | None = None,
    first: int = 0,
) -> dict[int, Array]:
    """Refine signals in one chain each, with the card's settings, and keep some states.

    Parameters
    ----------
    model
        With an energy, unless no steps are to be taken.
    drafts
        (n, channels, *size), in the model's range.
    steps
        Numbers of steps, ≥ 0, after which states are kept; at least one.
    seed, noise, first
        As in `Model.refine`.

    Returns
    -------
    Signals like ``drafts`` by number of steps, in ascending order.
    """
    last = max(steps)
    if last == 0:
        return {0: drafts}
    chain = model.refine(drafts, last, seed, noise=noise, first=first)
    return {state.step: state.x for state in chain if state.step in steps}
