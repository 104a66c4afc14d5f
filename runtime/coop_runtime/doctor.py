"""What ``coop-run doctor`` prints, as data: what is installed, and what really works."""

import platform
import time
from dataclasses import dataclass

import numpy as np

from .errors import CoopError
from .probe import MATMUL
from .sessions import (
    SessionOptions,
    choose_device,
    cuda_devices,
    cuda_problem,
    onnxruntime,
    open_session,
)

__all__ = ["Provider", "Report", "Timing", "examine", "onnxruntime_distributions"]


@dataclass(frozen=True)
class Provider:
    """One device, and whether a session on it really ran.

    Attributes
    ----------
    device
        ``"cpu"`` or ``"cuda:i"``.
    works
        Whether a small graph was computed on it.
    note
        Why not; empty if it works.
    """

    device: str
    works: bool
    note: str = ""


@dataclass(frozen=True)
class Timing:
    """How fast a 512×512 by 512×512 matrix product ran, best of five.

    Attributes
    ----------
    device
        Where: what ``"auto"`` means here.
    milliseconds
        Time of one product, transfers included.
    gflops
        10⁹ floating-point operations per second.
    """

    device: str
    milliseconds: float
    gflops: float


@dataclass(frozen=True)
class Report:
    """What `examine` found.

    Attributes
    ----------
    versions
        Of python, coopnets, numpy and onnxruntime.
    distributions
        The pip packages that provide ``onnxruntime``; there should be one.
    providers
        The CPU and each CUDA device.
    timing
        None if nothing works.
    problems
        What to put right, one line each; empty if all is well.
    """

    versions: dict[str, str]
    distributions: tuple[str, ...]
    providers: tuple[Provider, ...]
    timing: Timing | None
    problems: tuple[str, ...]


def examine() -> Report:
    """Find out what is installed and which devices really work, by computing on them.

    Examples
    --------
    >>> examine().providers[0]
    Provider(device='cpu', works=True, note='')
    """
    distributions = onnxruntime_distributions()
    versions = {"python": platform.python_version(), "platform": platform.platform()}
    for name in ("coopnets", "numpy", *distributions):
        versions[name] = _version(name)
    problems = []
    if len(distributions) > 1:
        problems.append(
            f"{' and '.join(distributions)} are both installed and break each other; "
            f"pip uninstall -y {' '.join(distributions)}, then install one of them"
        )
    try:
        onnxruntime()
    except CoopError as error:
        return Report(versions, distributions, (), None, (*problems, str(error)))
    providers = (_provider("cpu"), *_cuda())
    timing = _timing() if providers[0].works else None
    problems += [f"{p.device} does not work: {p.note}" for p in providers[:1] if not p.works]
    return Report(versions, distributions, providers, timing, tuple(problems))


def onnxruntime_distributions() -> tuple[str, ...]:
    """Name the installed pip packages that provide ``onnxruntime``; two break each other."""
    from importlib.metadata import packages_distributions  # slow, and only doctor needs it

    return tuple(sorted(set(packages_distributions().get("onnxruntime", []))))


def _version(distribution: str) -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(distribution)
    except PackageNotFoundError:
        return "not installed"


def _cuda() -> list[Provider]:
    problems = [cuda_problem(index) for index in range(max(1, cuda_devices()))]
    return [Provider(f"cuda:{k}", p is None, p or "") for k, p in enumerate(problems)]


def _provider(device: str) -> Provider:
    one = np.ones((1, 1), np.float32)
    try:
        open_session(MATMUL, device, SessionOptions(), "probe").run(None, {"a": one, "b": one})
    except Exception as error:
        return Provider(device, False, str(error))
    return Provider(device, True)


def _timing() -> Timing:
    device, side = choose_device("auto"), 512
    session = open_session(MATMUL, device, SessionOptions(), "probe")
    a = np.full((side, side), 0.5, np.float32)
    seconds = []
    for _ in range(5):
        start = time.perf_counter()
        session.run(None, {"a": a, "b": a})
        seconds.append(time.perf_counter() - start)
    return Timing(device, 1e3 * min(seconds), 2e-9 * side**3 / min(seconds))
