"""``coop-run reconstruct`` and ``coop-run encode``: the latents of inputs."""

import io
import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import click
import numpy as np

import coop_runtime
from coop_runtime import Code, Model
from coop_runtime.bundle import Backend
from coop_runtime.tasks.reconstruct import How

from ..console import Command, check_writable
from ..inputs import STANDARD, Input, find_inputs, read_input
from ..sidecar import check_names, write_sidecar
from .attempts import Attempts
from .each import Done, Each, Item, per_input
from .shared import (
    bundle_argument,
    device_options,
    json_line,
    json_option,
    last_of,
    sidecar_option,
    together,
)

__all__ = ["encode", "latent_options", "reconstruct"]


latent_options = together(
    click.option(
        "--chains",
        type=click.IntRange(1),
        default=4,
        show_default=True,
        help="Langevin chains on the latent, side by side, best first.",
    ),
    click.option(
        "--steps",
        type=click.IntRange(0),
        default=200,
        show_default=True,
        help="Langevin steps on the latent; the paper takes 1000.",
    ),
    click.option(
        "--settle",
        type=click.IntRange(0),
        default=50,
        show_default=True,
        help="Steps without noise after them.",
    ),
    click.option(
        "--step-size",
        type=click.FloatRange(0, min_open=True),
        help="Of the steps, e.g. 0.1; every chain finds its own if not given.",
    ),
    click.option(
        "--sigma",
        type=click.FloatRange(0, min_open=True),
        help="Of the residual, smaller to trust the input more; as in the card if not given.",
    ),
)


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  coop-run reconstruct exported/fashion shoe.png -o out.png
  coop-run reconstruct exported/faces photos/ --how both --json -o again/
""",
)
@per_input
@click.option(
    "--how",
    type=click.Choice(["encoder", "posterior", "both"]),
    help="By the encoder, by Langevin steps from noise, or by steps from the encoder; the encoder "
    "if there is one, else the posterior, if not given.",
)
@latent_options
def reconstruct(
    job: Each,
    how: How | None,
    chains: int,
    steps: int,
    settle: int,
    step_size: float | None,
    sigma: float | None,
) -> None:
    """Draw pictures, sounds or clips again from their latents.

    --json gives the root mean square of the difference, in units of the model.
    """

    def task(model: Model, item: Item) -> Done:
        states = model.reconstructing(
            item.x,
            how,
            seed=job.seed,
            chains=chains,
            steps=steps,
            settle=settle,
            step_size=step_size,
            sigma=sigma,
            first=item.number,
        )
        by_encoder = how == "encoder" or (how is None and "encoder" in model.graphs)
        last = last_of(states, 1 if by_encoder else 1 + steps + settle, item.read.name)
        return Done(last.x, {"error": float(last.error[0])})

    job.run(task)


@click.command(
    cls=Command,
    epilog="""\b
Examples:
  coop-run encode exported/fashion shoe.png --json
  coop-run encode exported/fashion shoes/ -o codes.npz
""",
)
@bundle_argument
@click.argument("sources", metavar="INPUT...", nargs=-1, required=True)
@click.option(
    "-o",
    "--out",
    type=click.Path(path_type=Path),
    help="A .npz file of the arrays name, mean and log_variance; inputs of one size.",
)
@device_options
@json_option
@sidecar_option
def encode(
    bundle: Path,
    sources: tuple[str, ...],
    out: Path | None,
    device: str,
    backend: Backend,
    as_json: bool,
    sidecar: bool,
) -> None:
    """Read the latents of inputs by the encoder: mean and log-variance of q(z|x).

    Inputs are named in the .npz file as seen from the folder that they share. For a model without
    an encoder, see reconstruct.
    """
    if out is None and not as_json:
        raise click.UsageError("give --json, -o codes.npz, or both")
    if out is not None:
        check_writable(out, ".npz")
    card = coop_runtime.read_card(bundle)
    names = find_inputs(sources, card.signal.dims)
    if sidecar and out is not None:
        check_names(bundle, out, *names)
    attempts = Attempts(len(names), as_json)
    read: list[tuple[Input, Code]] = []
    with coop_runtime.load(bundle, device, backend=backend) as model:

        def work(name: str) -> tuple[Input, Code]:
            given = read_input(name, card)
            return given, model.encode(given.x)

        def keep(name: str) -> None:
            if (found := attempts.of(name, partial(work, name))) is None:
                return
            if as_json:
                numbers = {key: value[0].tolist() for key, value in found[1]._asdict().items()}
                click.echo(json_line({"file": name} | numbers))
            if out is not None:
                read.append((found[0]._replace(x=np.empty(0, np.float32)), found[1]))

        last_of(names, len(names), "encoding", keep, hidden=as_json)  # whose lines tell as much
    if out is not None and read:
        given, codes = zip(*read, strict=True)
        _write(out, [one.name for one in given], codes)
        if sidecar:
            files = {one.name: one.sha256 for one in given}
            inputs = tuple(one.name for one in given)
            write_sidecar(out, bundle, card, model.device, arguments=inputs, files=files)
        click.echo(out, err=as_json)
    attempts.end()


def _write(out: Path, names: Sequence[str], codes: Sequence[Code]) -> None:
    if len({code.mean.shape for code in codes}) > 1:
        raise coop_runtime.CoopError("inputs of several sizes do not fit one .npz; use --json")
    mean, log_variance = (np.concatenate(parts) for parts in zip(*codes, strict=True))
    stream = io.BytesIO()
    np.savez(stream, name=np.array(_short(names)), mean=mean, log_variance=log_variance)
    coop_runtime.write_atomically(out, stream.getvalue())


def _short(names: Sequence[str]) -> list[str]:
    """Name files as seen from the folder that they share, wherever that is.

    Examples
    --------
    >>> _short(["in/shoes/a.png", "in/boots/a.png", "-"])
    ['shoes/a.png', 'boots/a.png', '-']
    """
    paths = {name: Path(name).absolute() for name in names if name != STANDARD}
    folder = os.path.commonpath([path.parent for path in paths.values()]) if paths else ""
    return [paths[n].relative_to(folder).as_posix() if n in paths else n for n in names]
