"""What drafts become in so many Langevin steps, with noise and without."""

from coop_eval.refinement import STEPS, after_steps
from coop_runtime import Array, Model

__all__ = ["STATES", "has_noise", "states"]

#: States that are looked at, by number of steps; *quiet* steps add no noise.
STATES = tuple(f"{steps}{kind}" for kind in ("", " quiet") for steps in STEPS if steps)


def has_noise(method: str) -> bool:
    """Tell whether the chains that a method learns by have noise: all but the triangle's."""
    return method != "triangle"


def states(
    model: Model, drafts: Array, seed: int, last: int, *, noisy: bool = True
) -> dict[str, Array]:
    """Refine drafts with the card's step size, by ``last`` steps; give those of `STATES` by name.

    Parameters
    ----------
    model
        With an energy.
    drafts
        (n, channels, *size), in the model's range; what is given has this shape too.
    seed
        Of the noise, ≥ 0.
    last
        Steps, ≥ 10.
    noisy
        Whether the chains of learning have noise; else there are only steps without, which are
        named by their number alone.
    """
    kinds = {"": True, " quiet": False} if noisy else {"": False}
    steps = [count for count in STEPS if 0 < count <= last]
    return {
        f"{count}{kind}": x
        for kind, noise in kinds.items()
        for count, x in after_steps(model, drafts, steps, seed, noise=noise).items()
    }
