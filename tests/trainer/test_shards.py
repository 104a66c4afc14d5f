"""Two processes learn together what one learns alone."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image
from torch import Tensor

from coop_runtime import CoopError
from coop_trainer.build import share_of
from coop_trainer.config import Config
from coop_trainer.figures import Figures
from coop_trainer.run_folder import RunFolder
from coop_trainer.shards import Shard
from coop_trainer.start import choose_device

SCRIPT = Path(__file__).parent / "shared_training.py"
METHODS = (
    "coopnets",
    "metropolis",
    "descriptor",
    "abp",
    "mcmc-triangle",
    "triangle",
    "vae",
    "gan",
    "grow",
)
TINY = Path(__file__).parent.parent / "tiny.toml"


def torchrun(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Start two processes that meet at 127.0.0.1 and a free port."""
    command = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    command += ["--rdzv-backend", "c10d", "--rdzv-endpoint", "127.0.0.1:0"]
    command += ["--local-addr", "127.0.0.1", *map(str, arguments)]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.run(
        command, capture_output=True, text=True, env=environment, timeout=300, check=False
    )


@pytest.fixture(scope="module")
def together(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder in which two processes have left what they did."""
    out = tmp_path_factory.mktemp("together")
    done = torchrun(SCRIPT, out)
    assert done.returncode == 0, done.stderr
    return out


def difference(a: Any, b: Any) -> float:
    """Give the largest absolute difference between two states; their clocks aside."""
    if isinstance(a, Tensor):
        assert a.shape == b.shape
        return (a.double() - b.double()).abs().max().item() if a.numel() else 0.0
    if isinstance(a, dict):
        assert a.keys() == b.keys()
        return max(
            (difference(a[k], b[k]) for k in a if k not in ("seconds", "processes")), default=0
        )
    if isinstance(a, list | tuple):
        return max((difference(x, y) for x, y in zip(a, b, strict=True)), default=0)
    assert a == b
    return 0.0


def states(out: Path, name: str) -> list[dict[str, Any]]:
    return [torch.load(out / f"{name}-{who}.pt", weights_only=True) for who in (0, 1)]


@pytest.mark.parametrize("method", METHODS)
def test_two_processes_learn_what_one_learns_with_the_joined_batch(
    together: Path, method: str
) -> None:
    first, second = states(together, method)
    alone = torch.load(together / f"{method}-alone.pt", weights_only=True)
    assert difference(first, second) == 0
    networks = [name for name in first["parts"] if not name.endswith("optimiser")]
    for name in networks:  # with their averages
        # Adam divides gradients by their size, so where they are small rounding counts more (gan).
        assert difference(first["parts"][name], alone["parts"][name]) < 3e-6
    for kept in ("chains", "latents", "filled"):
        assert difference(first[kept], alone[kept]) < 1e-6
    assert torch.equal(first["rng"], alone["rng"])
    assert (first["processes"], alone["processes"]) == (2, 1)


def test_what_is_kept_of_examples_and_chains_is_whole_in_every_process(together: Path) -> None:
    sizes = {"coopnets": ("chains", 6), "abp": ("latents", 10), "mcmc-triangle": ("filled", 10)}
    for method, (table, size) in sizes.items():
        values = states(together, method)[1][table]
        assert len(values) == size
        assert (values != 0).any()


def test_with_batch_normalisation_the_processes_still_agree(together: Path) -> None:
    first, second = states(together, "norm")
    assert difference(first, second) == 0


def test_an_interruption_of_one_stops_all_and_the_run_goes_on_bit_for_bit(together: Path) -> None:
    found = [json.loads((together / f"runs-{rank}.json").read_text()) for rank in (0, 1)]
    assert found == [[7, signal.SIGTERM, False, 12, True]] * 2
    whole, parts = (RunFolder.open(together / name) for name in ("whole", "parts"))
    ends = [folder.read_checkpoint() for folder in (whole, parts)]
    assert ends[0] is not None
    assert ends[1] is not None
    assert difference(ends[0][0], ends[1][0]) == 0
    assert [line["step"] for line in parts.read_log()] == list(range(1, 13))
    sheets = [folder.path / "samples/step-000012.png" for folder in (whole, parts)]
    assert sheets[0].read_bytes() == sheets[1].read_bytes()


def test_one_failure_is_everyones(together: Path) -> None:
    first, second = (json.loads((together / f"said-{rank}.json").read_text()) for rank in (0, 1))
    assert first[0] == "process 1: there is no such GPU"
    assert second[0] == "there is no such GPU"
    assert first[1] == second[1]
    assert first[1].startswith("data.batch: 3 cannot be shared evenly by 2 processes; give")


def test_when_a_process_is_gone_the_last_good_state_is_saved(together: Path) -> None:
    said = json.loads((together / "said-0.json").read_text())
    assert said[-1].startswith("another process of this training is gone")
    checkpoint = RunFolder.open(together / "lost").read_checkpoint()
    assert checkpoint is not None
    assert checkpoint[0]["step"] == 4


def test_the_command_speaks_once_and_its_run_goes_on_alone(picture: Path, tmp_path: Path) -> None:
    out = tmp_path / "run"
    options = ["--config", TINY, "--set", "coopnets.chains=4", "--set", "data.noise=0"]
    command = ["-m", "coop_trainer", "texture", "--out", out]
    done = torchrun(*command, picture, *options, "--set", "coopnets.persistent_chains=2")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("12 steps in") == 1
    assert done.stderr.count("Error") == 0
    with Image.open(out / "samples/step-000012.png") as sheet:
        assert sheet.size == (4 * 32 + 3 * 4, 3 * 32 + 2 * 4)
    alone = [sys.executable, *map(str, command), "--resume", "--steps", "14"]
    again = subprocess.run(alone, capture_output=True, text=True, timeout=120, check=True)
    assert "2 processes have learned so far, 1 go on: the same up to rounding" in again.stderr
    assert "14 steps in" in again.stdout


def test_the_command_refuses_once(picture: Path, tmp_path: Path) -> None:
    command = ["-m", "coop_trainer", "texture", picture, "--out", tmp_path / "run"]
    refused = torchrun(*command, "--config", TINY)
    assert refused.returncode == 1
    (line,) = [line for line in refused.stderr.splitlines() if line.startswith("Error: ")]
    assert "give --set coopnets.chains=2 --set coopnets.persistent_chains=2, or" in line
    assert re.search(r"Root Cause.*?\n\[0\]:.*?rank +: 0 ", refused.stderr, re.DOTALL)
    assert not (tmp_path / "run").exists()


def test_shares_of_figures_and_devices(tiny_config: Any) -> None:
    config: Config = tiny_config("coopnets.chains=6", "coopnets.persistent_chains=2")
    share = share_of(config, Shard(1, 2)).coopnets
    assert (share.chains, share.persistent_chains, share.pool) == (3, 1, config.coopnets.pool)
    with pytest.raises(
        CoopError, match=r"coopnets\.chains: 6, .*chains: 2 cannot be shared"
    ) as caught:
        share_of(config, Shard(0, 4))
    assert (
        "by 4 processes; give --set coopnets.chains=4 --set coopnets.persistent_chains=4, or"
        in (str(caught.value))
    )
    assert share_of(tiny_config("coopnets.chains=4", "coopnets.persistent_chains=4"), Shard(0, 4))
    assert Shard().averaged(Figures(drift=1.0)) == Figures(drift=1.0)
    assert choose_device("cpu", Shard(1, 2, 1)).type == "cpu"
    with pytest.raises(CoopError, match="give --device cuda, a GPU for each process"):
        choose_device("cuda:0", Shard(1, 2, 1))
