"""Files to download: each tells how it was made."""

import json
import secrets
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, PngImagePlugin

import coop_runtime
from coop_runtime import Array

from ..movies import write_mp4
from ..pictures import Pixels, encode_clip
from ..sounds import encode_sound, with_comment

__all__ = ["Recipe", "Results"]

#: Keyword of the text in PNG files; of the comment in sounds and clips.
KEYWORD = "coopnets"


@dataclass(frozen=True)
class Recipe:
    """How a result is made again.

    Attributes
    ----------
    command
        Of ``coop-run``.
    bundle
        Its name.
    sha256
        Of its card.
    arguments, options
        The command's, without ``--out``; an option that is True is a flag, one that is None is left
        out.

    Examples
    --------
    >>> recipe = Recipe("generate", "brick", "", (), {"size": "64x64", "seed": 3, "loop": True})
    >>> recipe.line("out.png")
    'coop-run generate exported/brick --size 64x64 --seed 3 --loop -o out.png'
    """

    command: str
    bundle: str
    sha256: str
    arguments: tuple[str, ...]
    options: Mapping[str, Any]

    def line(self, out: str) -> str:
        """Give the command line that makes it."""
        words = ["coop-run", self.command, f"exported/{self.bundle}", *self.arguments]
        for name, value in self.options.items():
            if value is not None and value is not False:
                words += [f"--{name}"] if value is True else [f"--{name}", str(value)]
        return shlex.join([*words, "-o", out])

    def text(self, out: str) -> str:
        """Give all of it as JSON."""
        return json.dumps(
            {
                "coopnets": coop_runtime.__version__,
                "bundle": self.bundle,
                "card_sha256": self.sha256,
                "made_with": self.line(out),
            }
        )


@dataclass(frozen=True)
class Results:
    """Where results are written: a folder of this server alone, emptied when it ends."""

    folder: Path

    def path(self, name: str) -> Path:
        """Give a new path that ends in ``name``, in a folder whose name nobody can guess."""
        folder = self.folder / secrets.token_hex(16)
        folder.mkdir(mode=0o700, parents=True)
        return folder / name

    def picture(self, pixels: Pixels, name: str, recipe: Recipe) -> str:
        """Write pixels (height, width, 1 or 3 channels) as PNG with the recipe; give the path."""
        text = PngImagePlugin.PngInfo()
        text.add_itxt(KEYWORD, recipe.text(name))
        path = self.path(name)
        flat = pixels[..., 0] if pixels.shape[-1] == 1 else pixels
        Image.fromarray(np.ascontiguousarray(flat)).save(path, "PNG", pnginfo=text)
        return str(path)

    def sound(self, samples: Array, rate: float, name: str, recipe: Recipe) -> str:
        """Write samples (time, channels) as WAV with the recipe as its comment; give the path."""
        path = self.path(name)
        path.write_bytes(with_comment(encode_sound(samples, rate), recipe.text(name)))
        return str(path)

    def clip(self, frames: Pixels, rate: float, name: str, recipe: Recipe) -> str:
        """Write frames (time, height, width, channels) as MP4, WebP or GIF, as the name ends.

        The recipe is its comment, or a WebP's description. Gives the path; `CoopError` for MP4
        where PyAV is not installed.
        """
        path, text = self.path(name), recipe.text(name)
        kind = path.suffix.removeprefix(".")
        if kind == "mp4":
            with path.open("wb") as file:
                write_mp4(file, [frames], rate, frames.shape[1:3], text)
        else:
            path.write_bytes(encode_clip(frames, rate, kind, text))
        return str(path)
