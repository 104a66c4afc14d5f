"""Samples shown while learning, and what a model makes of its examples."""

import io
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from coop_trainer.config import configure
from coop_trainer.data import Kind, Signals, draw_masks
from coop_trainer.langevin import VALUE_RANGE, langevin
from coop_trainer.presets import load_preset
from coop_trainer.recover import reconstructed
from coop_trainer.sheets import COLUMNS, draw_samples, sample_files, sheet_shape
from coop_trainer.shown import wav
from coop_trainer.training import Training

CPU = torch.device("cpu")
HERE = Path(__file__).parent.parent
SHAPES: dict[str, tuple[int, ...]] = {
    "texture": (1, 14, 15, 1),
    "images": (6, 8, 8, 1),
    "sound": (1, 170, 1),
    "clips": (1, 7, 8, 8, 3),
}


def training(kind: Kind, method: str, *pairs: str, masked: bool = False) -> Training:
    rng, shape = np.random.default_rng(0), SHAPES[kind]
    size = ["data.size=8"] if kind == "images" else []
    config = configure(
        load_preset(kind, "quick"),
        file=HERE / f"tiny-{kind}.toml",
        pairs=[f"method={method}", *size, *pairs],
    )
    if kind == "sound":
        sound = rng.normal(0, 0.2, shape).astype(np.float32)
        return Training(config, Signals(kind, ("x",), (sound,), (-1.0, 1.0), 8000.0), CPU)
    signals = Signals(kind, ("x",), (rng.integers(0, 256, shape, dtype=np.uint8),), (0.0, 255.0))
    if masked:
        signals = signals.with_masks([draw_masks("P.5", shape[0], shape[1:-1], seed=0)])
    return Training(config, signals, CPU)


def size(data: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(data)) as image:
        return image.size


@pytest.mark.parametrize("kind", SHAPES)
def test_samples_are_always_the_same_and_take_no_chance_from_the_training(kind: Kind) -> None:
    t = training(kind, "coopnets")
    before = t.rng.get_state(), t.data_rng.get_state()
    first, again = (draw_samples(t, 2, sheet_shape(t)) for _ in range(2))
    assert first[0] is not None
    assert first[1] is not None
    assert torch.equal(torch.cat([*first]), torch.cat([*again]))  # type: ignore[list-item]
    assert sample_files(t) == sample_files(t)
    assert torch.equal(t.rng.get_state(), before[0])
    assert torch.equal(t.data_rng.get_state(), before[1])


@pytest.mark.parametrize(
    ("kind", "method", "expected"),
    [
        ("texture", "coopnets", (14, 15)),  # twice the crop, no more than there is
        ("texture", "abp", (14, 14)),
        ("sound", "coopnets", (128,)),
        ("sound", "abp", (168,)),
        ("clips", "coopnets", (7, 8, 8)),
        ("clips", "abp", (6, 8, 8)),
        ("images", "coopnets", (8, 8)),
    ],
)
def test_sizes_on_a_sheet(kind: Kind, method: str, expected: tuple[int, ...]) -> None:
    assert sheet_shape(training(kind, method)) == expected


def test_samples_are_refined_without_noise_if_the_settings_say_so() -> None:
    t = training("images", "coopnets", "langevin.refine_noise=false", "langevin.metropolis=true")
    drafts, revised = draw_samples(t, 2, sheet_shape(t))
    f, settings = t.averaged()[0], t.config.langevin
    assert f is not None
    assert settings is not None
    assert drafts is not None
    quiet = langevin(
        lambda x: f.energy(x, settings.reference_sd),
        drafts,
        t.rng,
        steps=settings.refine_steps,
        step_size=settings.step_size,
        noise=False,
        max_drift=settings.max_drift,
        clamp=VALUE_RANGE,
    )
    torch.testing.assert_close(revised, quiet.x)


def test_what_a_method_lacks_is_left_out() -> None:
    drafts, revised = draw_samples(training("images", "gan"), 2, (8, 8))
    assert drafts is not None
    assert revised is None
    drafts, revised = draw_samples(training("texture", "descriptor"), 2, (9, 8))
    assert drafts is None
    assert revised is not None
    assert revised.shape == (2, 1, 10, 8)  # whole positions of the descriptor
    off = training("images", "triangle", "triangle.energy=0.0")
    assert draw_samples(off, 2, (8, 8))[1] is None


def test_rows_and_columns() -> None:
    assert size(sample_files(training("images", "vae"))["png"]) == (10 * 12 - 4, 3 * 12 - 4)
    assert size(sample_files(training("images", "triangle"))["png"]) == (10 * 12 - 4, 4 * 12 - 4)
    assert size(sample_files(training("texture", "gan"))["png"]) == (4 * 19 - 4, 2 * 18 - 4)


def test_the_sample_to_play_is_the_first_of_the_sheet() -> None:
    t = training("sound", "coopnets")
    count, (length,) = COLUMNS["sound"], sheet_shape(t)
    _, revised = draw_samples(t, count, (length,))
    assert revised is not None
    assert sample_files(t)["wav"] == wav(revised[0, :, :length], 8000.0, t.signals.source_range)


def test_clips_that_do_not_say_their_rate_are_shown_too() -> None:
    files = sample_files(training("clips", "gan"))
    assert files.keys() == {"png", "gif"}
    with Image.open(io.BytesIO(files["gif"])) as clip:
        assert clip.info["duration"] % 40 == 0  # frames that are alike are joined


def test_reconstructions_are_what_the_generator_draws() -> None:
    t, places = training("images", "abp"), torch.tensor([4, 1])
    assert t.latents is not None
    t.latents.normal_(generator=torch.Generator().manual_seed(0))
    g = t.averaged().generator
    assert g is not None
    with torch.no_grad():
        expected = g(t.latents[places])
    again = reconstructed(t, places)
    assert again is not None
    assert torch.equal(again, expected)
    assert reconstructed(training("images", "gan"), places) is None


def test_reconstructions_of_incomplete_examples_keep_what_is_seen() -> None:
    t, places = training("images", "vae", masked=True), torch.tensor([4, 1])
    assert t.filled is not None
    t.filled.uniform_(-1, 1, generator=torch.Generator().manual_seed(0))
    again, batch, (_, g, q) = reconstructed(t, places), t.examples.take(places), t.averaged()
    assert again is not None
    assert batch.seen is not None
    assert g is not None
    assert q is not None
    hidden = batch.seen == 0
    assert torch.equal(again[~hidden], batch.x[~hidden])
    with torch.no_grad():
        expected = g(q(torch.where(hidden, t.filled[places], batch.x)).mean)
    assert torch.equal(again[hidden], expected[hidden])
