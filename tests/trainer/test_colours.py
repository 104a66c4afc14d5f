"""Textures learned in their principal colours."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from coop_runtime import CoopError
from coop_runtime.colours import mix
from coop_trainer.data import Signals

CPU = torch.device("cpu")


@pytest.fixture
def stones() -> Signals:
    """Two pictures of grey noise whose channels differ by little."""
    rng = np.random.default_rng(0)
    light = rng.normal(128, 30, (2, 40, 40, 1))
    levels = light + rng.normal(0, 2, (2, 40, 40, 3)) * [2, 1, 1]
    pixels = levels.clip(0, 255).astype(np.uint8)
    return Signals("texture", ("a", "b"), (pixels[:1], pixels[1:]), (0.0, 255.0))


def test_principal_colours_vary_apart_and_alike(stones: Signals) -> None:
    found = stones.with_principal_colours()
    x = torch.cat([x.movedim(1, -1).reshape(-1, 3) for x in found.tensors(CPU)])
    np.testing.assert_allclose(x.T.cov() * 9, np.eye(3), atol=0.05)  # beyond 3 sd it is cut off
    assert x.abs().max() <= 1
    assert found.deviation() == pytest.approx(1 / 3, abs=0.01)
    assert 0 < found.saturation() < 0.01
    assert stones.deviation() < 0.3


def test_they_are_the_pictures(stones: Signals) -> None:
    found = stones.with_principal_colours()
    channels = torch.cat(stones.tensors(CPU))
    again = torch.from_numpy(mix(torch.cat(found.tensors(CPU)).numpy(), found.colours))
    far = (again - channels).abs() > 1e-4
    assert far.float().mean() < 0.02  # of few pixels something is beyond 3 sd
    np.testing.assert_array_equal(found.arrays[0], stones.arrays[0])


def test_colours_of_no_spread_are_not_blown_up(stones: Signals) -> None:
    grey = tuple(np.repeat(a[..., :1], 3, -1) for a in stones.arrays)
    x = torch.cat(replace(stones, arrays=grey).with_principal_colours().tensors(CPU))
    assert x[:, 1:].abs().max() < 1e-3


def test_one_channel_has_no_colours(stones: Signals) -> None:
    grey = replace(stones, arrays=tuple(a[..., :1] for a in stones.arrays))
    assert grey.with_principal_colours() is grey


def test_they_are_kept_with_the_run(stones: Signals) -> None:
    found = stones.with_principal_colours()
    assert Signals.from_npz(found.to_npz()).colours == found.colours
    assert found.with_principal_colours().colours == found.colours


def test_incomplete_pictures_have_none(stones: Signals) -> None:
    seen = [np.ones((1, 40, 40, 1), bool)] * 2
    with pytest.raises(CoopError, match=r"no principal colours: --set data\.decorrelate=false"):
        stones.with_principal_colours().with_masks(seen)
