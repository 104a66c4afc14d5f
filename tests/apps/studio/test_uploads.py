"""Uploads that are taken, old files that are deleted, errors that name no folders."""

import io
import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
from PIL import Image

from coop_apps.studio.friendly import without_folders
from coop_apps.studio.limits import Limits
from coop_apps.studio.moving import gif_size, webp_size
from coop_apps.studio.tidy import tidy
from coop_apps.studio.uploads import check_upload
from coop_runtime import CoopError


def frames(count: int, size: tuple[int, int] = (9, 7)) -> list[Image.Image]:
    levels = np.random.default_rng(0).integers(0, 255, (count, *size, 3), np.uint8)
    return [Image.fromarray(frame) for frame in levels]


def moving(kind: str, count: int, **options: Any) -> bytes:
    first, *rest = frames(count)
    stream = io.BytesIO()
    more = {"save_all": True, "append_images": rest} if rest else {}
    first.save(stream, kind, **more, **options)
    return stream.getvalue()


@pytest.mark.parametrize("suffix", ["png", "jpg", "jpeg", "webp", "gif", "bmp", "PNG"])
def test_pictures(suffix: str, tmp_path: Path) -> None:
    frames(1)[0].save(tmp_path / f"a.{suffix}")
    check_upload(tmp_path / f"a.{suffix}", Limits())
    with pytest.raises(CoopError, match="pixels are too many"):
        check_upload(tmp_path / f"a.{suffix}", Limits(upload_pixels=62))


@pytest.mark.parametrize("suffix", ["wav", "flac", "ogg", "mp3"])
def test_sounds(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"a.{suffix}"
    soundfile.write(path, np.random.default_rng(0).normal(0, 0.1, (16_000, 2)), 16_000)
    check_upload(path, Limits())
    with pytest.raises(CoopError, match=r"at most 0\.5 seconds"):
        check_upload(path, Limits(upload_seconds=0.5))


@pytest.mark.parametrize("count", [1, 5])
@pytest.mark.parametrize(("kind", "size"), [("GIF", gif_size), ("WEBP", webp_size)])
def test_moving_pictures(kind: str, size: Any, count: int) -> None:
    assert size(moving(kind, count), 10) == (7, 9, count)
    assert size(moving(kind, count), 3)[2] <= 4


@pytest.mark.parametrize("options", [{"lossless": True}, {"lossless": False}, {"exif": b"Exif"}])
def test_webp_of_every_kind(options: dict[str, Any]) -> None:
    assert webp_size(moving("WEBP", 1, **options), 10) == (7, 9, 1)


def test_damage_is_one_line(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    for kind in ("GIF", "WEBP", "PNG", "JPEG", "BMP"):
        whole = moving(kind, 1)
        for _ in range(40):
            data = bytearray(whole)
            for _ in range(4):
                data[rng.integers(len(data))] = rng.integers(256)
            path = tmp_path / "a"
            path.write_bytes(data[: rng.integers(1, len(data) + 1)])
            try:
                check_upload(path, Limits())
            except CoopError as error:
                assert "\n" not in str(error)  # noqa: PT017


def test_old_files_are_deleted(tmp_path: Path) -> None:
    old, new, kept = (tmp_path / n / "a.png" for n in ("old", "new", "kept"))
    for path in (old, new, kept):
        path.parent.mkdir()
        path.write_bytes(b"")
    for path in (old, kept):
        os.utime(path, (0, time.time() - 100))
    tidy(tmp_path, 50, {str(kept)})
    assert (old.exists(), new.exists(), kept.exists()) == (False, True, True)
    tidy(tmp_path, 0, {str(kept), str(new)})
    assert (old.parent.exists(), new.exists(), kept.exists()) == (False, True, True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("'/tmp/a b/c/my stone.png': damaged", "'my stone.png': damaged"),
        ("see /srv/x/brick or C:\\x\\y z", "see brick or y z"),
        ("3/4 and/or http://a.example/b", "3/4 and/or http://a.example/b"),
    ],
)
def test_errors_name_no_folders(text: str, said: str) -> None:
    assert without_folders(text) == said
