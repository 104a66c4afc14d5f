"""What drafts become in so many Langevin steps, with noise and without."""

from coop_eval.pictures.quality import STEPS
from coop_runtime import Array, Model

__all__ = ["STATES", "after_steps"]

#: States that are looked at, by number of steps; *quiet* steps add no noise.
STATES = tuple(f"{steps}{kind}" for kind in ("", " quiet") for steps in STEPS if steps)


def after_steps(model: Model, drafts: Array, seed: int, last: int) -> dict[str, Array]:
    """Refine drafts with the card's settings, by ``last`` steps; give those of `STATES` by name.

    Where the card's own steps are quiet there are none but these, named by their number alone.

    Parameters
    ----------
    model
        With an energy.
    drafts
        (n, channels, *size), in the model's range; what is given has this shape too.
    seed
        Of the noise, ≥ 0.
    last
        Steps, ≥ 1.
    """
    card = model.card.langevin
    kinds = {"": None, " quiet": False} if card is not None and card.noise else {"": None}
    return {
        f"{state.step}{kind}": state.x
        for kind, noise in kinds.items()
        for state in model.refine(drafts, last, seed, noise=noise)
        if state.step and state.step in STEPS
    }
