"""Fills the holes of a photograph: white in the mask is missing.

    python examples/fill_hole.py exported/brick wall.png mask.png filled.png

Known pixels stay as they are; the best of four suggestions is written.
"""

import sys

import numpy as np
from PIL import Image

import coop_runtime


def main(bundle: str, photograph: str, mask: str, out: str) -> None:
    """Complete one photograph."""
    model = coop_runtime.load(bundle)
    signal = model.card.signal
    pixels = np.asarray(Image.open(photograph).convert("L" if signal.channels == 1 else "RGB"))
    missing = np.asarray(Image.open(mask).convert("L")) > 127
    if missing.shape != pixels.shape[:2]:
        sys.exit("Error: the mask and the photograph differ in size")
    x = coop_runtime.from_uint8(pixels.reshape(1, *missing.shape, signal.channels), signal)
    filled = model.complete(x, missing[None, None], seed=0, chains=4, refine_steps=20)
    found = coop_runtime.to_uint8(filled.x, signal)[0]
    found[~missing] = pixels.reshape(found.shape)[~missing]  # also those outside the source's range
    Image.fromarray(found.squeeze()).save(out)
    print(f"{out}: off the known pixels by {filled.error[0, 0]:.3f} (RMS, of a range of 2)")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (coop_runtime.CoopError, OSError) as error:
        sys.exit(f"Error: {error}")
    except TypeError:
        sys.exit(__doc__)
