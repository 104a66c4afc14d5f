"""Every method on every signal: learned, interrupted, rolled back, shown, exported, played."""

import dataclasses
import io
import os
import signal
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from PIL import Image

import coop_runtime
from coop_runtime import CoopError, Model
from coop_trainer.config import METHODS, Config, Method, configure
from coop_trainer.data import Kind, Signals
from coop_trainer.export.from_run import export_run
from coop_trainer.figures import Figures
from coop_trainer.loop import Outcome, run
from coop_trainer.presets import load_preset
from coop_trainer.run_folder import RunFolder
from coop_trainer.start import begin, resume
from coop_trainer.training import Training

CPU = torch.device("cpu")
HERE = Path(__file__).parent.parent
KINDS: tuple[Kind, ...] = ("texture", "images", "sound", "clips")
WITHOUT_ENERGY = ("abp", "vae", "gan")
SHAPES = {"texture": (8, 8), "images": (8, 8), "sound": (64,), "clips": (4, 8, 8)}
WHOLE = {"texture": (14, 12), "images": (8, 8), "sound": (160,), "clips": (6, 8, 8)}
LONGER = {"texture": (9, 13), "images": (8, 8), "sound": (75,), "clips": (7, 8, 8)}

STACKS: dict[str, list[tuple[int, ...]]] = {
    "texture": [(1, 14, 15, 1), (1, 15, 13, 1)],
    "images": [(10, 8, 8, 3)],
    "sound": [(1, 160, 1), (1, 170, 1)],
    "clips": [(1, 7, 8, 8, 3), (1, 9, 8, 8, 3)],
}


def signals_of(kind: Kind) -> Signals:
    """Two textures, sounds or clips of different sizes, or ten pictures; grey or colour."""
    rng = np.random.default_rng(0)
    shapes = STACKS[kind]
    names = tuple(f"file{k}" for k in range(len(shapes)))
    if kind == "sound":
        sounds = tuple(rng.normal(0, 0.2, s).clip(-1, 1).astype(np.float32) for s in shapes)
        return Signals(kind, names, sounds, (-1.0, 1.0), rate=8000.0)
    pixels = tuple(rng.integers(0, 256, s, dtype=np.uint8) for s in shapes)
    rate = 12.5 if kind == "clips" else None
    return Signals(kind, names, pixels, (0.0, 255.0), rate=rate)


def settings(method: str, kind: str) -> Config:
    size = ["data.size=8"] if kind == "images" else []
    return configure(
        load_preset(kind, "quick"),
        file=HERE / f"tiny-{kind}.toml",
        pairs=[f"method={method}", *size],
    )


@dataclasses.dataclass(frozen=True)
class Case:
    """A method on a signal, learned once for all tests."""

    method: Method
    kind: Kind
    home: Path

    def train(self, name: str, said: list[str] | None = None) -> tuple[RunFolder, Outcome]:
        config, lines = settings(self.method, self.kind), [] if said is None else said
        training, folder = begin(self.home / name, config, lambda _: signals_of(self.kind), CPU)
        return folder, run(training, folder, say=lines.append)

    @cached_property
    def whole(self) -> RunFolder:
        folder, outcome = self.train("whole")
        assert outcome.finished
        assert outcome.rollbacks == 0
        return folder

    @cached_property
    def bundle(self) -> Path:
        target = self.home / "bundle"
        export_run(self.whole.path, target)
        return target

    @cached_property
    def model(self) -> Model:
        return coop_runtime.load(self.bundle, "cpu")


@pytest.fixture(
    scope="module",
    params=[(method, kind) for kind in KINDS for method in METHODS],
    ids=lambda case: "-".join(case),
)
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    method, kind = request.param
    return Case(method, kind, tmp_path_factory.mktemp("case"))


def leaves(state: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    """List what a state holds, but for the time it took, to be compared to the last bit."""
    if isinstance(state, dict):
        for key, value in state.items():
            if key != "seconds":
                yield from leaves(value, f"{name}.{key}")
    elif isinstance(state, list | tuple):
        for k, value in enumerate(state):
            yield from leaves(value, f"{name}.{k}")
    elif isinstance(state, torch.Tensor):
        yield name, (state.dtype, tuple(state.shape), state.contiguous().numpy().tobytes())
    else:
        yield name, state


def checkpoint(folder: RunFolder) -> dict[str, Any]:
    loaded = folder.read_checkpoint()
    assert loaded is not None
    return dict(leaves(loaded[0]))


def figures_of(folder: RunFolder) -> list[dict[str, Any]]:
    return [{k: v for k, v in line.items() if k != "seconds"} for line in folder.read_log()]


def after(monkeypatch: pytest.MonkeyPatch, step: int, then: Any) -> None:
    """Let ``then(training, figures)`` give the figures of that step, once."""
    advance, done = Training.advance, list[int]()

    def counted(training: Training) -> Figures:
        figures = advance(training)
        if training.step == step and not done:
            done.append(step)
            changed: Figures = then(training, figures)
            return changed
        return figures

    monkeypatch.setattr(Training, "advance", counted)


def test_an_interrupted_run_goes_on_bit_for_bit(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(_: Training, figures: Figures) -> Figures:
        os.kill(os.getpid(), signal.SIGTERM)
        return figures

    with monkeypatch.context() as patch:
        after(patch, 2, stop)
        folder, outcome = case.train("parts")
    assert (outcome.step, outcome.signal) == (2, signal.SIGTERM)
    training, folder, good = resume(folder.path, CPU)
    assert run(training, folder, say=lambda _: None, good=good).finished
    assert checkpoint(folder) == checkpoint(case.whole)
    assert figures_of(folder) == figures_of(case.whole)
    for sheet in (case.whole.path / "samples").iterdir():
        assert (folder.path / "samples" / sheet.name).read_bytes() == sheet.read_bytes()


def test_nan_is_rolled_back_and_reported(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    def spoil(training: Training, figures: Figures) -> Figures:
        with torch.no_grad():
            for network in training.networks.values():
                for p in network.parameters():
                    p.fill_(float("nan"))
        name = next(iter(figures.known()))
        return figures._replace(**{name: float("nan")})

    said: list[str] = []
    with monkeypatch.context() as patch:
        after(patch, 3, spoil)
        folder, outcome = case.train("spoilt", said)
    assert (outcome.step, outcome.rollbacks, outcome.finished) == (4, 1, True)
    assert said[0].startswith("step 3: not a number: ")
    assert "back to step 2 with 0.5 of the learning rates (1 of 5)" in said[0]
    assert [(e["step"], e["to"]) for e in folder.read_log() if "event" in e] == [(3, 2)]
    loaded = folder.read_checkpoint()
    assert loaded is not None
    for name in METHODS[case.method]:
        for value in loaded[0]["parts"][name].values():
            assert torch.isfinite(value).all()


def test_samples_can_be_looked_at_and_played(case: Case) -> None:
    files = {f.suffix: f.read_bytes() for f in (case.whole.path / "samples").iterdir()}
    moving = {"sound": {".wav"}, "clips": {".gif"}}.get(case.kind, set())
    assert files.keys() == {".png", *moving}
    shape = sheet_shape(case)
    with Image.open(io.BytesIO(files[".png"])) as sheet:
        assert sheet.mode == ("L" if case.kind in ("texture", "sound") else "RGB")
        if case.kind in ("texture", "images"):
            columns = sheet_columns(case)
            assert sheet.size == (columns * (shape[1] + 4) - 4, rows(case) * (shape[0] + 4) - 4)
    if ".wav" in files:
        sound, rate = soundfile.read(io.BytesIO(files[".wav"]))
        assert (sound.shape, rate) == (shape, 8000)
    if ".gif" in files:
        with Image.open(io.BytesIO(files[".gif"])) as clip:
            assert clip.size == (8, 8)
            assert clip.info["duration"] % 80 == 0


def sheet_shape(case: Case) -> tuple[int, ...]:
    """Whole examples are shown as they are learned, crops at twice their size."""
    if case.method == "abp" or case.kind == "images":
        return WHOLE[case.kind]
    smallest = np.min([a.shape[1:-1] for a in signals_of(case.kind).arrays], axis=0)
    return tuple(min(2 * n, int(s)) for n, s in zip(SHAPES[case.kind], smallest, strict=True))


def sheet_columns(case: Case) -> int:
    return 10 if case.kind == "images" else 4


def rows(case: Case) -> int:
    """Rows of a sheet: examples, reconstructions, drafts, revised."""
    whole = case.method == "abp" or case.kind == "images"
    infers = whole and case.method in ("abp", "triangle", "mcmc-triangle", "vae")
    return 1 + infers + (case.method != "descriptor") + (case.method not in WITHOUT_ENERGY)


def test_the_bundle_has_what_the_method_learned(case: Case) -> None:
    card = coop_runtime.read_card(case.bundle)
    graphs: set[str] = set()
    if case.method != "descriptor":
        graphs |= {"generator", "posterior"}
    if case.method not in WITHOUT_ENERGY:
        graphs |= {"energy"}
    if case.method in ("triangle", "mcmc-triangle", "vae"):
        graphs |= {"encoder"}
    assert set(card.graphs) == set(card.parity) == graphs
    assert max(p.max_relative_error for p in card.parity.values()) < 1e-5
    assert (card.langevin is None) == (case.method in WITHOUT_ENERGY)
    if case.method == "descriptor":
        chains = resume(case.whole.path, CPU, writing=False)[0].config.algorithm_d
        assert card.langevin is not None
        assert card.langevin.start_sd == chains.start_sd
        assert (chains.start_sd is None) == (case.kind != "sound")
    whole = case.method == "abp"
    assert card.signal.trained_shape == (WHOLE if whole else SHAPES)[case.kind]
    assert card.signal.rate == signals_of(case.kind).rate
    assert card.training["method"] == case.method
    assert "licence" not in card.training


def test_the_bundle_is_played(case: Case) -> None:
    model, size = case.model, LONGER[case.kind]
    channels = model.card.signal.channels
    if case.method == "descriptor":
        refused(lambda: model.generate(2, seed=1), "has no generator (it was learned by descr")
        x = model.noise(2, seed=1, size=size)
    else:
        x = model.generate(2, seed=1, size=size)
    assert x.shape == (2, channels, *size)
    assert np.isfinite(x).all()
    if case.method in WITHOUT_ENERGY:
        refused(lambda: model.energy(x), f"has no energy (it was learned by {case.method})")
        refused(lambda: model.refine(x), "it draws with generate(), but cannot judge or revise")
    else:
        states = list(model.refine(x, steps=2, seed=1))
        assert [s.step for s in states] == [0, 1, 2]
        assert not np.array_equal(states[-1].x, states[0].x)
        assert np.isfinite(states[-1].energy).all()
    if "encoder" in METHODS[case.method]:
        assert model.encode(x).mean.shape == model.encode(x).log_variance.shape
    elif case.method == "descriptor":
        refused(lambda: model.encode(x), "has no generator")
    else:
        refused(lambda: model.encode(x), "has no encoder")


def refused(play: Any, message: str) -> None:
    with pytest.raises(CoopError) as caught:
        play()
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
