"""What wheel and sdist hold: all that is needed, and nothing that was learned or built here."""

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

import pytest

ROOT = Path(__file__).parent.parent
LEARNED = {".onnx", ".pt", ".npz", ".wav", ".mp4", ".pyc"}


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("hatchling")
    out = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "hatchling", "build", "--directory", str(out)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return out


def test_the_wheel_holds_the_four_packages_only(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = [PurePosixPath(name) for name in archive.namelist()]
        (commands,) = [archive.read(str(n)) for n in names if n.name == "entry_points.txt"]
    packages = {name.parts[0] for name in names if not name.parts[0].endswith(".dist-info")}
    assert packages == {"coop_runtime", "coop_trainer", "coop_eval", "coop_apps"}
    assert {f"{p}/py.typed" for p in packages} <= {str(name) for name in names}
    assert "coop_trainer/presets/base.toml" in map(str, names)
    assert not [name for name in names if name.suffix in LEARNED]
    assert b"coop-train" in commands


def test_the_sdist_holds_what_builds_tests_and_documents(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = [PurePosixPath(*PurePosixPath(n).parts[1:]) for n in archive.getnames()]
    needed = ["pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "CITATION.cff", "Makefile"]
    needed += ["CONTRIBUTING.md", "SECURITY.md", "mkdocs.yml", "exported/README.md"]
    needed += [".github/workflows/ci.yml", "docker/Dockerfile", "docker/Dockerfile.cuda"]
    needed += ["tests/conftest.py", "docs/index.md", "examples/serve.py", "benchmarks/show.py"]
    assert set(needed) <= set(map(str, names))
    of_exported = {n.name for n in names if n.parts[0] == "exported"}
    assert of_exported == {"README.md", "make_bundles.py"}
    assert not [n for n in names if n.parts[0] in {"runs", "site", "dist", ".venv"}]
    learned = [n for n in names if n.suffix in LEARNED]
    assert all(n.parts[:3] == ("tests", "runtime", "bundles") for n in learned), learned
