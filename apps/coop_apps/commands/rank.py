"""``coop-run energy``."""

from pathlib import Path

import click

import coop_runtime
from coop_runtime.bundle import Backend

from ..console import Command
from ..inputs import find_inputs, read_input
from .attempts import Attempts
from .shared import bundle_argument, device_options, json_line, json_option, last_of

__all__ = ["energy"]


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  coop-run energy exported/fashion shoes/
  coop-run energy exported/brick 'walls/*.png' --json
""",
)
@bundle_argument
@click.argument("sources", metavar="INPUT...", nargs=-1, required=True)
@device_options
@json_option
def energy(
    bundle: Path, sources: tuple[str, ...], device: str, backend: Backend, as_json: bool
) -> None:
    """Rank inputs by their energy, the least likely first.

    Energies of inputs of several sizes cannot be compared.
    """
    card = coop_runtime.read_card(bundle)
    names = find_inputs(sources, card.signal.dims)
    ranked: list[tuple[float, str]] = []
    sizes: set[tuple[int, ...]] = set()

    attempts = Attempts(len(names), as_json)

    def judged(name: str) -> tuple[float, tuple[int, ...]]:
        x = read_input(name, card).x
        return float(model.energy(x)[0]), x.shape

    def judge(name: str) -> None:
        if found := attempts.of(name, lambda: judged(name)):
            ranked.append((found[0], name))
            sizes.add(found[1])

    with coop_runtime.load(bundle, device, backend=backend) as model:
        last_of(names, len(names), "energy", judge)
    if len(sizes) > 1:
        click.echo("The sizes differ, so these energies cannot be compared.", err=True)
    ranked.sort(key=lambda found: -found[0])
    for rank, (value, name) in enumerate(ranked, 1):
        line = {"file": name, "energy": value, "rank": rank}
        click.echo(json_line(line) if as_json else f"{rank:>4}  {value:>12.6g}  {name}")
    attempts.end()
