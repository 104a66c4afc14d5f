"""Too large a batch is one line, before or while it is tried."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn

from coop_runtime import CoopError
from coop_trainer import memory, training
from coop_trainer.config import Config
from coop_trainer.data import Signals, load_texture
from coop_trainer.memory import check_memory, count_values, memory_of
from coop_trainer.start import begin

CPU = torch.device("cpu")


def test_layers_count_their_values() -> None:
    network = nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.Sequential(nn.Conv2d(4, 2, 2, 2)))
    values = count_values({"f": network})
    network(torch.zeros(1, 1, 6, 6))
    assert values == {"f": 4 * 36 + 2 * 9}


def test_the_limit_is_the_memory_of_the_machine_or_its_container(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory, "CONTAINER_LIMIT", tmp_path / "limit")
    whole = memory_of(CPU)
    assert whole > 2**28
    for text, expected in {"max\n": whole, "4000\n": 4000}.items():
        (tmp_path / "limit").write_text(text)
        assert memory_of(CPU) == expected
    check_memory({"data.batch": 10, "gan.samples": 9}, 100, CPU)
    with pytest.raises(CoopError, match=r"gan\.samples = 11 needs more than 0 GB"):
        check_memory({"data.batch": 10, "gan.samples": 11}, 100, CPU)


@pytest.mark.parametrize(
    "pairs",
    [
        ("data.batch=10000000000",),
        ("coopnets.chains=10000000000",),
        ("method=gan", "gan.samples=10000000000"),
    ],
)
def test_what_no_machine_can_take_is_refused_at_once(
    tiny_config: Callable[..., Config], picture: Path, tmp_path: Path, pairs: tuple[str, ...]
) -> None:
    name, _, number = pairs[-1].partition("=")
    with pytest.raises(CoopError, match=f"{name} = {number} needs more than .* GB: lower it"):
        begin(tmp_path / "run", tiny_config(*pairs), lambda _: signals(picture), CPU)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    "error",
    [torch.OutOfMemoryError("CUDA out of memory"), RuntimeError("can't allocate memory: 9 GB")],
)
def test_an_iteration_that_is_too_large_is_one_line(
    tiny_config: Callable[..., Config],
    picture: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    error: Exception,
) -> None:
    def fail(_: object) -> None:
        raise error

    begun, _ = begin(tmp_path / "run", tiny_config(), lambda _: signals(picture), CPU)
    monkeypatch.setattr(training, "iterate", fail)
    with pytest.raises(CoopError, match="not enough memory for an iteration: lower data"):
        begun.advance()


def signals(picture: Path) -> Signals:
    return load_texture([str(picture)], size=None, crop=16)
