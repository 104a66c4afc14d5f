import numpy as np
import pytest
import torch
from torch import Tensor

from coop_runtime import CoopError
from coop_trainer.data import Deck, random_crops


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def crops_of_pictures(
    pictures: list[Tensor], count: int, crop: int, rng: torch.Generator
) -> Tensor:
    """Draw as version 0.1 did, from pictures (channels, height, width)."""
    room = [[s - crop + 1 for s in p.shape[1:]] for p in pictures]
    ends = torch.tensor([rows * columns for rows, columns in room]).cumsum(0)
    positions = torch.randint(int(ends[-1]), (count,), generator=rng)
    crops = []
    for position in positions.tolist():
        k = int((ends <= position).sum())
        row, column = divmod(position - int(ends[k - 1] if k else 0), room[k][1])
        crops.append(pictures[k][:, row : row + crop, column : column + crop])
    return torch.stack(crops)


def test_crops_of_pictures_are_the_same_bits_as_ever() -> None:
    pictures = [torch.rand(3, *size, generator=seeded(1)) for size in ((20, 31), (16, 16), (40, 9))]
    expected = crops_of_pictures(pictures, 200, 8, seeded())
    drawn = random_crops([p[None] for p in pictures], 200, (8, 8), seeded())
    assert torch.equal(drawn, expected)
    assert drawn.is_contiguous()


def test_crops_are_uniform_over_all_positions_of_all_examples() -> None:
    pictures = [
        torch.arange(18.0).reshape(2, 1, 3, 3),
        100 + torch.arange(6.0).reshape(1, 1, 2, 3),
    ]
    corners = random_crops(pictures, 10000, (2, 2), seeded())[:, 0, 0, 0]
    values, counts = np.unique(corners.numpy(), return_counts=True)
    assert values.tolist() == [0, 1, 3, 4, 9, 10, 12, 13, 100, 101]
    assert np.abs(counts - 1000).max() < 5 * (1000 * 0.9) ** 0.5


@pytest.mark.parametrize("size", [(11,), (5, 7), (4, 5, 6)])
def test_crops_of_any_number_of_dims_are_pieces_of_the_data(size: tuple[int, ...]) -> None:
    data = torch.arange(3.0 * int(np.prod(size))).reshape(3, 1, *size)
    crop = tuple(s - 2 for s in size)
    drawn = random_crops([data], 2000, crop, seeded())
    assert drawn.shape == (2000, 1, *crop)
    windows = data
    for axis, length in enumerate(crop):
        windows = windows.unfold(2 + axis, length, 1)
    known = windows.reshape(-1, *crop)
    found = {tuple(c.flatten().tolist()) for c in drawn}
    assert found == {tuple(c.flatten().tolist()) for c in known}


def test_crops_larger_than_the_data_are_refused() -> None:
    with pytest.raises(CoopError, match="size 4x9 are smaller than the training crop of 5x5"):
        random_crops([torch.zeros(1, 1, 9, 9), torch.zeros(1, 1, 4, 9)], 3, (5, 5), seeded())


def test_a_deck_shows_every_example_once_per_epoch() -> None:
    deck, rng = Deck(12), seeded()
    epochs = [torch.cat([deck.draw(4, rng) for _ in range(3)]) for _ in range(2)]
    for epoch in epochs:
        assert sorted(epoch.tolist()) == list(range(12))
    assert not torch.equal(*epochs)


def test_what_is_too_little_for_a_batch_is_dropped() -> None:
    deck, rng, counts = Deck(7), seeded(), torch.zeros(7)
    for _ in range(700):
        batch = deck.draw(3, rng)
        assert len(set(batch.tolist())) == 3
        counts[batch] += 1
    assert counts.sum() == 2100
    assert counts.min() > 270  # none is dropped more often than the others


def test_a_restored_deck_goes_on_as_if_nothing_had_happened() -> None:
    deck, rng = Deck(10), seeded()
    deck.draw(3, rng)
    state, random_state = deck.state(), rng.get_state()
    expected = [deck.draw(3, rng) for _ in range(5)]
    other, again = Deck(10), seeded(5)
    other.restore(state)
    again.set_state(random_state)
    assert all(torch.equal(other.draw(3, again), e) for e in expected)
    with pytest.raises(CoopError, match="the 3 examples"):
        Deck(3).restore(torch.arange(5))


def test_a_batch_needs_enough_examples() -> None:
    assert sorted(Deck(4).draw(4, seeded()).tolist()) == [0, 1, 2, 3]
    with pytest.raises(CoopError, match=r"a batch of 5 needs more than the 4 examples"):
        Deck(4).draw(5, seeded())
