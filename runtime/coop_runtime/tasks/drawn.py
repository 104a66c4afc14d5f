"""What the generator draws between latents and around them: paths, panels, neighbours.

CoopNets (Xie, Lu, Gao, Wu, AAAI 2018), section 5.2: frames between two latents, each refined by
Langevin steps. Alternating back-propagation (Han, Lu, Zhu, Wu, AAAI 2017), section 5.3: panels of
2-D latents over [−2, 2]², and grids between four latents by spherical interpolation.
"""

from collections.abc import Iterator, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..arguments import check_choice, check_number
from ..arrays import Array, check_array, check_size, check_whole, latent_shape, signal_shape
from ..core import Core
from ..errors import ArgumentError, shown
from ..philox import Purpose, Stream, normal, normals, streams
from .infer import Chains
from .reconstruct import Reconstruction, reconstructing

__all__ = [
    "Drawn",
    "Latents",
    "Refining",
    "Way",
    "around",
    "between",
    "draw_each",
    "drawn",
    "mix",
    "path",
    "plane",
]

Way = Literal["linear", "spherical"]
Size = int | Sequence[int] | None

_MOST = 256  # rows or columns: all signals are in memory at once


class Drawn(NamedTuple):
    """Latents and what was drawn from them.

    Attributes
    ----------
    z
        (n, latent channels, *cells), or (rows, columns, …) of a grid.
    x
        g(z), refined if asked, (n, channels, *size) or (rows, columns, …).
    """

    z: Array
    x: Array


class Latents(NamedTuple):
    """Latents of one size: what to draw.

    Attributes
    ----------
    z
        (n, latent channels, *cells), or (rows, columns, …) of a grid.
    size
        Of the signals.
    """

    z: Array
    size: tuple[int, ...]

    @property
    def frames(self) -> Array:
        """Give the latents one after another, (n, latent channels, *cells)."""
        return self.z.reshape(-1, *self.z.shape[-1 - len(self.size) :])


class Refining(NamedTuple):
    """Steps of refinement, whose noise is the same for every frame, and its seed."""

    steps: int = 0
    seed: int = 0
    noise: bool | None = None


def path(core: Core, ends: tuple[Any, Any], frames: int, how: Way, size: Size) -> Latents:
    """Give the latents from one end to the other; see `Model.interpolate`."""
    ts = np.linspace(0, 1, check_whole("frames", frames, 2, _MOST**2))
    (a, b), sizes = _ends(core, dict(zip("ab", ends, strict=True)), size)
    return Latents(np.stack([mix(a, b, t, how) for t in ts]), sizes)


def between(
    core: Core, ends: Sequence[Any], grid: tuple[int, int], how: Way, size: Size
) -> Latents:
    """Give a grid of latents between four corners; see `Model.corners`."""
    if not isinstance(ends, Sequence | np.ndarray) or len(ends) != 4:
        found = len(ends) if isinstance(ends, Sequence | np.ndarray) else shown(ends)
        raise ArgumentError("ends", f"expected 4, row by row, found {found}")
    rows, columns = (
        np.linspace(0, 1, check_whole(name, n, 2, _MOST))
        for name, n in zip(("rows", "columns"), grid, strict=True)
    )
    (a, b, c, d), sizes = _ends(core, {f"ends[{k}]": end for k, end in enumerate(ends)}, size)
    z = [[mix(mix(a, b, u, how), mix(c, d, u, how), v, how) for u in columns] for v in rows]
    return Latents(np.array(z), sizes)


def plane(core: Core, seed: int, grid: tuple[int, int], extent: float, size: Size) -> Latents:
    """Give a plane of latents; see `Model.panel`."""
    across, down = _axes(core, seed, sizes := check_size(size, core.card))
    check_number("extent", extent)
    rows, columns = (
        np.linspace(-extent, extent, check_whole(name, n, 1, _MOST)).astype(np.float32)
        for name, n in zip(("rows", "columns"), grid, strict=True)
    )
    return Latents(np.array([[u * across + v * down for u in columns] for v in rows[::-1]]), sizes)


def around(core: Core, x: Any, distance: float, n: int, seed: int, size: Size) -> Latents:
    """Give neighbours at a distance in z; see `Model.vary`."""
    check_number("distance", distance, or_zero=True)
    (z,), sizes = _ends(core, {"x": x}, size)
    of_each = streams(seed, 0, check_whole("n", n, 1, _MOST**2), Purpose.VARIATION)
    away = normals(of_each, z.shape)
    lengths = np.array([np.linalg.norm(a) for a in away], np.float32)
    away *= np.float32(distance) / lengths.reshape(-1, *[1] * z.ndim)
    return Latents(z + away, sizes)


def draw_each(core: Core, latents: Latents, refining: Refining) -> Iterator[Array]:
    """Draw latents one by one, (channels, *size) each, refined if asked; row by row of a grid.

    All are refined with one noise, so that they differ as their latents do.

    Raises
    ------
    ArgumentError, MissingGraphError
        At the call.
    """
    steps = check_whole("refine_steps", refining.steps, 0)
    core.require("generator", *["energy"] * (steps > 0))
    of_one = streams(refining.seed, 0, 1, Purpose.NOISE)

    def one(z: Array) -> Array:
        x = core.decode(z[None], latents.size)
        if steps:
            *_, last = core.revise(x, of_one, steps=steps, noise=refining.noise)
            x = last.x
        frame: Array = x[0]
        return frame

    return map(one, latents.frames)


def drawn(core: Core, latents: Latents, refining: Refining) -> Drawn:
    """Draw latents, refined if asked; see `draw_each`."""
    x = np.stack(list(draw_each(core, latents, refining)))
    grid = latents.z.shape[: -1 - len(latents.size)]
    return Drawn(latents.z, x.reshape(*grid, *x.shape[1:]))


def mix(a: Array, b: Array, t: float, how: Way) -> Array:
    """Give the latent at t ∈ [0, 1] from a to b.

    Spherical (Shoemake 1985): sin((1−t)θ)/sin θ·a + sin(tθ)/sin θ·b, θ the angle between them, so
    that typical ends have a typical latent between them; the line where θ is 0 or π.

    Examples
    --------
    >>> a, b = np.array([1, 0], np.float32), np.array([0, 1], np.float32)
    >>> mix(a, b, 0.5, "linear"), mix(a, b, 0.5, "spherical").round(4)
    (array([0.5, 0.5], dtype=float32), array([0.7071, 0.7071], dtype=float32))
    """
    check_choice("how", how, "linear", "spherical")
    p, q = (end.astype(np.float64) for end in (a, b))
    lengths = float(np.linalg.norm(p) * np.linalg.norm(q))
    cosine = float((p * q).sum()) / lengths if lengths else 1.0
    angle = np.arccos(np.clip(cosine, -1, 1))
    if how == "linear" or np.sin(angle) < 1e-6:
        between: NDArray[np.float64] = (1 - t) * p + t * q
    else:
        between = (np.sin((1 - t) * angle) * p + np.sin(t * angle) * q) / np.sin(angle)
    return between.astype(np.float32)


def _axes(core: Core, seed: int, size: tuple[int, ...]) -> tuple[Array, Array]:
    """Give two orthogonal latents of length √(d/2), d their dimension: of d = 2, the two axes.

    u·across + v·down with (u, v) ~ N(0, I) then has the mean square length of z ~ N(0, I), d.
    """
    (shape,) = _shapes(core, size)
    d = int(np.prod(shape))
    if d < 2:
        raise ArgumentError("size", "a plane needs latents of at least two numbers")
    if d == 2:
        across, down = np.eye(2)
    else:
        of_each = streams(seed, 0, 2, Purpose.LATENT)
        across, down = (normal(s, shape).astype(np.float64).ravel() for s in of_each)
        across /= np.linalg.norm(across)
        down -= (down @ across) * across
        down /= np.linalg.norm(down)
    axes = [(axis * np.sqrt(d / 2)).astype(np.float32).reshape(shape) for axis in (across, down)]
    return axes[0], axes[1]


def _ends(core: Core, ends: dict[str, Any], size: Size) -> tuple[list[Array], tuple[int, ...]]:
    """Give the latents of seeds and of inputs, and the size to draw: that of the inputs, if any."""
    inputs = {name: np.asarray(_signal(end)) for name, end in ends.items() if not _is_seed(end)}
    for name, end in inputs.items():
        one = end[None] if end.ndim == core.card.signal.dims + 1 else end
        inputs[name] = check_array(name, one, (1, *signal_shape(core.card)[1:]))
    sizes = {name: end.shape[2:] for name, end in inputs.items()}
    wanted = next(iter(sizes.values())) if sizes and size is None else check_size(size, core.card)
    for name, found in sizes.items():
        if found != wanted:
            raise ArgumentError(name, f"expected the size {wanted}, found {found}")
    (shape,) = _shapes(core, wanted)
    latents = []
    for name, end in ends.items():
        if isinstance(end, Reconstruction):
            latents.append(check_array(name, end.z, (1, *shape))[0])
        elif name in inputs:
            *_, read = reconstructing(core, inputs[name], None, Chains())
            latents.append(read.z[0])
        else:
            seed = check_whole(name, end, 0, 2**64 - 1)
            latents.append(normal(Stream(seed, 0, Purpose.LATENT), shape))
    return latents, wanted


def _is_seed(end: Any) -> bool:
    return not isinstance(end, np.ndarray | list | tuple)


def _signal(end: Any) -> Any:
    return end.x if isinstance(end, Reconstruction) else end


def _shapes(core: Core, size: tuple[int, ...]) -> list[tuple[int, ...]]:
    core.require("generator")
    return [latent_shape(core.card.latent, size)] if core.card.latent else []
