"""A bundle as a model repository of Triton Inference Server, which plays its ONNX graphs.

The rules are those of ``docs/user_guide/model_configuration.md`` in
https://github.com/triton-inference-server/server; for scalars, those of ``ValidateInputs`` in
``src/onnxruntime.cc`` of https://github.com/triton-inference-server/onnxruntime_backend.
"""

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path

from coop_runtime.bundle import read_card, read_graph
from coop_runtime.card import CARD_FILE, Card, Graph
from coop_runtime.errors import CoopError
from coop_runtime.files import new_folder, write_atomically

from .from_run import export_run

__all__ = ["MAX_BATCH", "export_repository", "model_config", "write_repository"]

#: Most examples in one request of a model that takes batches.
MAX_BATCH = 64
CONFIG_FILE = "config.pbtxt"

Shape = tuple[int | str, ...]


def export_repository(
    source: Path, target: Path, *, atol: float = 1e-6, rtol: float | None = None
) -> None:
    """Write what a run has learned, or a bundle, as a model repository.

    Parameters
    ----------
    source
        A folder of coop-train, whose name becomes the models'; or of coop-export.
    target
        As `write_repository` takes it.
    atol, rtol
        Limits on the parity with torch, see `coop_trainer.export.write_bundle`.

    Raises
    ------
    CoopError
        What `export_run` or `write_repository` raises.
    """
    if target.exists():
        raise CoopError(f"'{target}' exists already; give a new name, or remove it first")
    if (source / CARD_FILE).exists():
        write_repository(source, target)
        return
    with tempfile.TemporaryDirectory() as folder:
        bundle = Path(folder) / source.resolve().name
        export_run(source, bundle, atol=atol, rtol=rtol)
        write_repository(bundle, target)


def write_repository(bundle: Path, target: Path) -> None:
    """Write a bundle's ONNX graphs as a new folder that ``tritonserver`` serves.

    It holds, for each graph, ``NAME_GRAPH/config.pbtxt`` and ``NAME_GRAPH/1/model.onnx``, NAME
    being the card's; and the card and a README, which Triton passes over.

    Parameters
    ----------
    bundle
        Its card and graphs are verified as `coop_runtime.load` does.
    target
        Must not exist.

    Raises
    ------
    CoopError
        The bundle is not as its card says, or the folder exists or cannot be written.
    """
    card = read_card(bundle)
    if card.name.startswith(".") or set(card.name) & set("/\\:"):
        raise CoopError(f"{CARD_FILE}: name: expected one word for a folder, found {card.name!r}")
    files = {CARD_FILE: card.to_json().encode(), "README.md": _readme(card).encode()}
    for key, graph in _served(card).items():
        name = _model(card, key)
        files[f"{name}/{CONFIG_FILE}"] = model_config(name, graph).encode()
        files[f"{name}/1/model.onnx"] = read_graph(bundle, card, key)
    with new_folder(target) as folder:
        for path, data in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            write_atomically(folder / path, data)


def model_config(name: str, graph: Graph) -> str:
    """Give the text of one model's ``config.pbtxt``.

    A graph whose inputs and outputs all begin with the batch takes up to `MAX_BATCH` examples a
    request, and shapes are those of one example, where Triton wants ``[1]`` reshaped to ``[]`` for
    a single number. Others, like the posterior with its one σ for all examples, take whole arrays,
    and Triton itself turns ``[1]`` into a scalar.

    Examples
    --------
    >>> graph = Graph("energy.onnx", (8,), {"x": ("batch", 1, "8*t")}, {"energy": ("batch",)})
    >>> print(model_config("rain_energy", graph))
    name: "rain_energy"
    backend: "onnxruntime"
    max_batch_size: 64
    input [
      {
        name: "x"
        data_type: TYPE_FP32
        dims: [ 1, -1 ]
      }
    ]
    output [
      {
        name: "energy"
        data_type: TYPE_FP32
        dims: [ 1 ]
        reshape: { shape: [ ] }
      }
    ]
    <BLANKLINE>
    """
    shapes = (*graph.inputs.values(), *graph.outputs.values())
    batched = all(shape and isinstance(shape[0], str) for shape in shapes)
    return (
        f"name: {json.dumps(name, ensure_ascii=False)}\n"
        'backend: "onnxruntime"\n'
        f"max_batch_size: {MAX_BATCH if batched else 0}\n"
        f"input [\n{_tensors(graph.inputs, batched)}]\n"
        f"output [\n{_tensors(graph.outputs, batched)}]\n"
    )


def _tensors(shapes: Mapping[str, Shape], batched: bool) -> str:
    blocks = [_tensor(name, shape, batched) for name, shape in shapes.items()]
    return ",\n".join(blocks) + "\n"


def _tensor(name: str, shape: Shape, batched: bool) -> str:
    sizes = [size if isinstance(size, int) else -1 for size in shape][batched:]
    lines = [
        "  {",
        f'    name: "{name}"',
        "    data_type: TYPE_FP32",
        f"    dims: [ {', '.join(map(str, sizes or [1]))} ]",
        *["    reshape: { shape: [ ] }"] * (batched and not sizes),
        "  }",
    ]
    return "\n".join(lines)


def _served(card: Card) -> dict[str, Graph]:
    """Leave out the chain: its whole numbers and its one example a call do not fit requests."""
    return {key: graph for key, graph in card.graphs.items() if key != "chain"}


def _model(card: Card, key: str) -> str:
    return f"{card.name}_{key}"


def _readme(card: Card) -> str:
    models = "\n".join(
        f"| `{_model(card, key)}` | {_signature(graph.inputs)} | {_signature(graph.outputs)} |"
        for key, graph in _served(card).items()
    )
    licence = card.training.get("licence")
    return f"""# {card.name}: a model repository of Triton Inference Server

```
tritonserver --model-repository=.
```

| model | inputs | outputs |
| --- | --- | --- |
{models}

All are float32. What the graphs compute, in which ranges, and the settings of Langevin dynamics
stand in `{CARD_FILE}`; the dynamics are the client's part. Sizes of signals must be multiples
of a graph's `strides`.

Requests are not joined to batches; with `dynamic_batching {{ }}` in a `{CONFIG_FILE}` they are, and
an example's last digits then depend on its batch. On a GPU, NVIDIA_TF32_OVERRIDE=0 in the server's
environment keeps convolutions in full float32, as the card's parity was measured.
""" + (f"\nTraining data: {licence}\n" if licence else "")


def _signature(shapes: Mapping[str, Shape]) -> str:
    return ", ".join(f"`{name}` ({', '.join(map(str, shape))})" for name, shape in shapes.items())
