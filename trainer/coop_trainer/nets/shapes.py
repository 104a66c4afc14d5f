"""Layers as the papers' tables write them, and what sizes they take and make."""

import math
from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from coop_runtime.errors import CoopError

__all__ = [
    "Draw",
    "Layer",
    "PerAxis",
    "Way",
    "check_layer",
    "check_layers",
    "check_sd",
    "padding",
    "per_axis",
    "reach_down",
    "reach_up",
    "remainder",
    "span",
]

#: One number for all spatial axes, or one for each: (time,), (height, width) or
#: (time, height, width).
PerAxis = int | tuple[int, ...]


#: How a generator's layer widens: a transposed convolution, or repetition and a convolution.
Way = Literal["up", "nearest"]


class Layer(NamedTuple):
    """One convolution or transposed convolution; in TOML the array ``[512, 4, 2]``.

    A convolution turns stride·n + extra samples into n, a transposed one n into
    stride·n + extra; the padding follows (`padding`). With kernel = stride = all that is left
    of an axis, the layer is fully connected along it.

    Attributes
    ----------
    filters
        Maps that the layer gives.
    kernel, stride
        Along all axes, or per axis.
    extra
        Samples beyond the stride's multiple, for odd sizes: 3×3 ↔ 7×7 is stride 2, extra 1.

    Examples
    --------
    >>> Layer(512, 4, 2), Layer(100, (1, 4, 4), (1, 4, 4))[1]
    (Layer(filters=512, kernel=4, stride=2, extra=0), (1, 4, 4))
    """

    filters: int
    kernel: PerAxis
    stride: PerAxis = 1
    extra: int = 0


class Draw(NamedTuple):
    """A network's last layer, whose maps follow from what it gives: kernel and stride."""

    kernel: PerAxis
    stride: PerAxis = 1


def per_axis(value: PerAxis, dims: int) -> tuple[int, ...]:
    """Give one number for each of ``dims`` axes.

    Raises
    ------
    CoopError
        There are several numbers, but not ``dims``.

    Examples
    --------
    >>> per_axis(4, 3), per_axis((1, 4, 4), 3)
    ((4, 4, 4), (1, 4, 4))
    """
    if isinstance(value, int):
        return (value,) * dims
    if len(value) != dims:
        raise CoopError(
            f"a layer: expected one kernel and stride, or one for each of {dims} axes, "
            f"found {list(value)}"
        )
    return value


def padding(layer: Layer, dims: int, way: Literal["down", "up"]) -> tuple[int, ...]:
    """Give the zeros that a convolution (down) or transposed one (up) adds at each end.

    Examples
    --------
    >>> [padding(Layer(8, *layer), 1, "down") for layer in [(4, 2), (5, 2), (15, 3), (4, 4)]]
    [(1,), (2,), (6,), (0,)]
    """
    return tuple(
        (k - s + 1) // 2 if way == "up" or (k - s) % 2 == 0 else (k - 1) // 2
        for k, s in _axes(layer, dims)
    )


def remainder(layer: Layer, dims: int) -> tuple[int, ...]:
    """Give the samples that a transposed convolution adds at the end (torch: output_padding)."""
    return tuple((k - s) % 2 + layer.extra for k, s in _axes(layer, dims))


def span(layers: Iterable[Layer], dims: int) -> tuple[int, ...]:
    """Give the samples along each axis for one position; ``layers`` from the coarsest on.

    Examples
    --------
    >>> span([Layer(1024, 3, 3), Layer(512, 4, 2, 1), Layer(256, 4, 2), Layer(1, 4, 2)], 2)
    (28, 28)
    """
    sizes = [1] * dims
    for layer in layers:
        sizes = [
            n * s + layer.extra for n, s in zip(sizes, per_axis(layer.stride, dims), strict=True)
        ]
    return tuple(sizes)


def reach_down(layers: Sequence[Layer], dims: int) -> tuple[int, ...]:
    """Give the samples that one position after these convolutions sees, along each axis, less one.

    So far apart, at most, are two samples that one position sees.

    Examples
    --------
    >>> reach_down([Layer(16, 5), Layer(32, 4, 2), Layer(32, 3)], 2)
    (11, 11)
    """
    seen = [1] * dims
    for layer in reversed(layers):
        axes = _axes(layer, dims)
        seen = [(n - 1) * stride + kernel for n, (kernel, stride) in zip(seen, axes, strict=True)]
    return tuple(n - 1 for n in seen)


def reach_up(layers: Sequence[Layer], dims: int, ways: Sequence[Way]) -> tuple[int, ...]:
    """Give the cells on either side of a cell on which the samples that it makes depend.

    ``layers`` from the coarsest on, and the way of each; ``"nearest"``: repetition by the stride,
    then a convolution.

    Examples
    --------
    >>> reach_up([Layer(8, 4, 2), Layer(8, 4, 2)], 1, ["up", "up"])
    (1,)
    >>> reach_up([Layer(8, 3), Layer(8, 3, 2), Layer(8, 3, 2)], 1, ["nearest"] * 3)
    (2,)
    >>> reach_up([Layer(8, 4, 4), Layer(8, 3, 2)], 1, ["up", "nearest"])
    (1,)
    """
    needed = [(0, n - 1) for n in span(layers, dims)]
    for layer, way in zip(reversed(layers), reversed(ways), strict=True):
        needed = [
            _inputs(ends, kernel, stride, zeros, way)
            for ends, (kernel, stride), zeros in zip(
                needed, _axes(layer, dims), padding(layer, dims, "up"), strict=True
            )
        ]
    return tuple(max(-low, high) for low, high in needed)


def check_layer(where: str, layer: Layer, way: Literal["down", "up", "nearest"]) -> None:
    """Refuse a layer whose sizes would not come out as `Layer` says.

    Raises
    ------
    CoopError
        Numbers out of range; a kernel smaller than its stride, or even with stride 1; an
        ``extra`` that this kernel and stride cannot take. Convolutions after nearest
        up-sampling: an even kernel, or any extra.
    """
    dims = max(len(n) if isinstance(n, tuple) else 1 for n in (layer.kernel, layer.stride))
    axes = _axes(layer, dims)
    if layer.filters < 1 or layer.extra < 0 or min(map(min, axes)) < 1:
        raise CoopError(f"{where}: expected numbers ≥ 1 (extra: ≥ 0), found {list(layer)}")
    for kernel, stride in axes:
        wrong = _wrong(kernel, stride, layer.extra, way)
        if wrong:
            raise CoopError(f"{where}: kernel {kernel}, stride {stride}: {wrong}")


def check_layers(
    where: str, layers: Sequence[Layer], way: Literal["down", "up", "nearest"]
) -> None:
    """Apply `check_layer` to each."""
    for number, layer in enumerate(layers):
        check_layer(f"{where}[{number}]", layer, way)


def check_sd(where: str, sd: float | None) -> None:
    """Refuse a standard deviation of initial weights that is not a number > 0 or None."""
    if sd is not None and not 0 < sd < math.inf:
        raise CoopError(f"{where}: expected a number > 0 or none, found {sd}")


def _wrong(kernel: int, stride: int, extra: int, way: str) -> str | None:
    """Say what is wrong with a layer along one axis, if anything is."""
    odd = (kernel - stride) % 2
    if way == "nearest":
        if kernel % 2 == 0:
            return "expected an odd kernel after nearest up-sampling"
        return "extra: only transposed layers can make it" if extra else None
    if kernel < stride:
        return "expected a kernel no smaller than its stride"
    if stride == 1 and kernel % 2 == 0:
        return "an even kernel shifts by half a sample; take an odd one, or stride = kernel"
    if extra and odd and way == "down":
        return "extra: expected kernel − stride even"
    return "extra: expected less than the stride" if extra and extra + odd >= stride else None


def _inputs(
    ends: tuple[int, int], kernel: int, stride: int, zeros: int, way: str
) -> tuple[int, int]:
    """Give the first and last input on which outputs from one end to the other depend."""
    low, high = ends
    if way == "nearest":
        return (low - kernel // 2) // stride, (high + kernel // 2) // stride
    return -(-(low + zeros - kernel + 1) // stride), (high + zeros) // stride


def _axes(layer: Layer, dims: int) -> list[tuple[int, int]]:
    """Give (kernel, stride) of each axis."""
    return list(zip(per_axis(layer.kernel, dims), per_axis(layer.stride, dims), strict=True))
