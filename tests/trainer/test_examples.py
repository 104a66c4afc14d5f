"""Batches of training examples, whole or cropped, and their sizes."""

import numpy as np
import pytest
import torch

from coop_runtime import CoopError
from coop_trainer.data import Kind, Signals, draw_masks
from coop_trainer.examples import Examples, whole_shape

CPU = torch.device("cpu")


def numbered(count: int = 7, size: int = 4) -> Signals:
    """Pictures whose level is their number times ten."""
    levels = (10 * np.arange(count, dtype=np.uint8))[:, None, None, None]
    array = np.broadcast_to(levels, (count, size, size, 1)).copy()
    return Signals("images", ("x",), (array,), (0.0, 255.0))


def textures(*sizes: tuple[int, int], kind: Kind = "texture") -> Signals:
    rng = np.random.default_rng(0)
    arrays = tuple(rng.integers(0, 256, (1, *s, 1), dtype=np.uint8) for s in sizes)
    return Signals(kind, tuple("abcdef"[: len(sizes)]), arrays, (0.0, 255.0))


@pytest.mark.parametrize(
    ("kind", "sizes", "strides", "expected"),
    [
        ("texture", [(12, 17)], (4, 4), (12, 16)),
        ("texture", [(12, 17), (20, 9)], (4, 4), (12, 8)),
        ("texture", [(12, 17)], (1, 1), (12, 17)),
        ("images", [(12, 16)], (4, 4), (12, 16)),
    ],
)
def test_the_largest_shape_that_all_have(
    kind: Kind, sizes: list[tuple[int, int]], strides: tuple[int, int], expected: tuple[int, int]
) -> None:
    assert whole_shape(textures(*sizes, kind=kind), strides) == expected


def test_sounds_and_clips_are_cut_too() -> None:
    sound = Signals("sound", ("a",), (np.ones((1, 103, 1), np.float32),), (-1.0, 1.0))
    assert whole_shape(sound, (10,)) == (100,)
    clip = Signals("clips", ("a",), (np.ones((1, 11, 8, 9, 3), np.uint8),), (0.0, 255.0))
    assert whole_shape(clip, (4, 8, 8)) == (8, 8, 8)


def test_sizes_that_do_not_fit() -> None:
    with pytest.raises(CoopError, match="not made for pictures of 10x12, but of 4x4 or multiples"):
        whole_shape(textures((10, 12), kind="images"), (4, 4))
    with pytest.raises(CoopError, match=r"the signal is 10x12, smaller than .* least of 16x16"):
        whole_shape(textures((10, 12)), (16, 16))
    message = "of size 10x12 are smaller than the training crop of 11x11"
    with pytest.raises(CoopError, match=message):
        Examples(textures((20, 20), (10, 12)), (11, 11), whole=False, batch=2, device=CPU)


def test_whole_examples_come_once_an_epoch_and_are_known_by_number() -> None:
    examples = Examples(numbered(), (4, 4), whole=True, batch=3, device=CPU)
    rng = torch.Generator().manual_seed(0)
    assert len(examples) == 7
    epoch = [examples.draw(rng) for _ in range(2)]
    places = torch.cat([b.places for b in epoch if b.places is not None])
    assert len(set(places.tolist())) == 6
    for batch in epoch:
        assert batch.places is not None
        assert batch.x.shape == (3, 1, 4, 4)
        assert batch.seen is None
        expected = 10 * batch.places.float() * 2 / 255 - 1
        torch.testing.assert_close(batch.x[:, 0, 0, 0], expected)
        assert torch.equal(examples.take(batch.places).x, batch.x)


def test_a_batch_is_no_larger_than_the_data() -> None:
    examples = Examples(numbered(5), (4, 4), whole=True, batch=32, device=CPU)
    places = examples.draw(torch.Generator()).places
    assert places is not None
    assert sorted(places.tolist()) == [0, 1, 2, 3, 4]


def test_signals_of_several_sizes_are_cut_at_their_ends() -> None:
    signals = textures((6, 9), (8, 5))
    examples = Examples(signals, (6, 5), whole=True, batch=2, device=CPU)
    x = examples.take(torch.tensor([0, 1])).x
    for k, array in enumerate(signals.arrays):
        cut = torch.from_numpy(array[0, :6, :5, 0].astype(np.float32)) * (2 / 255) - 1
        torch.testing.assert_close(x[k, 0], cut)


def test_crops_are_everywhere_and_have_no_number() -> None:
    examples = Examples(textures((6, 9), (8, 5)), (4, 4), whole=False, batch=50, device=CPU)
    batch = examples.draw(torch.Generator().manual_seed(0))
    assert (len(examples), batch.places, batch.seen) == (0, None, None)
    assert batch.x.shape == (50, 1, 4, 4)
    assert len({x.numpy().tobytes() for x in batch.x}) > 20
    assert examples.state() is None
    examples.restore(None)


def test_the_order_goes_on_where_it_was() -> None:
    first = Examples(numbered(), (4, 4), whole=True, batch=3, device=CPU)
    rng = torch.Generator().manual_seed(0)
    first.draw(rng)
    state, random_state = first.state(), rng.get_state()
    expected = [first.draw(rng).x for _ in range(4)]
    second = Examples(numbered(), (4, 4), whole=True, batch=3, device=CPU)
    second.restore(state)
    rng.set_state(random_state)
    assert all(torch.equal(second.draw(rng).x, x) for x in expected)


def test_hidden_entries_are_zero() -> None:
    seen = draw_masks("P.5", 7, (4, 4), seed=0)
    examples = Examples(numbered().with_masks([seen]), (4, 4), whole=True, batch=3, device=CPU)
    batch = examples.take(torch.tensor([6, 2]))
    assert batch.seen is not None
    np.testing.assert_array_equal(batch.seen.movedim(1, -1).numpy(), seen[[6, 2]])
    assert (batch.x[batch.seen == 0] == 0).all()
    level = batch.x[0, 0][batch.seen[0, 0] > 0]
    torch.testing.assert_close(level, torch.full_like(level, 60 * 2 / 255 - 1))
    with pytest.raises(CoopError, match=r"whole examples: --set data\.crop=none"):
        Examples(numbered().with_masks([seen]), (4, 4), whole=False, batch=3, device=CPU)
