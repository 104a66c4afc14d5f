"""``coop-run complete``."""

import click
import numpy as np
from numpy.typing import NDArray

from coop_runtime import Array, Card, Model
from coop_runtime.tasks.infer import Start

from ..console import Command
from ..masks import MASK, Masks
from .each import Done, Each, Item, per_input
from .latents import latent_options
from .shared import last_of, noise_option

__all__ = ["complete"]


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  coop-run complete exported/faces photo.jpg --mask hole.png -o out.png
  coop-run complete exported/faces photos/ --mask masks/ --chains 8 -o completed/
  coop-run complete exported/faces photo.jpg --mask hole.npz --sheet -o suggestions.png
""",
)
@per_input
@click.option("--mask", required=True, help=MASK.format("missing"))
@latent_options
@click.option(
    "--start",
    type=click.Choice(["noise", "encoder"]),
    default="noise",
    show_default=True,
    help="Where the chains start.",
)
@click.option(
    "--refine",
    type=click.IntRange(0),
    default=0,
    show_default=True,
    help="Steps of Langevin dynamics on what is missing, at the end.",
)
@noise_option
@click.option(
    "--around",
    type=click.IntRange(0),
    metavar="PIXELS",
    help="Look no further than this from what is missing, of textures and sounds: faster.",
)
@click.option(
    "--choose",
    type=click.IntRange(1),
    default=1,
    show_default=True,
    help="Which suggestion to write; the first explains what is known best.",
)
@click.option("--sheet", is_flag=True, help="Input and all suggestions side by side, best first.")
def complete(
    job: Each,
    mask: str,
    chains: int,
    steps: int,
    settle: int,
    step_size: float | None,
    sigma: float | None,
    start: Start,
    refine: int,
    noise: bool | None,
    around: int | None,
    choose: int,
    sheet: bool,
) -> None:
    """Suggest what is missing of pictures, sounds or clips; what is known is kept.

    Pictures of another size than the model's are scaled to it, and what is missing is scaled back.
    --json gives the error over the known entries and the energy of every suggestion.
    """
    if choose > chains:
        raise click.BadParameter(f"there are {chains} suggestions", param_hint="'--choose'")
    masks = Masks(mask)

    def task(model: Model, item: Item) -> Done:
        missing, read = masks.of(item.index, item.x, model.card)
        states = model.completing(
            item.x,
            missing,
            seed=job.seed,
            chains=chains,
            steps=steps,
            settle=settle,
            step_size=step_size,
            start=start,
            sigma=sigma,
            refine_steps=refine,
            noise=noise,
            around=around,
            every=1,
            first=item.number,
        )
        last = last_of(states, 1 + steps + settle + refine, item.read.name)
        report = {
            "errors": last.error[0].tolist(),
            "energies": None if last.energy is None else last.energy[0].tolist(),
        }
        suggestions = last.suggestions[0]
        chosen = suggestions[choose - 1 : choose]
        shown = _sheet(item.x, missing, suggestions, model.card) if sheet else chosen
        return Done(shown, report, **read)

    job.run(task, any_size=True, sheet=sheet, prepare=masks.find)


def _sheet(x: Array, missing: NDArray[np.bool_], suggestions: Array, card: Card) -> Array:
    """Give the input, grey where something is missing, and the suggestions."""
    middle = np.float32(sum(card.signal.value_range) / 2)
    return np.concatenate([np.where(missing, middle, x), suggestions])
