"""Random-filter texture synthesis: noise is changed until its Gram matrices are the picture's."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import avg_pool2d, conv2d, interpolate, pad, relu, unfold

from coop_runtime.errors import CoopError

from ..textures.colours import Colours

__all__ = ["gram_matching"]

FILTERS = 128
WIDTH = 7
SCALES = 4
STEPS = 450
#: Weight of the histograms' error beside the Gram matrices' relative one.
HISTOGRAM = 0.1
#: Noise that is added to what a coarser stage has found, in the picture's standard deviations.
FRESH = 0.1


def gram_matching(
    picture: NDArray[np.floating],
    size: tuple[int, int],
    rng: np.random.Generator,
    steps: int = STEPS,
) -> NDArray[np.float64]:
    """Synthesise a texture by matching Gram matrices of one layer of random filters.

    I. Ustyuzhaninov, W. Brendel, L. A. Gatys, M. Bethge, "What does it take to generate natural
    textures?", ICLR 2017: one layer, random filters of many scales, rectified, and L-BFGS from
    noise on the squared difference of Gram matrices. What differs is for a processor's sake, and
    makes the peer stronger:

    - 128 filters of 7×7 look at each of four levels of a pyramid, which gives them fields of 7 to
      56 pixels; the paper has 128 of each of eight widths from 3 to 55. Gram matrices hold the
      products within a level and with the level before.
    - Filters are drawn for the picture: of patches whose spectrum is flattened halfway, each of
      unit response. As the paper draws them they see the lowest frequencies of a photograph, and
      noise stays in the result.
    - The means of responses and each level's histograms are matched too, as E. Risser, P. Wilmot,
      C. Barnes, "Stable and controllable neural texture synthesis and style transfer using
      histogram losses" (2017) do: Gram matrices alone let strong and weak regions stand side by
      side.
    - Found first at a quarter of the size, then at half. The result wraps around.

    Of 224×224 pixels it takes a minute of one slow core, grey or in colour. Portilla and
    Simoncelli's statistics (`TextureReference`) then are at 1.4 of grey bricks and 1.8 of pebbles,
    where real crops have 2.2 and 1.7; bricks keep their bond, pebbles their round shapes.

    Parameters
    ----------
    picture
        (1 or 3, height, width) within [0, 1].
    size
        Height and width of the result.
    rng
        Draws filters and noise.
    steps
        Evaluations of L-BFGS, of all sizes together.

    Returns
    -------
    (channels, *size) within [0, 1].

    Raises
    ------
    CoopError
        Not such a picture, sides too small for filters, or of the result that cannot be halved as
        often as there are levels.
    """
    colours = Colours.of(picture)
    scales = _scales(min(*picture.shape[1:], *size))
    least = 2 ** (scales - 1)
    if any(length % least for length in size):
        raise CoopError(f"size: expected multiples of {least}, found {size}")
    height, width = (length // least * least for length in picture.shape[1:])
    channels = torch.from_numpy(colours.channels(picture)[:, :height, :width].astype(np.float32))
    std, mean = torch.std_mean(channels, (1, 2), keepdim=True)
    levels = _pyramid(((channels - mean) / std)[None], scales, wrap=False)
    filters = [_filters(level, rng) for level in levels]
    coarsest = max(scales - 2, 0)
    shares = [2 + stage for stage in range(coarsest + 1)]  # coarse stages are cheap

    def noise(stage: int) -> Tensor:
        shape = (1, len(channels), *(length >> stage for length in size))
        return torch.from_numpy(rng.standard_normal(shape).astype(np.float32))

    x = noise(coarsest) * levels[coarsest].std()
    for stage in range(coarsest, -1, -1):
        x = _matched(x, levels[stage:], filters[stage:], steps * shares[stage] // sum(shares))
        if stage:
            x = interpolate(x, scale_factor=2, mode="bicubic") + FRESH * noise(stage - 1)
    return np.clip(colours.colours((x[0] * std + mean).double().numpy(), picture), 0, 1)


def _scales(side: int) -> int:
    """Count the levels that still are three filters wide, of at most four."""
    if side < 3 * WIDTH:
        raise CoopError(f"the smallest side is {side}, expected at least {3 * WIDTH}")
    return min(SCALES, int(np.log2(side / (3 * WIDTH))) + 1)


def _matched(x: Tensor, levels: list[Tensor], filters: list[Tensor], steps: int) -> Tensor:
    """Change x until its Gram matrices and histograms are those of the original's levels."""
    targets = _grams(levels, filters, wrap=False)
    weights = [1 / gram.square().sum() for gram in targets]
    shapes = [level.shape for level in _pyramid(x, len(levels), wrap=True)]
    sorted_ = [
        _quantiles(level, size[2] * size[3]) for level, size in zip(levels, shapes, strict=True)
    ]
    x = x.clone().requires_grad_()
    optimiser = torch.optim.LBFGS(
        [x], max_iter=steps, max_eval=steps, history_size=20, line_search_fn="strong_wolfe",
        tolerance_grad=0, tolerance_change=0,
    )  # fmt: skip

    def closure() -> Tensor:
        optimiser.zero_grad()
        mine = _pyramid(x, len(levels), wrap=True)
        grams = _grams(mine, filters, wrap=True)
        errors = [
            weight * (gram - target).square().sum()
            for weight, gram, target in zip(weights, grams, targets, strict=True)
        ]
        errors += [HISTOGRAM * _off(a, b) for a, b in zip(mine, sorted_, strict=True)]
        loss = 1e3 * torch.stack(errors).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimiser.step(closure)  # type: ignore[no-untyped-call]
    return x.detach()


def _filters(level: Tensor, rng: np.random.Generator) -> Tensor:
    """Draw filters of unit response, (128, channels, 7, 7), to the level's patches half whitened.

    Directions of patches, of variance λ, have weights 1/√(λ + mean λ): the strong ones are
    flattened, those that are but noise of the camera are left weak.
    """
    patches = unfold(level, WIDTH)[0].double()
    covariance = torch.cov(patches)
    variances, directions = torch.linalg.eigh(covariance)
    gains = (variances + variances.mean()).rsqrt()
    drawn = torch.from_numpy(rng.standard_normal((FILTERS, len(patches))))
    filters = (drawn * gains) @ directions.T
    response = ((filters @ covariance) * filters).sum(1, keepdim=True).sqrt()
    unit: Tensor = (filters / response).float()
    return unit.reshape(FILTERS, -1, WIDTH, WIDTH)


def _grams(levels: Sequence[Tensor], filters: Sequence[Tensor], *, wrap: bool) -> list[Tensor]:
    """Gram matrix per pixel of each level's features, those of the level before, and 1."""
    margin = WIDTH // 2
    if wrap:
        levels = [pad(level, [margin] * 4, "circular") for level in levels]
    features = [relu(conv2d(x, f)) for x, f in zip(levels, filters, strict=True)]
    # Unpadded, pairs of pixels must begin at an even one to lie under one pixel of the next level.
    odd = 0 if wrap else margin % 2
    halves = [avg_pool2d(pad(maps, [-odd] * 4), 2) for maps in features[:-1]]
    both = [
        torch.cat([maps, _middle(half, maps)], dim=1)
        for maps, half in zip(features[1:], halves, strict=True)
    ]
    flats = [pad(maps[0].flatten(1), (0, 0, 0, 1), value=1.0) for maps in (features[0], *both)]
    return [flat @ flat.T / flat.shape[1] for flat in flats]


def _pyramid(x: Tensor, scales: int, *, wrap: bool) -> list[Tensor]:
    """Blur with a binomial filter of four taps and take every second pixel, again and again."""
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
    kernel = torch.outer(taps, taps).expand(x.shape[1], 1, 4, 4)
    levels = [x]
    for _ in range(scales - 1):
        padded = pad(levels[-1], [1] * 4, "circular" if wrap else "reflect")
        levels.append(conv2d(padded, kernel, stride=2, groups=x.shape[1]))
    return levels


def _middle(maps: Tensor, like: Tensor) -> Tensor:
    """Cut the middle out of maps: those of the level before, halved, reach farther out."""
    height, width = like.shape[2:]
    top, left = (maps.shape[2] - height) // 2, (maps.shape[3] - width) // 2
    return maps[..., top : top + height, left : left + width]


def _quantiles(level: Tensor, count: int) -> Tensor:
    """Give a level's values, as many as asked for, in ascending order: (channels, count)."""
    at = (torch.arange(count) + 0.5) / count
    return torch.quantile(level[0].flatten(1), at, dim=1).T.contiguous()


def _off(level: Tensor, values: Tensor) -> Tensor:
    """Give the squared Wasserstein distance of a level's values to sorted ones."""
    found = level[0].flatten(1)
    wanted = torch.empty_like(found).scatter_(1, found.detach().argsort(1), values)
    return (found - wanted).square().mean()
