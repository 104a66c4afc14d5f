"""The README.md of a bundle, made from its card."""

from collections.abc import Mapping, Sequence
from typing import Any

from coop_runtime.arrays import drawable
from coop_runtime.card import Card, Parity, Precision

__all__ = ["model_readme"]

_SUFFIX = {1: ".wav", 2: ".png", 3: ".gif"}
_SHOWN = (".png", ".gif", ".webp")
_PER_SECOND = {1: "samples", 2: "pictures", 3: "frames"}


def model_readme(card: Card) -> str:
    """Write the model card: what it is, how to play it, how it was made, how exact it is.

    ``card.training`` may hold ``licence``, the licence of the training data; the rest of it
    becomes a table.
    """
    sections = [_title(card), _samples(card), _play(card), _training(card), _parity(card)]
    sections += [_licence(card), _versions(card)]
    return "\n\n".join(section for section in sections if section) + "\n"


def _title(card: Card) -> str:
    signal = card.signal
    megabytes = sum(card.files[graph.file].bytes for graph in card.graphs.values()) / 1e6
    rate = f", {signal.rate:g} {_PER_SECOND[signal.dims]} per second" if signal.rate else ""
    lines = [
        f"- Signal: {signal.dims} spatial dimension{'s' * (signal.dims > 1)}, "
        f"{signal.channels} channel{'s' * (signal.channels > 1)}, values in "
        f"[{signal.value_range[0]:g}, {signal.value_range[1]:g}]{rate}, trained at "
        f"{_by(signal.trained_shape)}; {_sizes(card)}."
    ]
    if card.latent:
        lines.append(
            f"- Latent: {card.latent.channels} channels, one cell for every "
            f"{_by(card.latent.strides)} samples."
        )
    if card.langevin:
        lines.append(
            f"- Revision: {card.langevin.steps} Langevin steps of size "
            f"{card.langevin.step_size:g}{'' if card.langevin.noise else ', without noise'}."
        )
    lines.append(
        f"- Graphs: {', '.join(f'`{g.file}`' for g in card.graphs.values())}; "
        f"{megabytes:.1f} MB in all. Everything about them stands in `card.json`."
    )
    if card.torchscript:
        files = ", ".join(f"`{file}`" for file in card.torchscript.files.values())
        lines.append(
            f"- TorchScript: {files}, the same for torch and libtorch. These are programs: load "
            "them only from people whom you trust."
        )
    return "\n".join(
        [
            f"# {card.name}\n",
            f"A generative model ({signal.kind}): {_parts(card)} "
            "Played by `coop_runtime` with numpy and ONNX Runtime, without torch.\n",
            *lines,
        ]
    )


def _parts(card: Card) -> str:
    if not card.langevin:
        return "a generator draws."
    if not card.latent:
        return "an energy turns noise into signals by Langevin dynamics."
    return "a generator draws, and an energy revises its drafts by Langevin dynamics."


def _sizes(card: Card) -> str:
    if all(card.signal.extendable):
        return "any size can be drawn"
    return f"{_by(drawable(card))} can be drawn{', N any number' * any(card.signal.extendable)}"


def _samples(card: Card) -> str:
    files = [path for path in card.files if path.startswith("samples/")]
    # A link to what a page does not show, such as a sound.
    shown = [
        f"{'!' * path.endswith(_SHOWN)}[{path.removeprefix('samples/')}]({path})" for path in files
    ]
    return "\n\n".join(["## Samples", *shown]) if shown else ""


def _play(card: Card) -> str:
    signal = card.signal
    larger = [
        n * (1 + free) for n, free in zip(signal.trained_shape, signal.extendable, strict=True)
    ]
    size = f" --size {_by(larger)}" if any(signal.extendable) else ""
    refine = f" --refine {card.langevin.steps}" if card.langevin else ""
    argument = f", size={tuple(larger)}" if size else ""
    draw = "generate" if card.latent else "noise"
    revised = (
        f"""for state in model.refine(x, steps={card.langevin.steps}, seed=0):
    print(state.step, state.energy)  # preview state.x, or break
x = state.x
"""
        if card.langevin
        else ""
    )
    convert = "to_samples" if signal.dims == 1 else "to_uint8"
    return f"""## Play it

```
pip install 'coopnets[cpu,apps]'
coop-run generate {card.name} -n 3{size}{refine} -o out{_SUFFIX[signal.dims]}
```

`{card.name}` is the path of this folder. The same in Python, which needs only `coopnets[cpu]`:

```python
import coop_runtime

model = coop_runtime.load("{card.name}")
x = model.{draw}(n=1, seed=0{argument})
{revised}values = coop_runtime.{convert}(x, model.card.signal)
```"""


def _training(card: Card) -> str:
    rows = [(key, value) for key, value in _flat(card.training) if key != "licence"]
    if not rows:
        return ""
    return _table("## How it was trained", ("setting", "value"), rows)


def _parity(card: Card) -> str:
    reports = {"ONNX Runtime": card.parity}
    if card.torchscript:
        reports["TorchScript"] = card.torchscript.parity
    rows = [
        (
            name,
            *(_worst(found.get(name)) for found in reports.values()),
            len(report.cases),
        )
        for name, report in card.parity.items()
    ]
    if not rows:
        return ""
    table = _table("## Parity with torch", ("graph", *reports, "cases"), rows)
    text = (
        f"{table}\n\nLargest relative error, max |backend − torch| / max |torch|, in float32, "
        "on random inputs."
    )
    return text + (_rounded(card.precision) if card.precision else "")


def _rounded(precision: Precision) -> str:
    shares = ", ".join(f"{name} {share:.2g}" for name, share in precision.statistics.items())
    return (
        f" The graphs' weights are stored as {precision.weights}; torch's are float32, and so is "
        f"all that is computed; the limit is {precision.parity_limit:g}.\n\n"
        f"{precision.samples} samples with and without rounded weights, from the same seeds, "
        "differ in the mean, as a share of the spread between samples (at most "
        f"{precision.statistics_limit:g}): {shares}."
    )


def _worst(report: Parity | None) -> str:
    return f"{report.max_relative_error:.1e}" if report else "none"


def _licence(card: Card) -> str:
    licence = card.training.get("licence")
    return f"## Licence of the training data\n\n{licence}" if licence else ""


def _versions(card: Card) -> str:
    made = ", ".join(f"{name} {version}" for name, version in card.versions.items())
    return f"Made with {made}." if made else ""


def _table(title: str, head: tuple[str, ...], rows: list[tuple[Any, ...]]) -> str:
    lines = [head, ("---",) * len(head), *rows]
    cells = ["| " + " | ".join(str(c).replace("|", "\\|") for c in line) + " |" for line in lines]
    return "\n".join([title, "", *cells])


def _flat(table: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    """List nested settings by their dotted names."""
    rows: list[tuple[str, Any]] = []
    for key, value in table.items():
        if isinstance(value, Mapping):
            rows += _flat(value, f"{prefix}{key}.")
        else:
            rows.append((prefix + key, value))
    return rows


def _by(sizes: Sequence[int | str]) -> str:
    return "x".join(map(str, sizes))
