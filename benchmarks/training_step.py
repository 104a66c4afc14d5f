"""Time one training iteration of every method, and CoopNets beside a plain transcription.

The plain one is Algorithm 1 as published PyTorch code writes it: eager, contiguous, nothing frozen,
each Langevin step by ``backward()``, which computes the parameters' gradients too and throws them
away. Same networks, same batches, same Adam; on random pictures, since no time depends on them.

    python benchmarks/training_step.py
    python benchmarks/training_step.py --device cuda --batch 128 --set compute.precision=bfloat16

All take turns, so that a busy moment of the machine hits all of them; medians are shown, and of
ratios the median of pairs. On a GPU also the share of time in which it computes, by its profiler.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from coop_trainer.build import build_networks
from coop_trainer.config import METHODS, Config, configure
from coop_trainer.data import Signals
from coop_trainer.langevin import frozen, revise
from coop_trainer.presets import load_preset, preset_names
from coop_trainer.start import choose_device
from coop_trainer.training import Training

WARM_UP = 2
SAMPLES = (
    "data.batch",
    "algorithm_d.chains",
    "coopnets.chains",
    "triangle.samples",
    "mcmc_triangle.samples",
    "gan.samples",
)


class Plain:
    """Algorithm 1, sections G0 to G2, with nothing done to be fast."""

    def __init__(self, config: Config, signals: Signals, device: torch.device) -> None:
        torch.manual_seed(config.seed)
        networks = build_networks(config, signals)
        assert networks.descriptor is not None  # noqa: S101  for the type checker
        assert networks.generator is not None  # noqa: S101
        self.f, self.g = networks.descriptor.to(device), networks.generator.to(device)
        d, g = config.descriptor_optimiser, config.generator_optimiser
        self.f_adam = torch.optim.Adam(self.f.parameters(), lr=d.rate, betas=d.betas)
        self.g_adam = torch.optim.Adam(self.g.parameters(), lr=g.rate, betas=g.betas)
        self.config, self.device = config.coopnets, device
        low, high = signals.source_range
        pictures = torch.from_numpy(signals.arrays[0]).movedim(-1, 1).float()
        self.data = (pictures[: config.data.batch] - low) * 2 / (high - low) - 1
        self.z_shape = self.g.latent_shape((signals.arrays[0].shape[1],) * 2)

    def advance(self) -> None:
        """Take one iteration."""
        x = self.data.to(self.device)
        # G0
        z = torch.randn(self.config.chains, *self.z_shape, device=self.device)
        drawn = self.g(z)
        # D1
        revised = self.langevin(drawn)
        # D2
        loss = self.f(revised).mean() - self.f(x).mean()
        self.f_adam.zero_grad()
        loss.backward()
        self.f_adam.step()
        # G2; with l_q = 0 the drafts of G0 are still those of the same z
        residual = (revised - drawn).square().flatten(1).sum(1).mean()
        self.g_adam.zero_grad()
        (residual / (2 * self.config.sigma**2)).backward()
        self.g_adam.step()

    def langevin(self, x: Tensor) -> Tensor:
        """Revise x by equation (4)."""
        s = self.config.langevin
        for _ in range(s.steps):
            noise = torch.randn(x.shape, device=self.device)
            x = x.detach().requires_grad_(True)
            self.f(x).backward(torch.ones(len(x), device=self.device))
            gradient = x.grad
            assert gradient is not None  # noqa: S101  for the type checker
            if s.reference_sd is not None:
                gradient = gradient - x / s.reference_sd**2
            x = x + 0.5 * s.step_size**2 * gradient + s.step_size * noise
        return x.detach()


def pictures(size: int, count: int) -> Signals:
    """Give random colour pictures."""
    rng = np.random.default_rng(0)
    levels = rng.integers(0, 256, (count, size, size, 3), dtype=np.uint8)
    return Signals("images", ("noise",), (levels,), (0.0, 255.0), None, None)


def timed(step: Callable[[], object], device: torch.device) -> float:
    """Give the seconds of one call, the GPU's work included."""
    _finish(device)
    started = time.perf_counter()
    step()
    _finish(device)
    return time.perf_counter() - started


def measure(
    ways: dict[str, Callable[[], object]], repeats: int, device: torch.device
) -> dict[str, list[float]]:
    """Give the seconds of every call of each way, in turns, without the first ones."""
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    for k in range(WARM_UP + repeats):
        for way, step in ways.items():
            taken = timed(step, device)
            if k >= WARM_UP:
                seconds[way].append(taken)
    return seconds


def ratio(a: list[float], b: list[float]) -> float:
    """Give the median ratio of pairs."""
    return statistics.median(x / y for x, y in zip(a, b, strict=True))


def langevin_step(training: Training, repeats: int) -> dict[str, list[float]]:
    """Time one Langevin step, and the bare network with its input gradient, of the same batch."""
    f, device, settings = training.descriptor, training.device, training.config.coopnets
    count = settings.chains + settings.persistent_chains
    one = replace(settings.langevin, steps=1)
    x = torch.zeros(count, training.signals.channels, *training.shape, device=device)

    def bare() -> None:
        state = x.detach().requires_grad_()
        torch.autograd.grad(f(state).sum(), state)

    with frozen(f):
        ways: dict[str, Callable[[], object]] = {
            "step": lambda: revise(f, x, one, training.rng),
            "bare": bare,
        }
        return measure(ways, repeats, device)


def busy(step: Callable[[], object], device: torch.device, repeats: int) -> float:
    """Give the share of time in which the GPU computes."""
    from torch.profiler import ProfilerActivity, profile

    seconds = sum(timed(step, device) for _ in range(repeats))
    with profile(activities=[ProfilerActivity.CUDA]) as profiler:
        for _ in range(repeats):
            step()
        _finish(device)
    spans = [e.time_range for e in profiler.events() if e.device_type.name == "CUDA"]
    return float(sum(s.elapsed_us() for s in spans)) * 1e-6 / seconds


def settings_of(options: argparse.Namespace, method: str, size: int) -> Config:
    """Give the preset's settings for a method, at a size."""
    sizes = [f"{key}={options.batch}" for key in SAMPLES] if options.batch else []
    pairs = [f"method={method}", f"data.size={size}", *sizes, *options.pairs]
    return configure(load_preset("images", options.preset), pairs=pairs)


def _finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def parsed() -> argparse.Namespace:
    """Read the options."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--preset", default="quick", choices=preset_names("images"))
    parser.add_argument("--sizes", type=int, nargs="+", default=[32, 64], metavar="N")
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=list(METHODS))
    parser.add_argument("--batch", type=int, help="examples and samples (default: the preset's)")
    parser.add_argument("--repeats", type=int, default=10, help="iterations (default: 10)")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (default: cpu)")
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    parser.add_argument("--set", dest="pairs", action="append", default=[], metavar="KEY=VALUE")
    options = parser.parse_args()
    if min(options.repeats, options.threads, options.batch or 1, *options.sizes) < 1:
        parser.error("expected numbers ≥ 1")
    return options


def main() -> None:
    """Print the tables."""
    options = parsed()
    torch.set_num_threads(options.threads)
    torch.set_flush_denormal(True)
    device = choose_device(options.device)
    gpu = device.type == "cuda"
    name = torch.cuda.get_device_name(device) if gpu else f"{options.threads} CPU thread(s)"
    print(
        f"torch {torch.__version__}, {name}, preset {options.preset}, {options.repeats} repeats\n"
    )
    print("| pictures | batch | method | s per iteration | plain eager | × |" + gpu * " GPU busy |")
    print("| --- | ---: | --- | ---: | ---: | ---: |" + gpu * " ---: |")
    steps: list[str] = []
    for size in options.sizes:
        configs: dict[str, Config] = {m: settings_of(options, m, size) for m in options.methods}
        data = pictures(size, 2 * max(c.data.batch for c in configs.values()))
        trainings = {m: Training(c, data, device) for m, c in configs.items()}
        ways: dict[str, Callable[[], Any]] = {m: t.advance for m, t in trainings.items()}
        if "coopnets" in trainings:
            ways["plain"] = Plain(configs["coopnets"], data, device).advance
        seconds = measure(ways, options.repeats, device)
        for method, training in trainings.items():
            cells = [f"{size}×{size}", str(training.examples.batch), method]
            cells.append(f"{statistics.median(seconds[method]):.4f}")
            if method == "coopnets":
                cells.append(f"{statistics.median(seconds['plain']):.4f}")
                cells.append(f"{ratio(seconds['plain'], seconds[method]):.2f}")
            else:
                cells += ["", ""]
            cells += [f"{busy(training.advance, device, options.repeats):.0%}"] if gpu else []
            print(f"| {' | '.join(cells)} |", flush=True)
        if "coopnets" in trainings:
            found = langevin_step(trainings["coopnets"], 3 * options.repeats)
            step, bare = (1000 * statistics.median(found[way]) for way in ("step", "bare"))
            over = ratio(found["step"], found["bare"])
            steps.append(f"| {size}×{size} | {step:.2f} | {bare:.2f} | {over:.3f} |")
    if steps:
        print("\n| pictures | ms per Langevin step | network and input gradient | × |")
        print("| --- | ---: | ---: | ---: |\n" + "\n".join(steps))


if __name__ == "__main__":
    main()
