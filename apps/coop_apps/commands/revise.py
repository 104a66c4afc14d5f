"""``coop-run refine`` and ``coop-run recover``: Langevin steps on the energy."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal

import click
import numpy as np
from numpy.typing import NDArray

from coop_runtime import Card, CoopError, Model, State
from coop_runtime.tasks.damage import salt_and_pepper

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

    Only salt and pepper, single places at the ends of the range, is found without --mask, and how
    much is said; scribbles, blocks and other damage need one. --json gives the energy of every
    state, and the share that is damaged.
    """
    masks = Masks(mask) if mask else None

    def task(model: Model, item: Item) -> Done:
        read: dict[str, Any] = {}
        if masks:
            found, read = masks.of(item.index, item.x, model.card)
        else:
            found = _salt_and_pepper(item, model.card)
        states = model.recovering(
            item.x,
            found,
            steps=steps,
            seed=job.seed,
            noise=noise,
            start=start,
            first=item.number,
        )
        done = _revised(model, states, steps, item, read)
        return replace(done, report={"damaged": float(found.mean())} | done.report)

    job.run(task, prepare=masks.find if masks else None)


def _salt_and_pepper(item: Item, card: Card) -> NDArray[np.bool_]:
    """Find salt and pepper, and say how much: of other damage it would be only a small part."""
    found = salt_and_pepper(item.x, card.signal.value_range)
    if not found.any():
        raise CoopError(
            f"'{item.read.name}': no salt and pepper is found; for other damage, such as scribbles "
            "and blocks, give --mask"
        )
    click.echo(
        f"'{item.read.name}': salt and pepper in {found.mean():.2%}; for other damage give --mask",
        err=True,
    )
    return found


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
