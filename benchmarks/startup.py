"""Time the start of a program that embeds the runtime: import, load, the first picture.

    python benchmarks/startup.py
    python benchmarks/startup.py --bundle exported/brick --repeats 20

Without ``--bundle``, networks of the texture preset with twice the filters, as they are before
training, are exported to a temporary folder: about 5 MB. Every repeat is a process of its own;
``import`` is what coop_runtime takes beyond numpy and onnxruntime. ``load``, in parts: the card and
the graphs verified and gone through (``verify``), and onnxruntime's sessions.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from coop_runtime.card import Langevin, Latent, Signal
from coop_trainer.config import configure
from coop_trainer.export import write_bundle
from coop_trainer.nets import Descriptor, Generator
from coop_trainer.presets import load_preset
from tables import markdown

CHILD = """
import json, sys, time
import numpy, onnxruntime

times = {}
class Timed:
    def __init__(self, name): self.name = name
    def __enter__(self): self.wall, self.own = time.perf_counter(), time.process_time()
    def __exit__(self, *_):
        times[self.name] = time.perf_counter() - self.wall, time.process_time() - self.own

with Timed("import"):
    import coop_runtime
card = None
with Timed("verify"):
    card = coop_runtime.read_card(sys.argv[1])
    for name in card.graphs:
        coop_runtime.read_graph(sys.argv[1], card, name)
with Timed("load"):
    model = coop_runtime.load(sys.argv[1], "cpu", int(sys.argv[2]))
with Timed("first picture"):
    model.generate() if "generator" in card.graphs else model.noise()
print(json.dumps(times))
"""


def doubled(layers: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """Give layers with twice the filters."""
    return [[2 * filters, *rest] for filters, *rest in layers]


def synthetic(folder: Path) -> None:
    """Export untrained networks, about 5 MB of weights and graphs."""
    table = load_preset("texture", "quick")
    branches = table["descriptor"]["branches"]
    table["descriptor"]["branches"] = [b | {"layers": doubled(b["layers"])} for b in branches]
    table["generator"]["levels"] = doubled(table["generator"]["levels"])
    config = configure(table)
    torch.manual_seed(0)
    f = Descriptor(config.descriptor, channels=1, dims=2).eval().requires_grad_(False)
    g = Generator(config.generator, channels=1, dims=2).eval()
    write_bundle(
        folder,
        name="synthetic",
        energy=lambda x: f.energy(x, None),
        generator=g,
        encoder=None,
        strides=f.strides,
        signal=Signal("texture", 2, 1, (-1.0, 1.0), (0.0, 255.0), (64, 64), (True, True)),
        latent=Latent(g.latent_channels, g.strides),
        langevin=Langevin(steps=50, step_size=0.08),
        sigma=0.3,
        training={},
        samples={},
        rtol=1e-3,
    )


def measure(bundle: Path, threads: int, repeats: int) -> list[dict[str, tuple[float, float]]]:
    """Give seconds, by the clock and of the processor, of each part in each fresh process."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    command = [sys.executable, "-c", CHILD, str(bundle), str(threads)]
    runs = []
    for _ in range(repeats + 1):  # the first compiles
        done = subprocess.run(command, capture_output=True, check=True, env=environment)
        runs.append(json.loads(done.stdout))
    return runs[1:]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bundle", type=Path, help="a folder of coop-export")
    parser.add_argument("--repeats", type=int, default=10)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        bundle = options.bundle
        if bundle is None:
            bundle = Path(temporary) / "synthetic"
            synthetic(bundle)
        size = sum(file.stat().st_size for file in bundle.glob("*.onnx"))
        runs = measure(bundle, options.threads, options.repeats)
    print(f"{size / 1e6:.1f} MB of graphs, {options.threads} thread(s), {len(runs)} processes\n")
    rows = [("part", "best, ms", "median, ms", "processor time, median, ms")]
    for part in runs[0]:
        wall = [1e3 * run[part][0] for run in runs]
        own = statistics.median(1e3 * run[part][1] for run in runs)
        rows.append((part, f"{min(wall):.0f}", f"{statistics.median(wall):.0f}", f"{own:.0f}"))
    print(markdown(rows))


if __name__ == "__main__":
    main()
