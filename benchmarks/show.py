"""Put an original and what a bundle draws from it side by side, as in the README.

python benchmarks/show.py brick exported/demo docs/pictures/brick.png
"""

import argparse
from pathlib import Path

import numpy as np

import coop_runtime
from coop_apps.pictures import encode_png
from coop_trainer.data import load_texture

GAP = 12


def main() -> None:
    """Draw, refine, and write the sheet."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("texture")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--size", type=int, default=448)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, help="Langevin steps; the card's if not given")
    options = parser.parse_args()
    original = load_texture([options.texture], size=256, crop=1).arrays[0][0]
    model = coop_runtime.load(options.bundle)
    drafts = model.generate(1, options.seed, options.size)
    *_, last = model.refine(drafts, steps=options.steps, seed=options.seed)
    drawn = coop_runtime.to_uint8(last.x, model.card.signal)[0]
    width = original.shape[1] + GAP + drawn.shape[1]
    sheet = np.full((options.size, width, drawn.shape[2]), 255, np.uint8)
    sheet[: original.shape[0], : original.shape[1]] = original
    sheet[:, -drawn.shape[1] :] = drawn
    coop_runtime.write_atomically(options.out, encode_png(sheet))


if __name__ == "__main__":
    main()
