"""Features of a classifier trained on the spot: it learns, always alike, and is kept."""

from pathlib import Path

import numpy as np
import pytest
from scipy import ndimage

from coop_eval.pictures.damages import DAMAGES, damaged
from coop_eval.pictures.features import Classifier, classifier, train
from coop_eval.pictures.kernel import kernel_distance
from coop_runtime import Array, CoopError


def _bars(n: int, seed: int) -> tuple[Array, np.ndarray]:
    """Give smooth pictures with a bar that stands or lies, and which of the two it is."""
    rng = np.random.default_rng(seed)
    x = np.full((n, 1, 16, 16), 0.2, np.float32)
    labels = rng.integers(2, size=n)
    for picture, label, place in zip(x[:, 0], labels, rng.integers(2, 12, size=n), strict=True):
        (picture.T if label else picture)[place : place + 3] = 0.8
    return x + rng.normal(0, 0.02, x.shape).astype(np.float32), labels


@pytest.fixture(scope="module")
def trained() -> Classifier:
    x, labels = _bars(300, 0)
    test, test_labels = _bars(200, 1)
    return train(x, test, labels, test_labels, steps=80)


def test_both_tasks_are_learned(trained: Classifier) -> None:
    assert trained.accuracy is not None
    assert trained.accuracy > 0.9
    assert trained.damage_accuracy > 3 / len(DAMAGES)


def test_features_tell_real_pictures_from_blurred_ones(trained: Classifier) -> None:
    x, y = (trained.features(_bars(200, seed)[0]) for seed in (2, 3))
    blurred = ndimage.gaussian_filter(_bars(200, 4)[0], (0, 0, 1, 1))
    assert x.shape == (200, 128)
    assert x.dtype == np.float64
    assert (x**2).mean() == pytest.approx(1, rel=0.1)
    null, found = kernel_distance(x, y), kernel_distance(trained.features(blurred), y)
    assert abs(null.mean) < 5 * null.deviation
    assert found.mean > 10 * max(null.deviation, found.deviation)


def test_a_seed_gives_the_same_network_and_another_another() -> None:
    x = np.random.default_rng(0).random((20, 3, 16, 16), np.float32)
    first, second, other = (train(x, x, seed=seed, steps=2) for seed in (0, 0, 1))
    assert first.accuracy is None
    assert first.sha256 == second.sha256 != other.sha256
    np.testing.assert_array_equal(first.features(x), second.features(x))


def test_a_file_keeps_it_until_the_pictures_are_others(tmp_path: Path) -> None:
    x, labels = _bars(40, 0)
    file = tmp_path / "features" / "bars.npz"
    made = classifier(file, x, x, labels, labels, steps=2)
    time = file.stat().st_mtime_ns
    kept = classifier(file, x, x, labels, labels, steps=2)
    assert file.stat().st_mtime_ns == time
    assert (kept.sha256, kept.accuracy) == (made.sha256, made.accuracy)
    np.testing.assert_array_equal(kept.features(x), made.features(x))
    assert classifier(file, 1 - x, x, labels, labels, steps=2).sha256 != made.sha256
    assert classifier(file, x, x, steps=2).accuracy is None


def test_what_are_no_pictures_is_refused(trained: Classifier, tmp_path: Path) -> None:
    x, labels = _bars(10, 0)
    for wrong, message in (
        (x[0], "expected pictures"),
        (255 * x, r"expected values in \[0, 1\]"),
        (np.full_like(x, np.nan), r"expected values in \[0, 1\]"),
        (np.repeat(x, 3, axis=1), "expected 1 channels"),
    ):
        with pytest.raises(CoopError, match=message):
            trained.features(wrong)
    with pytest.raises(CoopError, match="one for each of 10"):
        train(x, x, labels[:5], labels)
    (tmp_path / "broken.npz").write_bytes(b"no archive")
    with pytest.raises(CoopError, match=r"broken\.npz"):
        classifier(tmp_path / "broken.npz", x, x)


@pytest.mark.parametrize("channels", [1, 3])
def test_each_damage_changes_every_picture_within_the_range(channels: int) -> None:
    x = np.random.default_rng(0).random((6, channels, 28, 28), np.float32)
    for kind in range(len(DAMAGES)):
        y = damaged(x, np.full(6, kind), np.random.default_rng(1))
        changed = (y != x).any(axis=(1, 2, 3))
        assert y.shape == x.shape
        assert y.dtype == np.float32
        assert 0 <= y.min() <= y.max() <= 1
        # The picture that is mixed in may be the same one.
        assert changed.sum() >= (5 if kind else 0)
        assert kind or not changed.any()
