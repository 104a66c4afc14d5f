"""Noise of several levels as one latent tensor at the coarsest size."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

__all__ = ["pack_latents", "unpack_latents"]

#: How many times finer than the coarsest size a level is, along each axis.
Scale = tuple[int, ...]


def unpack_latents(z: Tensor, latents: Sequence[int], scales: Sequence[Scale]) -> list[Tensor]:
    """Split z into the noise of each level, (batch, latents[l], scales[l]·(h, …))."""
    sizes = [c * math.prod(scale) for c, scale in zip(latents, scales, strict=True)]
    return [
        _depth_to_space(part, scale)
        for part, scale in zip(z.split_with_sizes(sizes, dim=1), scales, strict=True)
    ]


def pack_latents(noises: Sequence[Tensor], scales: Sequence[Scale]) -> Tensor:
    """Join the noise of all levels in one tensor at the coarsest size (space to depth).

    Examples
    --------
    >>> z, scales = torch.randn(2, 3 + 2 * 4, 5, 6), [(1, 1), (2, 2)]
    >>> torch.equal(pack_latents(unpack_latents(z, [3, 2], scales), scales), z)
    True
    """
    parts = zip(noises, scales, strict=True)
    return torch.cat([_space_to_depth(part, scale) for part, scale in parts], 1)


def _depth_to_space(x: Tensor, scale: Scale) -> Tensor:
    """(batch, c·∏scale, h, …) to (batch, c, scale·(h, …))."""
    if max(scale) == 1:
        return x
    dims, sizes = x.dim() - 2, x.shape[2:]
    channels = x.shape[1] // math.prod(scale)
    x = x.reshape(x.shape[0], channels, *scale, *sizes)
    order = [axis for k in range(dims) for axis in (2 + dims + k, 2 + k)]
    wide = (n * s for n, s in zip(sizes, scale, strict=True))
    return x.permute(0, 1, *order).reshape(x.shape[0], channels, *wide)


def _space_to_depth(x: Tensor, scale: Scale) -> Tensor:
    """Undo `_depth_to_space`."""
    if max(scale) == 1:
        return x
    dims = x.dim() - 2
    sizes = [n // s for n, s in zip(x.shape[2:], scale, strict=True)]
    split = (n for pair in zip(sizes, scale, strict=True) for n in pair)
    x = x.reshape(x.shape[0], x.shape[1], *split)
    order = [*range(3, 3 + 2 * dims, 2), *range(2, 2 + 2 * dims, 2)]
    return x.permute(0, 1, *order).reshape(x.shape[0], -1, *sizes)
