"""``coop-run refine`` and ``coop-run recover``: Langevin steps on the energy."""

from collections.abc import Iterator
from typing import Any, Literal

import click

from coop_runtime import Model, State

from ..console import Command
from ..masks import MASK, Masks
from .each import Done, Each, Item, per_input
from .shared import last_of, noise_option, steps_option

__all__ = ["recover", "refine"]


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  coop-run refine exported/brick wall.jpg -o out.png
  coop-run refine exported/fashion drafts/ --steps 50 --no-noise -o refined/
  coop-run refine exported/brick 'walls/*.png' --json -o out.png
  cat wall.png | coop-run refine exported/brick - -o - > out.png
""",
)
@per_input
@steps_option
@noise_option
def refine(job: Each, steps: int | None, noise: bool | None) -> None:
    """Revise pictures, sounds or clips by Langevin steps on the energy.

    --json gives the energy of every state, the input's first.
    """

    def task(model: Model, item: Item) -> Done:
        states = model.refine(item.x, steps, job.seed, noise=noise, first=item.number)
        return _revised(model, states, steps, item, {})

    job.run(task)


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  coop-run recover exported/brick noisy.png -o out.png
  coop-run recover exported/brick scratched.png --mask scratches.png --steps 100 -o out.png
  coop-run recover exported/fashion damaged/ --json -o recovered/
""",
)
@per_input
@click.option("--mask", help=MASK.format("damaged") + " Without it, salt and pepper is looked for.")
@steps_option
@noise_option
@click.option(
    "--start",
    type=click.Choice(["filled", "given"]),
    default="filled",
    show_default=True,
    help="Damaged entries start as a smooth fill of those around them, or as they are.",
)
def recover(
    job: Each,
    mask: str | None,
    steps: int | None,
    noise: bool | None,
    start: Literal["filled", "given"],
) -> None:
    """Restore damaged entries by Langevin steps on the energy; the others are kept.

    --json gives the energy of every state.
    """
    masks = Masks(mask) if mask else None

    def task(model: Model, item: Item) -> Done:
        found: Any = "salt-and-pepper"
        read: dict[str, Any] = {}
        if masks:
            found, read = masks.of(item.index, item.x, model.card)
        states = model.recovering(
            item.x,
            found,
            steps=steps,
            seed=job.seed,
            noise=noise,
            start=start,
            first=item.number,
        )
        return _revised(model, states, steps, item, read)

    job.run(task, prepare=masks.find if masks else None)


def _revised(
    model: Model, states: Iterator[State], steps: int | None, item: Item, read: dict[str, Any]
) -> Done:
    """Run the states through; report the energy of each."""
    energies: list[float] = []
    if steps is None:
        steps = model.card.langevin.steps if model.card.langevin else 0
    last = last_of(
        states, 1 + steps, item.read.name, lambda state: energies.append(float(state.energy[0]))
    )
    return Done(last.x, {"energies": energies}, **read)
