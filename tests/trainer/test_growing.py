"""Progressive growing: networks, schedule, training, resume, export."""

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

import coop_runtime
from coop_runtime import CoopError
from coop_trainer.build import build_networks
from coop_trainer.config import METHODS, Config, configure
from coop_trainer.data import Signals, hide
from coop_trainer.export.from_run import export_run
from coop_trainer.growing import shown_at
from coop_trainer.growth import GrowthConfig, stage_at
from coop_trainer.loop import run
from coop_trainer.nets import (
    Code,
    Descriptor,
    Encoder,
    Generator,
    GrowingDescriptor,
    GrowingEncoder,
    GrowingGenerator,
    Stage,
)
from coop_trainer.presets import load_preset
from coop_trainer.shards import Shard
from coop_trainer.sheets import sample_files
from coop_trainer.start import begin, resume
from coop_trainer.training import Training

CPU = torch.device("cpu")
TINY = (
    "data.size=16",
    "data.batch=6",
    "growth.shares=[1, 1, 1]",
    "growth.fade=0.5",
    "growth.batches=[6, 5, 4]",
    "descriptor.branches=[{pool=1, layers=[[4,1,1], [5,4,2], [6,4,2], [4,3,1], [1,4,4]]}]",
    "generator.levels=[[6,4,4], [5,3,1], [5,4,2], [4,4,2]]",
    "generator.latents=[3,0,0,0]",
    "encoder.layers=[[4,1,1], [5,4,2], [6,4,2], [4,3,1]]",
    "coopnets.langevin.steps=2",
    "coopnets.persistent_chains=3",
    "coopnets.pool=8",
    "loop.steps=12",
)
MADE = tuple(np.random.default_rng(0).integers(0, 256, (2, 20, 16, 16, 3), dtype=np.uint8))


def tiny(*pairs: str) -> Config:
    return configure(load_preset("images", "grow"), pairs=(*TINY, *pairs))


def pictures(size: int = 16) -> Signals:
    return Signals("images", ("set",), (MADE[0][:, :size, :size],), (0.0, 255.0))


def networks(config: Config) -> tuple[GrowingDescriptor, GrowingGenerator, GrowingEncoder]:
    f, g, q = build_networks(config, pictures())
    assert isinstance(f, GrowingDescriptor)
    assert isinstance(g, GrowingGenerator)
    assert isinstance(q, GrowingEncoder)
    return f, g, q


@pytest.mark.parametrize("size", [16, 32, 64, 128, 256])
def test_the_preset_from_4_to_its_size(size: int) -> None:
    config = configure(load_preset("images", "grow"), pairs=[f"data.size={size}"])
    assert config.growth is not None
    stages = len(config.growth.shares)
    assert 4 * 2 ** (stages - 1) == size
    with torch.device("meta"):
        f = GrowingDescriptor(config.descriptor, channels=3, dims=2)
        g = GrowingGenerator(config.generator, channels=3, dims=2)
        latents = g.latent_channels
        q = GrowingEncoder(config.encoder, channels=3, latent_channels=latents, dims=2)
        assert {n.stages for n in (f, g, q)} == {stages}
        for level in range(stages):
            for blend in (0.5, 1.0) if level else (1.0,):
                for network in (f, g, q):
                    network.grow(Stage(level, blend))
                x = g(torch.zeros(2, *g.latent_shape((4 << level, 4 << level))))
                assert x.shape == (2, 3, 4 << level, 4 << level)
                assert g.strides == f.strides == q.strides == x.shape[2:]
                assert f(x).shape == (2,)
                assert q(x).mean.shape == (2, 64, 1, 1)
    for network in (f, g, q):  # small enough for a CPU
        assert sum(p.numel() for p in network.parameters()) < 1_000_000


def test_whole_they_are_the_plain_networks() -> None:
    for pair in ("generator.norm=true", "generator.upsampling=nearest"):
        pairs = (pair, "generator.levels=[[6,3,4], [5,3,1], [5,3,2], [4,3,2]]")
        config = tiny(*(pairs if "nearest" in pair else pairs[:1]))
        torch.manual_seed(0)
        plain: Any = Generator(config.generator, channels=3, dims=2)
        torch.manual_seed(0)
        growing: Any = GrowingGenerator(config.generator, channels=3, dims=2)
        z = torch.randn(2, 3, 1, 1)
        assert torch.equal(growing(z), plain(z))
    x = torch.randn(2, 3, 16, 16)
    torch.manual_seed(0)
    plain = Descriptor(config.descriptor, channels=3, dims=2)
    torch.manual_seed(0)
    growing = GrowingDescriptor(config.descriptor, channels=3, dims=2)
    assert torch.equal(growing(x), plain(x))
    torch.manual_seed(0)
    plain = Encoder(config.encoder, channels=3, latent_channels=3, dims=2)
    torch.manual_seed(0)
    growing = GrowingEncoder(config.encoder, channels=3, latent_channels=3, dims=2)
    assert torch.equal(growing(x).mean, plain(x).mean)


@pytest.mark.parametrize("level", [1, 2])
def test_a_new_level_comes_in_linearly_from_nothing(level: int) -> None:
    torch.manual_seed(0)
    f, g, q = networks(tiny())
    g.eval()
    z, x = torch.randn(2, 3, 1, 1), torch.randn(2, 3, 4 << level, 4 << level)

    def outputs(stage: Stage, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        for network in (f, g, q):
            network.grow(stage)
        code: Code = q(x)
        return g(z), f.density(x), torch.cat(code, 1)

    small = torch.nn.functional.avg_pool2d(x, 2)
    drawn, density, code = outputs(Stage(level - 1), small)
    doubled = drawn.repeat_interleave(2, 2).repeat_interleave(2, 3)
    old = (doubled, density, code)
    for found, expected in zip(outputs(Stage(level, 0.0), x), old, strict=True):
        assert torch.equal(found, expected)
    new, part = outputs(Stage(level), x), outputs(Stage(level, 0.25), x)
    torch.testing.assert_close(part[0], 0.25 * new[0] + 0.75 * doubled)
    assert not torch.equal(new[1], density)


def test_only_levels_in_use_learn() -> None:
    training = Training(tiny("method=triangle"), pictures(), CPU)
    counts = []
    for _ in range(12):
        training.advance()
        counts.append([len(o.state_dict()["state"]) for o in training.optimisers.values()])
    assert counts[0] < counts[4] < counts[8]
    assert counts[:4] == [counts[0]] * 4
    assert counts[4:8] == [counts[4]] * 4
    whole = [len(list(n.parameters())) for n in training.networks.values()]
    assert counts[11] == whole


def test_examples_are_area_means_blended_like_the_networks() -> None:
    x = torch.randn(2, 3, 8, 8)
    means = x.view(2, 3, 4, 2, 4, 2).mean((3, 5))
    torch.testing.assert_close(shown_at(x, 2, 1.0), means)
    assert torch.equal(shown_at(x, 1, 1.0), x)
    doubled = means.repeat_interleave(2, 2).repeat_interleave(2, 3)
    torch.testing.assert_close(shown_at(x, 1, 0.25), 0.25 * x + 0.75 * doubled)


def test_the_schedule() -> None:
    sudden = GrowthConfig((1.0, 1.0), 0.0, (2, 2))
    assert [stage_at(sudden, done) for done in (0.0, 0.49, 0.5, 1.0)] == [
        Stage(0), Stage(0), Stage(1), Stage(1)
    ]  # fmt: skip
    smooth = GrowthConfig((1.0, 3.0), 1 / 3, (2, 2))
    assert tuple(stage_at(smooth, 0.375)) == pytest.approx((1, 0.5))
    assert stage_at(smooth, 0.51) == Stage(1)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_grows_in_synchrony(method: str) -> None:
    training = Training(tiny(f"method={method}"), pictures(), CPU)
    seen = []
    for _ in range(12):
        figures = training.advance()
        assert not figures.not_numbers()
        stage = training.stage
        assert stage is not None
        parts = [*training.networks.values(), *(a.module for a in training.averages.values())]
        assert {part.stage for part in parts} == {stage}
        assert training.batch().x.shape[1:] == (3, *training.shape)
        assert training.chains.states is None or training.chains.states.shape[2:] == training.shape
        seen.append((training.shape[0], round(stage.blend, 3), training.examples.batch))
    middle = [(8, 0, 5), (8, 0.5, 5), (8, 1, 5), (8, 1, 5)]
    assert seen == [(4, 1, 6)] * 4 + middle + [(16, b, 4) for b in (0, 0.5, 1, 1)]
    with Image.open(io.BytesIO(sample_files(training)["png"])) as sheet:
        assert sheet.width == 10 * (16 + 4) - 4


def test_persistent_chains_grow_with_the_pictures() -> None:
    training = Training(tiny("method=coopnets", "coopnets.langevin.steps=0"), pictures(), CPU)
    for _ in range(4):
        training.advance()
    before = training.chains.states
    assert before is not None
    training.advance()
    after = training.chains.states
    assert after is not None
    doubled = before.repeat_interleave(2, 2).repeat_interleave(2, 3)
    same = (after == doubled).flatten(1).all(1)
    assert len(before) == len(after) == 8
    assert same.sum() >= 5  # the others have been revised, or have started anew


def plain(state: Any) -> Any:
    """Give a state as what == compares to the last bit, without times."""
    if isinstance(state, Tensor):
        return (state.dtype, tuple(state.shape), state.numpy().tobytes())
    if isinstance(state, dict):
        return {key: plain(value) for key, value in state.items() if key != "seconds"}
    if isinstance(state, list | tuple):
        return [plain(value) for value in state]
    return state


@pytest.mark.parametrize("method", ["coopnets", "abp", "mcmc-triangle"])
@pytest.mark.parametrize("steps", [4, 5, 8])
def test_exact_resume_across_sizes(tmp_path: Path, method: str, steps: int) -> None:
    config = tiny(f"method={method}")
    whole, _ = begin(tmp_path / "whole", config, lambda _: pictures(), CPU)
    parts, folder = begin(tmp_path / "parts", config, lambda _: pictures(), CPU)
    for k in range(12):
        whole.advance()
        if k < steps:
            parts.advance()
    state = parts.state()
    sheet = sample_files(parts)["png"]
    folder.write_checkpoint(state, [state], 0)
    again, *_ = resume(tmp_path / "parts", CPU)
    assert sample_files(again)["png"] == sheet
    while again.done < 1:
        again.advance()
    assert plain(again.state()) == plain(whole.state())


def test_a_prolonged_run_does_not_shrink(tmp_path: Path) -> None:
    training, folder = begin(tmp_path / "run", tiny("loop.steps=3"), lambda _: pictures(), CPU)
    run(training, folder, say=lambda _: None)
    sizes = [(line["size"], line["blend"]) for line in folder.read_log()]
    assert sizes == [(4, 1.0), (8, 0.0), (16, 0.0)]
    longer, *_ = resume(tmp_path / "run", CPU, settings=lambda _: tiny("loop.steps=30"))
    assert longer.done == pytest.approx(0.1)
    longer.advance()
    assert longer.shape == (16, 16)


def test_the_clock_makes_it_grow_too() -> None:
    training = Training(tiny("loop.minutes=1", "loop.steps=1000"), pictures(), CPU)
    sizes = []
    for seconds in (0, 25, 45):
        training.seconds = seconds
        training.advance()
        sizes.append(training.shape[0])
    assert sizes == [4, 8, 16]


@pytest.mark.parametrize(("steps", "size"), [(12, 16), (6, 8)])
def test_what_has_been_learned_is_exported_and_played(
    tmp_path: Path, steps: int, size: int
) -> None:
    """At the end, and while a level is blended in: the graphs are as it stands."""
    training, folder = begin(tmp_path / "run", tiny("method=triangle"), lambda _: pictures(), CPU)
    for _ in range(steps):
        training.advance()
    state = training.state()
    folder.write_checkpoint(state, [state], 0)
    card = export_run(tmp_path / "run", tmp_path / "small")
    assert card.signal.trained_shape == (size, size)
    model = coop_runtime.load(tmp_path / "small", "cpu")
    drafts = model.generate(2, seed=0)
    assert drafts.shape == (2, 3, size, size)
    f, g, q = training.averaged()
    assert isinstance(g, Generator)
    assert isinstance(q, Encoder)
    assert isinstance(f, Descriptor)
    x = torch.from_numpy(drafts)
    with torch.no_grad():
        np.testing.assert_allclose(model.encode(drafts).mean, q(x).mean, rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(model.energy(drafts), -f(x), rtol=1e-4, atol=1e-4)
    for state_ in model.refine(drafts, steps=2, seed=0):
        assert np.isfinite(state_.energy).all()


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        (["growth.shares=[1, 1]"], "growth.batches: expected"),
        (["growth.shares=[1, 1]", "growth.batches=[4, 4]"], "expected a number for each of the"),
        (["growth.shares=[1, 0, 1]"], "growth.shares"),
        (["growth.fade=1.0"], "growth.fade"),
        (["growth.batches=[4, 4, 0]"], "growth.batches"),
        (["compute.compile=true"], "compute.compile=false"),
        (["data.crop=16"], "set of complete pictures"),
        (["generator.draw=[3, 1]"], "generator.draw"),
        (["generator.latents=[3, 1, 0, 0]"], "noise at the first level only"),
        (["generator.levels=[[6,4,4], [5,3,1], [4,4,4]]", "generator.latents=[3,0,0]"], "strides"),
        (["encoder.layers=[[5,4,2], [6,4,2]]"], "encoder.layers: growth needs a 1×1 layer first"),
        (["encoder.layers=[]"], "encoder.layers: growth needs a 1×1 layer first"),
        (["descriptor.branches=[{pool=2, layers=[[4,1,1], [1,4,4]]}]"], "one branch"),
    ],
)
def test_what_cannot_grow_is_refused_in_one_line(
    tmp_path: Path, pairs: list[str], message: str
) -> None:
    with pytest.raises(CoopError, match=message) as caught:
        begin(tmp_path / "run", tiny("method=triangle", *pairs), lambda _: pictures(), CPU)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "run").exists()


def test_batches_that_processes_cannot_share() -> None:
    config = tiny("method=vae", "data.batch=4", "growth.batches=[4, 3, 1]")
    with pytest.raises(CoopError, match=r"give --set 'growth.batches=\[4, 2, 2\]', or"):
        Training(config, pictures(), CPU, Shard(0, 2))


def test_incomplete_pictures_cannot_grow() -> None:
    with pytest.raises(CoopError, match="growth: expected a set of complete pictures"):
        Training(tiny("method=abp"), hide(pictures(), "P.5", 0), CPU)
