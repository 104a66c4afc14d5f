"""The README.md of a bundle, made from its card."""

from collections.abc import Mapping
from typing import Any

from coop_runtime.card import Card

__all__ = ["model_readme"]


def model_readme(card: Card) -> str:
    """Write the model card: what it is, how to play it, how it was made, how exact it is.

    ``card.training`` may hold ``licence``, the licence of the training data; the rest of it
    becomes a table.
    """
    sections = [_title(card), _samples(card), _play(card), _training(card), _parity(card)]
    sections += [_licence(card), _versions(card)]
    return "\n\n".join(section for section in sections if section) + "\n"


def _title(card: Card) -> str:
    signal, latent = card.signal, card.latent
    megabytes = sum(card.files[graph.file].bytes for graph in card.graphs.values()) / 1e6
    return (
        f"# {card.name}\n\n"
        f"A cooperative generative model of a {signal.kind}: a generator draws, and an energy "
        "revises its drafts by Langevin dynamics (CoopNets, Xie et al., AAAI 2018). "
        "Played by `coop_runtime` with numpy and ONNX Runtime, without torch.\n\n"
        f"- Signal: {signal.dims} spatial dimension{'s' * (signal.dims > 1)}, "
        f"{signal.channels} channel{'s' * (signal.channels > 1)}, values in "
        f"[{signal.value_range[0]:g}, {signal.value_range[1]:g}], trained at "
        f"{_by(signal.trained_shape)}; any size can be drawn.\n"
        f"- Latent: {latent.channels} channels, one cell for every "
        f"{_by((latent.stride,) * signal.dims)} samples.\n"
        f"- Revision: {card.langevin.steps} Langevin steps of size {card.langevin.step_size:g}"
        f"{'' if card.langevin.noise else ', without noise'}.\n"
        f"- Graphs: {', '.join(f'`{g.file}`' for g in card.graphs.values())}; "
        f"{megabytes:.1f} MB in all. Everything about them stands in `card.json`."
    )


def _samples(card: Card) -> str:
    pictures = [path for path in card.files if path.startswith("samples/")]
    shown = [f"![{path.removeprefix('samples/')}]({path})" for path in pictures]
    return "\n\n".join(["## Samples", *shown]) if shown else ""


def _play(card: Card) -> str:
    size = [2 * n for n in card.signal.trained_shape]
    return f"""## Play it

```
pip install 'coopnets[cpu,apps]'
coop-run generate {card.name} -n 3 --size {_by(size)} --refine {card.langevin.steps} -o out.png
```

`{card.name}` is the path of this folder. The same in Python, which needs only `coopnets[cpu]`:

```python
import coop_runtime

model = coop_runtime.load("{card.name}")
draft = model.generate(n=1, seed=0, size={tuple(size)})
for state in model.refine(draft, steps={card.langevin.steps}, seed=0):
    print(state.step, state.energy)  # preview state.x, or break
values = coop_runtime.to_uint8(state.x, model.card.signal)
```"""


def _training(card: Card) -> str:
    rows = [(key, value) for key, value in _flat(card.training) if key != "licence"]
    if not rows:
        return ""
    return _table("## How it was trained", ("setting", "value"), rows)


def _parity(card: Card) -> str:
    rows = [
        (name, f"{report.max_relative_error:.1e}", len(report.cases))
        for name, report in card.parity.items()
    ]
    if not rows:
        return ""
    table = _table("## Parity with torch", ("graph", "largest relative error", "cases"), rows)
    return f"{table}\n\nmax |ONNX Runtime − torch| / max |torch|, both in float32, random inputs."


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


def _by(sizes: tuple[int, ...] | list[int]) -> str:
    return "x".join(map(str, sizes))
