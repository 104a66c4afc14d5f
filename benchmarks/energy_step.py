"""Time one Langevin step of the papers' 64×64 scene descriptor, by every way to compute it.

The descriptor is the one of the 64×64 scenes of CoopNets: 5×5×64 stride 2, 3×3×128 stride 2,
3×3×256, a full-extent convolution to 100 outputs, summed; leaky ReLU 0.2. A step is the
energy, its gradient and the update x ← x − (δ²/2)∇E + δn of equation (4).

    python benchmarks/energy_step.py --threads 2

The ways take turns, so that a busy moment of the machine hits all of them; medians are shown.
"""

import argparse
import shutil
import sys
import time
import warnings
from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from coop_runtime.card import Signal
from coop_runtime.langevin import langevin_step as numpy_step
from coop_runtime.sessions import SessionOptions, open_session
from coop_trainer.export import energy_and_gradient, energy_graph, export_graph
from coop_trainer.langevin import langevin_step

REFERENCE_SD = 0.016
STEP_SIZE = 0.002
SIDE = 64
LAYERS = ((3, 64, 5, 2, 2), (64, 128, 3, 2, 1), (128, 256, 3, 1, 1))

#: A batch of states and the same noise every time, to the next states.
Step = Callable[[Tensor, Tensor], Tensor]


class Scenes(nn.Module):
    """f(x), shape (batch,), of x (batch, 3, 64, 64)."""

    def __init__(self, outputs: int = 100) -> None:
        super().__init__()
        self.layers = nn.ModuleList(
            nn.Conv2d(fan, width, kernel, stride, padding)
            for fan, width, kernel, stride, padding in LAYERS
        )
        self.head = nn.Conv2d(256, outputs, SIDE // 4)

    def forward(self, x: Tensor) -> Tensor:
        """Give f(x)."""
        for layer in self.layers:
            x = F.leaky_relu(layer(x), 0.2)
        f: Tensor = self.head(x).flatten(1).sum(1)
        return f

    def folded(self) -> "Scenes":
        """Give the same f with one output: a sum of linear filters is one linear filter."""
        one = Scenes(outputs=1)
        one.layers.load_state_dict(self.layers.state_dict())
        with torch.no_grad():
            one.head.weight.copy_(self.head.weight.sum(0, keepdim=True))
            assert one.head.bias is not None  # noqa: S101  for the type checker
            assert self.head.bias is not None  # noqa: S101
            one.head.bias.copy_(self.head.bias.sum(0, keepdim=True))
        return one

    def flops(self) -> int:
        """Count the multiplications and additions of f and ∂f/∂x of one example."""
        size, total = SIDE, 0
        for fan, width, kernel, stride, _ in LAYERS:
            size //= stride
            total += size**2 * fan * width * kernel**2
        total += 256 * (SIDE // 4) ** 2 * self.head.out_channels
        # A multiplication and an addition; once forward, once for the gradient.
        return 2 * 2 * total


class Scripted(nn.Module):
    """E(x) and ∇E(x) in the words that TorchScript takes."""

    def __init__(self, network: nn.Module, reference_sd: float) -> None:
        super().__init__()
        self.network, self.reference_sd = network, reference_sd

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Give E(x), shape (batch,), and ∇E(x)."""
        x = x.detach().requires_grad_(True)
        e = -self.network(x) + x.square().flatten(1).sum(1) / (2 * self.reference_sd**2)
        gradient = torch.autograd.grad([e.sum()], [x])[0]
        assert gradient is not None  # noqa: S101  TorchScript's autograd.grad may give None
        return e.detach(), gradient


def by_torch(network: Callable[[Tensor], Tensor]) -> Step:
    """Step with torch's autograd."""

    def energy(x: Tensor) -> Tensor:
        e: Tensor = -network(x) + x.square().flatten(1).sum(1) / (2 * REFERENCE_SD**2)
        return e

    def step(x: Tensor, n: Tensor) -> Tensor:
        _, gradient = energy_and_gradient(energy, x)
        return langevin_step(x, gradient, n, step_size=STEP_SIZE)

    return step


def by_onnx(network: Scenes, threads: int) -> Step:
    """Step with ONNX Runtime and numpy, as coop_runtime does."""

    def energy(x: Tensor) -> Tensor:
        e: Tensor = -network(x) + x.square().flatten(1).sum(1) / (2 * REFERENCE_SD**2)
        return e

    scenes = Signal("images", 2, 3, (-1.0, 1.0), (0.0, 255.0), (SIDE, SIDE), (True, True))
    data = export_graph(energy_graph(energy, scenes, (4, 4)), scenes)
    session = open_session(data, "cpu", SessionOptions(threads), "energy.onnx")

    def step(x: Tensor, n: Tensor) -> Tensor:
        state = x.numpy()
        _, gradient = session.run(["energy", "gradient"], {"x": state})
        return torch.from_numpy(numpy_step(state, gradient, n.numpy(), step_size=STEP_SIZE))

    return step


def by_torchscript(network: Scenes) -> Step:
    """Step with a scripted module that calls autograd.grad."""
    with warnings.catch_warnings():
        # Deprecated, but still there to compare with.
        warnings.simplefilter("ignore", DeprecationWarning)
        script = torch.jit.script(Scripted(network, REFERENCE_SD))

    def step(x: Tensor, n: Tensor) -> Tensor:
        _, gradient = script(x)
        return langevin_step(x, gradient, n, step_size=STEP_SIZE)

    return step


def all_ways(threads: int) -> tuple[dict[str, Step], dict[str, str], dict[str, int]]:
    """Give the ways to step, the reasons why others are left out, and operations per example."""
    torch.manual_seed(0)
    network = Scenes().requires_grad_(False)
    for parameter in network.parameters():
        nn.init.normal_(parameter, 0.0, 0.01)
    folded = network.folded().requires_grad_(False)
    unfrozen = Scenes()
    unfrozen.load_state_dict(network.state_dict())
    ways = {
        "torch eager, frozen": by_torch(network),
        "torch eager, not frozen": by_torch(unfrozen),
        "torch eager, frozen, outputs folded": by_torch(folded),
        "TorchScript": by_torchscript(network),
        "ONNX Runtime": by_onnx(network, threads),
        "ONNX Runtime, outputs folded": by_onnx(folded, threads),
    }
    left_out = {}
    if shutil.which("g++") or shutil.which("clang++"):
        ways["torch.compile"] = by_torch(torch.compile(network))
    else:
        left_out["torch.compile"] = "there is no C++ compiler"
    flops = {way: (folded if "folded" in way else network).flops() for way in ways}
    return ways, left_out, flops


def examples(batch: int) -> tuple[Tensor, Tensor]:
    """Give states in [−1, 1] and noise, the same at every call."""
    rng = torch.Generator().manual_seed(batch)
    x = torch.rand(batch, 3, SIDE, SIDE, generator=rng) * 2 - 1
    return x, torch.randn(x.shape, generator=rng)


def agree(ways: dict[str, Step], batch: int) -> None:
    """Stop unless all ways give the same next states, up to rounding."""
    x, n = examples(batch)
    first, *others = ways
    expected = ways[first](x, n)
    for way in others:
        error = float((ways[way](x, n) - expected).abs().max() / expected.abs().max())
        if not error <= 1e-5:
            sys.exit(f"{way} differs from {first} by {error:.1e} relative")


def measure(ways: dict[str, Step], batch: int, repeats: int) -> dict[str, float]:
    """Give the median seconds of one step by each way."""
    x, n = examples(batch)
    taken: dict[str, list[float]] = {way: [] for way in ways}
    for _ in range(repeats):
        for way, step in ways.items():
            start = time.perf_counter()
            step(x, n)
            taken[way].append(time.perf_counter() - start)
    return {way: float(np.median(times)) for way, times in taken.items()}


def matmul_peak(size: int, repeats: int) -> float:
    """Give the best floating-point operations per second of a float32 matrix product."""
    a, b = torch.randn(size, size), torch.randn(size, size)
    best = float("inf")
    for _ in range(repeats + 1):  # the first warms up
        start = time.perf_counter()
        a @ b
        best = min(best, time.perf_counter() - start)
    return 2 * size**3 / best


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--batches", type=int, nargs="+", default=[1, 4, 16], metavar="N")
    parser.add_argument("--repeats", type=int, default=30, help="steps by each way (default: 30)")
    parser.add_argument(
        "--threads", type=int, default=torch.get_num_threads(), help="of every way (default: cores)"
    )
    parser.add_argument(
        "--matmul", type=int, default=3072, metavar="N", help="rows of the peak's matrices"
    )
    options = parser.parse_args()
    if min(options.repeats, options.threads, options.matmul, *options.batches) < 1:
        parser.error("expected numbers ≥ 1")
    torch.set_num_threads(options.threads)
    ways, left_out, flops = all_ways(options.threads)
    peak = matmul_peak(options.matmul, max(3, options.repeats // 3))
    print(f"torch {torch.__version__}, {options.threads} thread(s), {options.repeats} repeats;")
    print(f"float32 matrix product: {peak / 1e9:.0f} GFLOP/s\n")
    print("| batch | way | ms per step | × torch eager, frozen | share of the peak |")
    print("| ---: | --- | ---: | ---: | ---: |")
    for batch in options.batches:
        agree(ways, batch)
        seconds = measure(ways, batch, options.repeats)
        slow = seconds["torch eager, frozen"]
        for way, value in seconds.items():
            share = batch * flops[way] / value / peak
            print(f"| {batch} | {way} | {1e3 * value:.2f} | {slow / value:.2f} | {share:.0%} |")
    for way, reason in left_out.items():
        print(f"\n{way} is left out: {reason}.")


if __name__ == "__main__":
    main()
