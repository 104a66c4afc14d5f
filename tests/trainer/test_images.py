import gzip
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image

from coop_runtime import CoopError
from coop_trainer.data import Signals, load_images

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 256, (7, 12, 10), dtype=np.uint8)
COLOUR = RNG.integers(0, 256, (5, 12, 10, 3), dtype=np.uint8)


def idx(images: NDArray[np.uint8]) -> bytes:
    return struct.pack(f">HBB{images.ndim}I", 0, 8, images.ndim, *images.shape) + images.tobytes()


def folder_of(path: Path, images: NDArray[np.uint8]) -> str:
    path.mkdir()
    for k, image in enumerate(images):
        Image.fromarray(image).save(path / f"{k}.png")
    return str(path)


def test_npz_npy_and_idx_hold_the_same_images(tmp_path: Path) -> None:
    np.savez(tmp_path / "named.npz", labels=np.arange(7), images=GREY)
    np.savez_compressed(tmp_path / "only.npz", anything=GREY)
    np.save(tmp_path / "a.npy", GREY)
    (tmp_path / "plain-idx3-ubyte").write_bytes(idx(GREY))
    (tmp_path / "idx.gz").write_bytes(gzip.compress(idx(GREY)))
    for name in ("named.npz", "only.npz", "a.npy", "plain-idx3-ubyte", "idx.gz"):
        signals = load_images([str(tmp_path / name)], size=None)
        assert (signals.kind, signals.names, signals.source_range) == ("images", (name,), (0, 255))
        (images,) = signals.arrays
        np.testing.assert_array_equal(images, GREY[..., None])


def test_npz_of_lzma_members(tmp_path: Path) -> None:
    np.save(tmp_path / "images.npy", COLOUR)
    with zipfile.ZipFile(tmp_path / "x.npz", "w", zipfile.ZIP_LZMA) as archive:
        archive.write(tmp_path / "images.npy", "images.npy")
    (images,) = load_images([str(tmp_path / "x.npz")], size=None).arrays
    np.testing.assert_array_equal(images, COLOUR)


def test_a_folder_is_searched_recursively_in_order(tmp_path: Path) -> None:
    folder_of(tmp_path / "set", GREY[:3])
    folder_of(tmp_path / "set" / "10", GREY[3:5])
    (tmp_path / "set" / "notes.txt").write_text("no picture")
    (tmp_path / "set" / "._0.png").write_bytes(b"another system's note")
    signals = load_images([str(tmp_path / "set")], size=None)
    expected = [GREY[0], GREY[1], GREY[3], GREY[4], GREY[2]]  # 0, 1, 10/0, 10/1, 2
    np.testing.assert_array_equal(signals.arrays[0][..., 0], expected)
    assert signals.names == ("set",)
    x = signals.tensors(torch.device("cpu"))[0]
    assert x.shape == (5, 1, 12, 10)
    torch.testing.assert_close(x[0, 0], torch.tensor(GREY[0] / 127.5 - 1, dtype=torch.float32))


def test_several_sources_the_limit_and_colour(tmp_path: Path) -> None:
    np.save(tmp_path / "grey.npy", GREY)
    np.save(tmp_path / "colour.npy", COLOUR)
    both = [str(tmp_path / "grey.npy"), str(tmp_path / "colour.npy")]
    (images,) = load_images(both, size=None).arrays
    assert images.shape == (12, 12, 10, 3)
    np.testing.assert_array_equal(images[6], np.repeat(GREY[6][..., None], 3, axis=2))
    assert load_images(both, size=None, limit=9).arrays[0].shape == (9, 12, 10, 3)
    assert load_images(both, size=None, limit=7).arrays[0].shape == (7, 12, 10, 1)
    (grey,) = load_images(both, size=None, grey=True).arrays
    expected = np.asarray(Image.fromarray(COLOUR[4]).convert("L"))
    np.testing.assert_array_equal(grey[11, ..., 0], expected)
    assert load_images(both[:1], size=None, grey=False).channels == 3


def test_size_cuts_the_middle_and_scales_whatever_the_source(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", COLOUR)
    folder = folder_of(tmp_path / "set", COLOUR)
    (cut,) = load_images([folder], size=10).arrays
    np.testing.assert_array_equal(cut, COLOUR[:, 1:11])
    (scaled,) = load_images([folder], size=6).arrays
    expected = Image.fromarray(COLOUR[2, 1:11]).resize((6, 6), Image.Resampling.LANCZOS)
    np.testing.assert_array_equal(scaled[2], np.asarray(expected))
    (from_array,) = load_images([str(tmp_path / "a.npy")], size=6).arrays
    np.testing.assert_array_equal(from_array, scaled)


def test_pictures_of_several_sizes_need_a_size(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "set", GREY[:2])
    Image.fromarray(GREY[0, :, :8]).save(tmp_path / "set" / "9.png")
    with pytest.raises(CoopError, match=r"0\.png is 10x12, .*9\.png is 8x12; give --size"):
        load_images([folder], size=None)
    assert load_images([folder], size=8).arrays[0].shape == (3, 8, 8, 1)
    np.save(tmp_path / "a.npy", GREY[:, :11])
    with pytest.raises(CoopError, match=r"0\.png is 10x12, .*a\.npy is 10x11; give --size"):
        load_images([str(tmp_path / "set" / "0.png"), str(tmp_path / "a.npy")], size=None)


def test_broken_pictures_are_refused_or_left_out_and_said(tmp_path: Path) -> None:
    folder = folder_of(tmp_path / "set", GREY)
    for name in ("0.png", "3.png"):
        (tmp_path / "set" / name).write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(CoopError, match=r"0\.png: not a picture .* --skip-broken") as caught:
        load_images([folder], size=None)
    assert "\n" not in str(caught.value)
    said: list[str] = []
    signals = load_images([folder], size=None, skip_broken=True, say=said.append)
    assert len(signals.arrays[0]) == 5
    assert len(said) == 1
    assert said[0].startswith("2 broken files are left out; the first: ")
    assert "0.png" in said[0]
    broken = [str(tmp_path / "set" / "3.png")]
    with pytest.raises(CoopError, match="all 1 files are broken"):
        load_images(broken, size=None, skip_broken=True)


def cut(data: bytes) -> bytes:
    return data[: len(data) * 2 // 3]


def npz(path: Path, **arrays: Any) -> bytes:
    np.savez(path, **arrays)
    return path.read_bytes()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("x.gz", cut(gzip.compress(idx(GREY), mtime=0)), "cut short"),
        ("x.gz", gzip.compress(b"hello", mtime=0), "no images; expected a folder"),
        ("x.gz", b"\x1f\x8b", "cut short"),
        ("x.idx", cut(idx(GREY)), r"cut short, expected \(7, 12, 10\)"),
        ("x.idx", idx(GREY) + b"!", "longer than its head says"),
        ("x.idx", idx(np.arange(9, dtype=np.uint8)), "these are labels"),
        ("x.idx", b"", "no images"),
        ("x.npz", {"a": GREY, "b": GREY}, "no array 'images', only a, b"),
        ("x.npz", {"images": GREY / 255}, r"found float64 \(7, 12, 10\)"),
        ("x.npz", {"images": GREY[0]}, r"found uint8 \(12, 10\)"),
        ("x.npz", {"images": GREY[:, None]}, r"found uint8 \(7, 1, 12, 10\)"),
        ("x.npz", {"images": GREY[:0]}, "no images in it"),
        ("x.npz", {"images": np.array([None])}, "cannot be read"),
        ("x.npz", {"images": GREY // 255 * 0}, "one single level"),
        ("x.npz", b"hello", "not a NumPy file"),
        ("x.npy", b"\x93NUMPY\x01", "cannot be read"),
        ("x.npy", b"\x93NUM", "not a NumPy file"),
        ("x.npy", b"\x93NUMPY\1\0\4\0{((\n", "cannot be read"),
        ("x.png", b"", "not a picture"),
        ("x.csv", b"1,2", "no images; expected a folder"),
    ],
)
def test_what_is_no_image_set_is_refused_in_one_line(
    tmp_path: Path, name: str, content: bytes | dict[str, Any], message: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else npz(path, **content))
    with pytest.raises(CoopError, match=message) as caught:
        load_images([str(path)], size=None)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_damaged_members_of_an_npz(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_LZMA):
        np.save(tmp_path / "images.npy", GREY)
        with zipfile.ZipFile(path, "w", method) as archive:
            archive.write(tmp_path / "images.npy", "images.npy")
        data = bytearray(path.read_bytes())
        data[300:400] = bytes(100)
        path.write_bytes(data)
        with pytest.raises(CoopError, match="cannot be read"):
            load_images([str(path)], size=None)


def test_missing_and_empty_sources(tmp_path: Path) -> None:
    with pytest.raises(CoopError, match="no images given"):
        load_images([], size=None)
    with pytest.raises(CoopError, match="no such file or folder"):
        load_images([str(tmp_path / "nothing")], size=None)
    (tmp_path / "notes.txt").write_text("no picture")
    with pytest.raises(CoopError, match="no training data in this folder"):
        load_images([str(tmp_path)], size=None)


def test_image_sets_are_stored_and_read_back(tmp_path: Path) -> None:
    np.save(tmp_path / "a.npy", np.tile(GREY, (30, 30, 30)))  # large: stored uncompressed
    signals = load_images([str(tmp_path / "a.npy")], size=None)
    again = Signals.from_npz(signals.to_npz())
    assert (again.kind, again.names, again.source_range) == ("images", ("a.npy",), (0, 255))
    assert (again.rate, again.seen) == (None, None)
    np.testing.assert_array_equal(again.arrays[0], signals.arrays[0])
    with pytest.raises(CoopError, match="damaged training data"):
        Signals.from_npz(cut(signals.to_npz()))


FASHION = Path(__file__).parents[3] / "shared/data/fashion_mnist/train-images-idx3-ubyte.gz"


@pytest.mark.skipif(not FASHION.exists(), reason="Fashion-MNIST is not there (research data)")
def test_fashion_mnist() -> None:
    signals = load_images([str(FASHION)], size=28)
    assert signals.arrays[0].shape == (60000, 28, 28, 1)
    assert signals.arrays[0].mean() == pytest.approx(72.94, abs=0.01)
