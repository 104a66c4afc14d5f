"""What a model learns from, whatever its kind: arrays as they were read, and as tensors."""

import dataclasses
import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from coop_runtime.colours import unmix
from coop_runtime.errors import CoopError

from .colours import principal_colours

__all__ = ["Kind", "Signals"]

Kind = Literal["texture", "images", "sound", "clips"]
DIMS: dict[str, int] = {"texture": 2, "images": 2, "sound": 1, "clips": 3}
LARGE = 2**24  # bytes; larger data are stored uncompressed, in seconds


@dataclass(frozen=True)
class Signals:
    """Training data of one kind, all of the same number of channels.

    Attributes
    ----------
    kind
        ``texture``: one array per picture, of one example each; sizes may differ. ``sound`` and
        ``clips``: likewise, one per file. ``images``: one array of all examples.
    names
        What was read: file names without folders, or names of built-in pictures.
    arrays
        Each of shape (examples, *spatial, channels), with spatial axes (time,), (height, width)
        or (time, height, width); uint8 for pictures and clips, float32 for sound.
    source_range
        The values that become −1 and 1.
    rate
        Samples per second of sound, frames per second of clips; None if unknown or meaningless.
    seen
        Like ``arrays``, with one channel and bool: True where a value was observed. None: all was.
        See `with_masks`.
    whitening
        Of whitened sounds, the prediction that ``arrays`` and ``source_range`` lack; see
        `linear_prediction`. Empty: the sounds themselves.
    colours
        What the channels of ``arrays`` are mixed of, where `tensors` are principal colours; see
        `with_principal_colours`. Empty: the channels themselves.

    Raises
    ------
    CoopError
        Arrays, range or masks that do not fit together.
    """

    kind: Kind
    names: tuple[str, ...]
    arrays: tuple[NDArray[Any], ...]
    source_range: tuple[float, float]
    rate: float | None = None
    seen: tuple[NDArray[np.bool_], ...] | None = None
    whitening: tuple[float, ...] = ()
    colours: tuple[tuple[float, ...], ...] = ()

    def __post_init__(self) -> None:
        if self.kind not in get_args(Kind):
            raise CoopError(f"training data: expected one of {get_args(Kind)}, found {self.kind}")
        dtype = np.float32 if self.kind == "sound" else np.uint8
        shapes = [array.shape for array in self.arrays]
        if (
            not shapes
            or any(len(s) != self.dims + 2 or 0 in s or s[-1] != shapes[0][-1] for s in shapes)
            or any(array.dtype != dtype for array in self.arrays)
        ):
            raise CoopError(
                f"{self.kind}: expected {np.dtype(dtype)} arrays with {self.dims} spatial axes and "
                f"equal channels, found {', '.join(f'{a.dtype} {a.shape}' for a in self.arrays)}"
            )
        low, high = self.source_range
        if not -np.inf < low < high < np.inf:
            raise CoopError(f"{self.kind}: expected a range, found {low:g} to {high:g}")
        if self.seen is not None:
            if self.whitening:
                raise CoopError("incomplete sounds cannot be whitened: --set data.whitening=0")
            if self.colours:
                raise CoopError(
                    "incomplete pictures have no principal colours: --set data.decorrelate=false"
                )
            _check_masks(self.seen, [(*shape[:-1], 1) for shape in shapes])

    @property
    def channels(self) -> int:
        """1 for sound and grey, 3 for colour."""
        return int(self.arrays[0].shape[-1])

    @property
    def dims(self) -> int:
        """Number of spatial axes, time among them."""
        return DIMS[self.kind]

    def saturation(self) -> float:
        """Give the share of entries with |x| > 0.99 in `tensors`."""
        if self.colours:
            x = self._flat()
            return float((x.abs() > 0.99).float().mean())
        low, high = self.source_range
        edge = 0.005 * (high - low)
        count = sum(np.count_nonzero((a < low + edge) | (a > high - edge)) for a in self.arrays)
        return float(count / sum(a.size for a in self.arrays))

    def deviation(self) -> float:
        """Give the standard deviation of `tensors`."""
        if self.colours:
            return float(self._flat().std(correction=0))
        low, high = self.source_range
        flat = np.concatenate([array.ravel() for array in self.arrays])
        return float(flat.std(dtype=np.float64) * 2 / (high - low))

    def _flat(self) -> Tensor:
        """Give all entries of `tensors`."""
        return torch.cat([x.flatten() for x in self.tensors(torch.device("cpu"))])

    def tensors(self, device: torch.device) -> list[Tensor]:
        """Give each array as float32 (examples, channels, *spatial) in [−1, 1]; hidden is 0."""
        low, high = self.source_range
        tensors = []
        for k, array in enumerate(self.arrays):
            scaled = array.astype(np.float32)
            scaled -= low
            scaled *= 2 / (high - low)
            scaled -= 1
            if self.seen is not None:
                scaled[~self.seen[k][..., 0]] = 0
            tensors.append(self.in_colours(_channels_first(scaled)).to(device))
        return tensors

    def in_colours(self, y: Tensor) -> Tensor:
        """Give channels (examples, channels, *spatial) as the networks see them.

        Principal colours end at −1 and 1 too: beyond three standard deviations they are cut off.
        """
        if not self.colours:
            return y
        return torch.from_numpy(unmix(y.cpu().numpy(), self.colours)).clamp(-1, 1).to(y.device)

    def with_principal_colours(self) -> "Signals":
        """Let networks see principal colours; grey pictures stay as they are.

        Examples
        --------
        >>> levels = np.random.default_rng(0).integers(0, 256, (1, 8, 8, 3), np.uint8)
        >>> signals = Signals("texture", ("x",), (levels,), (0, 255)).with_principal_colours()
        >>> x = signals.tensors(torch.device("cpu"))[0][0].flatten(1)
        >>> x.cov().mul(9).round(decimals=2).diagonal()  # ⅓² each
        tensor([1., 1., 1.])
        """
        if self.channels == 1:
            return self
        device = torch.device("cpu")
        channels = dataclasses.replace(self, colours=()).tensors(device)
        found = principal_colours([x.movedim(1, -1).numpy() for x in channels])
        return dataclasses.replace(self, colours=found)

    def masks(self, device: torch.device) -> list[Tensor] | None:
        """Give each mask as float32 (examples, 1, *spatial), 1 where observed; None if all is."""
        if self.seen is None:
            return None
        return [_channels_first(mask.astype(np.float32)).to(device) for mask in self.seen]

    def with_masks(self, seen: Sequence[NDArray[np.bool_]]) -> "Signals":
        """Hide what was not observed.

        Hidden values do not leak into training: they are overwritten by the middle of
        ``source_range`` (0 in `tensors`). Keep the original to measure how well they are
        recovered. ``source_range`` stays, so that both have the same scale.

        Parameters
        ----------
        seen
            One bool array (examples, *spatial, 1) per array, True where observed; from
            `draw_masks` or `load_masks`.

        Raises
        ------
        CoopError
            Other shapes, nothing observed at all, or masked already.

        Examples
        --------
        >>> x = np.array([0, 200, 100, 255], np.uint8).reshape(1, 2, 2, 1)
        >>> masked = Signals("images", ("x",), (x,), (0, 255)).with_masks([x > 150])
        >>> masked.arrays[0].ravel().tolist(), masked.tensors(torch.device("cpu"))[0][0, 0, 0, 0]
        ([128, 200, 128, 255], tensor(0.))
        """
        if self.seen is not None:
            raise CoopError(f"{', '.join(self.names)}: masked already; give one mask")
        masked = dataclasses.replace(self, seen=tuple(seen))  # validated here
        middle = self.arrays[0].dtype.type(np.round(sum(self.source_range) / 2))
        arrays = (np.where(m, a, middle) for a, m in zip(self.arrays, seen, strict=True))
        return dataclasses.replace(masked, arrays=tuple(arrays))

    def to_npz(self) -> bytes:
        """Give all of it as an .npz file, compressed unless it is large."""
        content = {f"array_{k}": array for k, array in enumerate(self.arrays)}
        content |= {f"seen_{k}": mask for k, mask in enumerate(self.seen or ())}
        content |= {"kind": np.array(self.kind), "names": np.array(self.names)}
        content |= {"source_range": np.array(self.source_range, np.float64)}
        if self.whitening:
            content["whitening"] = np.array(self.whitening, np.float64)
        if self.colours:
            content["colours"] = np.array(self.colours, np.float64)
        if self.rate is not None:
            content["rate"] = np.array(self.rate, np.float64)
        save = np.savez if sum(a.nbytes for a in content.values()) > LARGE else np.savez_compressed
        buffer = io.BytesIO()
        save(buffer, **content)  # type: ignore[arg-type]
        return buffer.getvalue()

    @classmethod
    def from_npz(cls, data: bytes) -> "Signals":
        """Read what `to_npz` gave.

        Raises
        ------
        CoopError
            The bytes are damaged, or something else.
        """
        try:
            with np.load(io.BytesIO(data), allow_pickle=False) as content:
                low, high = content["source_range"].tolist()
                count = sum(key.startswith("array_") for key in content)
                masked = "seen_0" in content
                whitening = content["whitening"].tolist() if "whitening" in content else []
                colours = content["colours"].tolist() if "colours" in content else []
                return cls(
                    kind=content["kind"].item(),
                    names=tuple(content["names"].tolist()),
                    arrays=tuple(content[f"array_{k}"] for k in range(count)),
                    source_range=(low, high),
                    rate=content["rate"].item() if "rate" in content else None,
                    seen=tuple(content[f"seen_{k}"] for k in range(count)) if masked else None,
                    whitening=tuple(whitening),
                    colours=tuple(map(tuple, colours)),
                )
        except Exception as error:  # damage raises whatever numpy and zipfile run into
            raise CoopError(f"damaged training data ({error})") from None


def _channels_first(array: NDArray[np.float32]) -> Tensor:
    return torch.from_numpy(np.moveaxis(array, -1, 1).copy())


def _check_masks(seen: Sequence[NDArray[np.bool_]], shapes: Sequence[tuple[int, ...]]) -> None:
    if any(mask.dtype != np.bool_ for mask in seen) or [m.shape for m in seen] != list(shapes):
        raise CoopError(
            f"masks: expected bool arrays {', '.join(map(str, shapes))}, "
            f"found {', '.join(f'{mask.dtype} {mask.shape}' for mask in seen)}"
        )
    if not any(mask.any() for mask in seen):
        raise CoopError("masks: nothing is observed; in mask files 1 or white means missing")
