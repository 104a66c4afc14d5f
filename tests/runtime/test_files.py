"""Files and folders appear whole or not at all."""

import errno
import os
from pathlib import Path

import pytest

from coop_runtime import CoopError, is_free, new_folder, write_all_atomically, write_atomically


def full_disk(_: int) -> None:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_write_and_replace(tmp_path: Path) -> None:
    path = tmp_path / "a"
    for data in (b"one", b"two"):
        write_atomically(path, data)
        assert path.read_bytes() == data
    assert list(tmp_path.iterdir()) == [path]


def test_full_disk_leaves_what_was_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    path.write_bytes(b"old")
    monkeypatch.setattr(os, "fsync", full_disk)
    with pytest.raises(CoopError, match=r"cannot write '.*a': No space left on device"):
        write_all_atomically({path: b"new", tmp_path / "b": b"new"})
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == b"old"


def test_an_interrupt_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(tmp_path / "a", b"new")
    assert not list(tmp_path.iterdir())


def test_a_folder_where_a_file_should_go(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    with pytest.raises(CoopError, match=r"cannot write '.*a': "):
        write_atomically(tmp_path / "a", b"new")
    assert [p.name for p in tmp_path.iterdir()] == ["a"]


def test_new_folder_appears_at_the_end(tmp_path: Path) -> None:
    path = tmp_path / "parent" / "new"
    with new_folder(path) as folder:
        (folder / "a").write_bytes(b"a")
        assert not path.exists()
    assert [p.relative_to(tmp_path).as_posix() for p in tmp_path.rglob("*")] == [
        "parent",
        "parent/new",
        "parent/new/a",
    ]


@pytest.mark.parametrize("failure", [RuntimeError, KeyboardInterrupt])
def test_new_folder_leaves_nothing_upon_failure(
    tmp_path: Path, failure: type[BaseException]
) -> None:
    def fill() -> None:
        with new_folder(tmp_path / "parent" / "new") as folder:
            (folder / "a").write_bytes(b"a")
            raise failure

    with pytest.raises(failure):
        fill()
    assert not list(tmp_path.iterdir())


def test_new_folder_refuses_an_existing_target(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "there" / "a").touch()
    with (
        pytest.raises(CoopError, match=r"'.*there' exists already"),
        new_folder(tmp_path / "there"),
    ):
        pytest.fail("the block must not run")
    with pytest.raises(CoopError, match="exists already"), new_folder(tmp_path / "late"):
        (tmp_path / "late").touch()
    assert sorted(p.name for p in tmp_path.iterdir()) == ["late", "there"]


def test_new_folder_takes_the_place_of_an_empty_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "empty"
    path.mkdir()
    with pytest.raises(RuntimeError), new_folder(path):
        raise RuntimeError
    assert list(tmp_path.rglob("*")) == [path]
    with new_folder(path) as folder:
        (folder / "a").touch()
        assert not list(path.iterdir())
    assert [p.name for p in path.iterdir()] == ["a"]
    (tmp_path / "link").symlink_to(path)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    for taken in (tmp_path / "link", tmp_path / "here", Path(), path, path / "a"):
        assert not is_free(taken)
