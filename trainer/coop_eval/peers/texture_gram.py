"""Random-filter texture synthesis: noise is changed until its Gram matrices are the picture's."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import avg_pool2d, conv2d, pad, relu

from coop_runtime.errors import CoopError

from ..textures.colours import Colours

__all__ = ["gram_matching"]

FILTERS = 128
WIDTH = 9
SCALES = 4
STEPS = 250


def gram_matching(
    picture: NDArray[np.floating],
    size: tuple[int, int],
    rng: np.random.Generator,
    steps: int = STEPS,
) -> NDArray[np.float64]:
    """Synthesise a texture by matching Gram matrices of one layer of random filters.

    I. Ustyuzhaninov, W. Brendel, L. A. Gatys, M. Bethge, "What does it take to generate natural
    textures?", ICLR 2017: one layer, random filters of all scales with 128 of each, rectified, and
    L-BFGS from noise on the squared difference of Gram matrices. For a processor's sake filters of
    9×9 look at each of four levels of a pyramid, which gives them fields of 9 to 72 pixels (the
    paper's are of 3 to 55); each level's Gram matrix also holds its products with the level before.
    The result wraps around.

    An evaluation of 256×256 colour pixels takes half a second on one slow core, so two minutes in
    all.

    Parameters
    ----------
    picture
        (channels, height, width) within [0, 1].
    size
        Height and width of the result.
    rng
        Draws filters and noise.
    steps
        Evaluations of L-BFGS.

    Returns
    -------
    (channels, *size) within [0, 1].

    Raises
    ------
    CoopError
        Sides of the result that cannot be halved that often.
    """
    colours = Colours.of(picture)
    side = min(*picture.shape[1:], *size)
    scales = min(SCALES, int(np.log2(max(side, 1) / (3 * WIDTH))) + 1)
    least = 2 ** (scales - 1)
    if scales < 1 or any(length % least for length in size):
        raise CoopError(f"size: expected multiples of {max(least, 16)}, found {size}")
    height, width = (length // least * least for length in picture.shape[1:])
    channels = torch.from_numpy(colours.channels(picture)[:, :height, :width].astype(np.float32))
    mean, std = (
        moment[None, :, None, None] for moment in (channels.mean((1, 2)), channels.std((1, 2)))
    )
    original = (channels - mean) / std  # (1, channels, height, width)
    filters = torch.from_numpy(_filters(len(channels), rng))
    targets = _grams(original, filters, scales, wrap=False)
    weights = [1 / gram.square().sum() for gram in targets]
    start = rng.standard_normal((1, len(channels), *size))
    x = torch.from_numpy(start.astype(np.float32)).requires_grad_()
    optimiser = torch.optim.LBFGS(
        [x], max_iter=steps, max_eval=steps, history_size=20, line_search_fn="strong_wolfe",
        tolerance_grad=0, tolerance_change=0,
    )  # fmt: skip

    def closure() -> Tensor:
        optimiser.zero_grad()
        grams = _grams(x, filters, scales, wrap=True)
        errors = [
            weight * (gram - target).square().sum()
            for weight, gram, target in zip(weights, grams, targets, strict=True)
        ]
        loss = 1e3 * torch.stack(errors).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        return loss

    optimiser.step(closure)  # type: ignore[no-untyped-call]
    found = (x.detach() * std + mean)[0].double().numpy()
    return np.clip(colours.colours(found, picture), 0, 1)


def _filters(channels: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Uniform weights of unit gain, (128, channels, 9, 9), as the paper's."""
    bound = np.sqrt(3 / (channels * WIDTH * WIDTH))
    shape = (FILTERS, channels, WIDTH, WIDTH)
    return rng.uniform(-bound, bound, shape).astype(np.float32)


def _grams(x: Tensor, filters: Tensor, scales: int, *, wrap: bool) -> list[Tensor]:
    """Gram matrix per pixel of each level's features and those of the level before."""
    levels = [x]
    for _ in range(scales - 1):
        levels.append(_halved(levels[-1], wrap=wrap))
    if wrap:
        levels = [pad(level, [WIDTH // 2] * 4, "circular") for level in levels]
    features = [relu(conv2d(level, filters)) for level in levels]
    halves = [avg_pool2d(maps, 2) for maps in features[:-1]]
    both = [
        torch.cat([maps, _middle(half, maps)], dim=1)
        for maps, half in zip(features[1:], halves, strict=True)
    ]
    flats = [maps[0].flatten(1) for maps in (features[0], *both)]
    return [flat @ flat.T / flat.shape[1] for flat in flats]


def _halved(x: Tensor, *, wrap: bool) -> Tensor:
    """Blur with a binomial filter of four taps and take every second pixel."""
    taps = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
    kernel = torch.outer(taps, taps).expand(x.shape[1], 1, 4, 4)
    padded = pad(x, [1] * 4, "circular" if wrap else "reflect")
    return conv2d(padded, kernel, stride=2, groups=x.shape[1])


def _middle(maps: Tensor, like: Tensor) -> Tensor:
    """Cut the middle out of maps: those of the level before, halved, reach farther out."""
    height, width = like.shape[2:]
    top, left = (maps.shape[2] - height) // 2, (maps.shape[3] - width) // 2
    return maps[..., top : top + height, left : left + width]
