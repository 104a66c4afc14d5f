"""Time what a bundle does on this machine's CPU, against three ways to do it with torch.

    python benchmarks/runtime.py
    python benchmarks/runtime.py --workloads scene faces --batches 1 16 --ways ours eager --memory

Networks are those of the presets, with random weights: no time depends on them. ``generate``: a
64×64 picture by DCGAN's generator; ``scene``, ``texture``, ``sound``: one Langevin step, noise
included, of the 64×64 scenes' descriptor, of the 224×224 textures' and of the quick sound preset's
at 60,000 samples; ``faces``: one latent step of completing a 64×64 face whose lower half is
hidden, of which a completion takes a thousand.

Ways take turns, so that a busy moment of the machine hits all of them; medians are shown. Torch
steps a whole batch at once, coop_runtime its examples one after the other, so that none depends on
its batch. The share of the peak counts the convolutions that are left after the export's algebra,
for every way. With ``--memory``, what a process of its own grew by at its highest. On a machine
that does other things too, ``--clock cpu --threads 1`` (and OMP_NUM_THREADS=1) gives the time that
was really computed.
"""

import argparse
import multiprocessing
import os
import platform
import statistics
import sys
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from coop_runtime.card import Graph, Latent, Signal
from coop_runtime.graphs import LoadedGraph
from coop_runtime.langevin import langevin_step as numpy_step
from coop_runtime.philox import Purpose, normals, streams
from coop_runtime.sessions import SessionOptions, open_session
from coop_trainer.config import configure
from coop_trainer.export.graphs import (
    Blueprint,
    energy_and_gradient,
    energy_graph,
    export_graph,
    frozen,
    generator_graph,
    log_posterior,
    posterior_graph,
)
from coop_trainer.export.tracing import Cells, record
from coop_trainer.langevin import langevin_step
from coop_trainer.nets import Descriptor, Generator
from coop_trainer.presets import load_preset
from tables import markdown

WAYS = ("ours", "eager", "compile", "torchscript")
CLOCKS = {"wall": time.perf_counter, "cpu": time.process_time}
SIGMA, DELTA = 0.3, 0.002

Step = Callable[[], Any]


class Workload(NamedTuple):
    """What is to be computed, by whichever way.

    Attributes
    ----------
    signal, network, plan
        The network, and the graph that coop-export makes of it.
    inputs
        Batch to the graph's inputs by name.
    step
        Network and inputs to one step by torch, noise included.
    """

    signal: Signal
    network: nn.Module
    plan: Blueprint
    inputs: Callable[[int], dict[str, Tensor]]
    step: Callable[[Callable[[Tensor], Tensor], dict[str, Tensor]], Tensor]


#: Kind of signal, preset and size of each.
SIGNALS: dict[str, tuple[Any, str, tuple[int, ...]]] = {
    "generate": ("images", "scenes64", (64, 64)),
    "scene": ("images", "scenes64", (64, 64)),
    "texture": ("texture", "paper", (224, 224)),
    "sound": ("sound", "quick", (60_000,)),
    "faces": ("images", "faces64", (64, 64)),
}


def build(name: str) -> Workload:
    """Build a workload with random weights, the same at every call."""
    torch.manual_seed(0)
    kind, preset, size = SIGNALS[name]
    config, dims = configure(load_preset(kind, preset)), len(size)
    channels, free = 3 if dims == 2 else 1, (kind != "images",) * dims
    if name in ("generate", "faces"):
        signal = Signal(kind, dims, channels, (-1.0, 1.0), (0.0, 255.0), size, free)
        generator = Generator(config.generator, channels=channels, dims=dims)
        latent = Latent(generator.latent_channels, generator.strides)
        return _latent_workload(name, signal, frozen(generator), latent)
    descriptor = Descriptor(config.descriptor, channels=channels, dims=dims)
    descriptor.calibrate([0.3 * torch.randn(channels, *size)])
    strides = descriptor.strides
    whole = tuple(-(-n // stride) * stride for n, stride in zip(size, strides, strict=True))
    signal = Signal(kind, dims, channels, (-1.0, 1.0), (0.0, 255.0), whole, free)
    f, sd = frozen(descriptor), config.coopnets.langevin.reference_sd

    def energy(network: Callable[[Tensor], Tensor], x: Tensor) -> Tensor:
        e = -network(x)
        return e if sd is None else e + x.square().flatten(1).sum(1) / (2 * sd**2)

    def inputs(batch: int) -> dict[str, Tensor]:
        rng = torch.Generator().manual_seed(batch)
        return {"x": torch.rand(batch, channels, *whole, generator=rng) * 2 - 1}

    def step(network: Callable[[Tensor], Tensor], given: dict[str, Tensor]) -> Tensor:
        x = given["x"]
        _, gradient = energy_and_gradient(lambda y: energy(network, y), x)
        return langevin_step(x, gradient, torch.randn_like(x), step_size=DELTA)

    plan = energy_graph(lambda x: energy(f, x), signal, strides)
    return Workload(signal, f, plan, inputs, step)


def _latent_workload(name: str, signal: Signal, g: nn.Module, latent: Latent) -> Workload:
    cells = [n // s for n, s in zip(signal.trained_shape, latent.strides, strict=True)]

    def inputs(batch: int) -> dict[str, Tensor]:
        rng = torch.Generator().manual_seed(batch)
        z = torch.randn(batch, latent.channels, *cells, generator=rng)
        if name == "generate":
            return {"z": z}
        x = torch.rand(batch, signal.channels, *signal.trained_shape, generator=rng) * 2 - 1
        mask = torch.ones_like(x)
        mask[:, :, x.shape[2] // 2 :] = 0
        return {"z": z, "x": x, "mask": mask, "sigma": torch.tensor(SIGMA)}

    def step(network: Callable[[Tensor], Tensor], given: dict[str, Tensor]) -> Tensor:
        if name == "generate":
            with torch.no_grad():
                return network(given["z"])
        _, gradient, _ = log_posterior(network, *given.values())
        return langevin_step(given["z"], -gradient, torch.randn_like(gradient), step_size=DELTA)

    if name == "generate":
        return Workload(signal, g, generator_graph(g, latent), inputs, step)
    return Workload(signal, g, posterior_graph(g, signal, latent, SIGMA), inputs, step)


class Exported(NamedTuple):
    """A graph for `ours`: its bytes, what LoadedGraph needs, its outputs and the signal's shape."""

    data: bytes
    spec: Graph
    outputs: tuple[str, ...]
    shape: tuple[int, ...]


def exported(work: Workload) -> Exported:
    """Export the graph, as coop-export does."""
    plan, signal = work.plan, work.signal
    inputs: dict[str, tuple[int | str, ...]] = {
        name: () if isinstance(kind, float) else ("batch", *["n"] * (1 + len(kind[1])))
        for name, kind in plan.inputs.items()
    }
    spec = Graph("graph.onnx", plan.strides, inputs, {})
    shape = (signal.channels, *signal.trained_shape)
    return Exported(export_graph(plan, signal), spec, plan.outputs, shape)


def ours(graph: Exported, threads: int) -> Callable[[dict[str, Any]], Step]:
    """Step as coop_runtime does."""
    session = open_session(graph.data, "cpu", SessionOptions(threads), graph.spec.file)
    loaded = LoadedGraph(graph.spec, session)

    def prepare(given: dict[str, Any]) -> Step:
        state = given["z"] if "z" in given else given["x"]
        n = len(state)
        x = (n, *graph.shape)
        shapes = {"x": x, "reconstruction": x, "gradient": state.shape, "energy": (n,)}
        wanted = {name: shapes.get(name, (n,)) for name in graph.outputs}
        of_each = streams(0, 0, n, Purpose.NOISE)

        def step() -> Any:
            first, *others = loaded.run(given, wanted)
            if not others:
                return first
            gradient = others[0] if graph.outputs[0] == "energy" else -others[0]
            return numpy_step(state, gradient, normals(of_each, state.shape[1:]), step_size=DELTA)

        return step

    return prepare


def by_torch(work: Workload, way: str, given: dict[str, Tensor]) -> Step:
    """Step with torch."""
    network: Callable[[Tensor], Tensor] = work.network
    if way == "compile":
        network = torch.compile(work.network, dynamic=False)
    elif way == "torchscript":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # deprecated, but still there to compare with
            trace: Any = torch.jit.trace
            network = trace(work.network, given.get("z", given.get("x")))
    return lambda: work.step(network, given)


def flops(work: Workload) -> int:
    """Count the operations of one example's convolutions, gradients included."""
    given = work.inputs(1)
    cells = [-(-n // s) for n, s in zip(work.signal.trained_shape, work.plan.strides, strict=True)]
    recorded = record(
        work.plan.function,
        list(work.plan.inputs.values()),
        Cells(tuple(cells), work.signal.extendable),
    )
    with FlopCounterMode(display=False) as counter:
        recorded(*given.values())
    return int(counter.get_total_flops())


def matmul_peak(size: int, clock: Callable[[], float], repeats: int = 5) -> float:
    """Give the most operations per second of a float32 matrix product, by torch or numpy."""
    a, b = torch.randn(size, size), torch.randn(size, size)
    x, y = a.numpy(), b.numpy()
    best = float("inf")
    for _ in range(repeats):
        for product in (lambda: a @ b, lambda: x @ y):
            start = clock()
            product()
            best = min(best, clock() - start)
    return 2 * size**3 / best


def measure(steps: dict[str, Step], seconds: float, clock: Callable[[], float]) -> dict[str, float]:
    """Give the median seconds of one step by each way, which take turns for about so long."""
    taken: dict[str, list[float]] = {way: [] for way in steps}
    for step in steps.values():
        step()  # warms up
    end = time.perf_counter() + seconds * len(steps)
    while time.perf_counter() < end or min(map(len, taken.values())) < 3:
        for way, step in steps.items():
            start = clock()
            step()
            taken[way].append(clock() - start)
    return {way: statistics.median(times) for way, times in taken.items()}


def memory(name: str, way: str, batch: int, threads: int, graph: Exported) -> float:
    """Give by how many MB two steps make a fresh process larger, the network included."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return float(pool.apply(_growth, (name, way, batch, threads, graph)))


def _growth(name: str, way: str, batch: int, threads: int, graph: Exported) -> float:
    torch.set_num_threads(threads)
    before = _highest()
    work = build(name)
    given = work.inputs(batch)
    if way == "ours":
        step = ours(graph, threads)({key: value.numpy() for key, value in given.items()})
    else:
        step = by_torch(work, way, given)
    step()
    step()
    return _highest() - before


def _highest() -> float:
    """Give the most MB that this process has held; ru_maxrss begins with what its parent held."""
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


def rows_of(name: str, options: argparse.Namespace, peak: float) -> list[list[str]]:
    """Measure one workload."""
    work = build(name)
    count, graph = flops(work), exported(work)
    prepare = ours(graph, options.threads)
    rows = []
    for batch in options.batches:
        given = work.inputs(batch)
        arrays = {key: value.numpy() for key, value in given.items()}
        steps = {
            way: prepare(arrays) if way == "ours" else by_torch(work, way, given)
            for way in options.ways
        }
        seconds = measure(steps, options.seconds, CLOCKS[options.clock])
        for way, value in seconds.items():
            eager = f"{seconds['eager'] / value:.2f}" if "eager" in seconds else ""
            share = f"{batch * count / value / peak:.0%}"
            grown = ""
            if options.memory and batch == max(options.batches):
                grown = f"{memory(name, way, batch, options.threads, graph):.0f}"
            cost = f"{1e3 * value / batch:.2f}"
            rows.append([name, str(batch), way, cost, eager, share, grown])
            print(*rows[-1], file=sys.stderr, flush=True)
    return rows


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workloads", nargs="+", choices=list(SIGNALS), default=list(SIGNALS))
    parser.add_argument("--ways", nargs="+", choices=WAYS, default=list(WAYS))
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 16, 64], metavar="N")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, metavar="N")
    parser.add_argument("--seconds", type=float, default=10.0, help="of each way (default: 10)")
    parser.add_argument("--clock", choices=list(CLOCKS), default="wall")
    parser.add_argument("--matmul", type=int, default=3072, metavar="N", help="rows, for the peak")
    parser.add_argument("--memory", action="store_true", help="at the largest batch (Linux)")
    options = parser.parse_args()
    if min(options.threads, options.matmul, *options.batches) < 1 or options.seconds <= 0:
        parser.error("expected numbers ≥ 1")
    torch.set_num_threads(options.threads)
    peak = matmul_peak(options.matmul, CLOCKS[options.clock])
    head = ["workload", "batch", "way", "ms per example-step", "× eager", "of the peak"]
    rows = [[*head, f"+ MB at batch {max(options.batches)}"]]
    for name in options.workloads:
        rows += rows_of(name, options, peak)
    print(f"\ntorch {torch.__version__}, numpy {np.__version__}, {platform.machine()},")
    print(f"{options.threads} thread(s), {options.clock} time;")
    print(f"float32 matrix product: {peak / 1e9:.0f} GFLOP/s\n")
    print(markdown(rows))


if __name__ == "__main__":
    main()
