"""How close are learned textures to the picture they come from? Prints a table.

    python benchmarks/texture_quality.py          # brick, grass, gravel, three seeds each
    python benchmarks/texture_quality.py --textures brick --seeds 0 --samples 3

Each model is trained, exported and played as a user would: coop-train, coop-export and
coop_runtime. Models found in --work from an earlier call are not trained again. The figures and
what they are compared with are explained in `coop_eval.textures.figures`.
"""

import argparse
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import coop_runtime
from coop_eval.peers.texture_phase import random_phase
from coop_eval.textures.copies import copied_patches, copied_patches_real
from coop_eval.textures.diversity import ms_ssim_between
from coop_eval.textures.statistics import PsReference
from coop_trainer.data import BUILT_IN, load_texture

SIDE = 256
FEW, USUAL, MANY = 20, 50, 100  # Langevin steps; USUAL is what the preset `quick` takes

Grey = NDArray[np.float64]


@dataclass(frozen=True)
class Row:
    """The figures of one model."""

    texture: str
    seed: int
    real: float
    noise: float
    draft: float
    few: float
    usual: float
    many: float
    copied: float
    copied_real: float
    ms_ssim: float
    seconds: float

    def cells(self) -> list[str]:
        """Give the row of the table."""
        figures = [f"{getattr(self, k):.2f}" for k in FIGURES]
        copied = [f"{self.copied:.3f}", f"{self.copied_real:.3f}", f"{self.ms_ssim:.2f}"]
        return [self.texture, str(self.seed), *figures, *copied, f"{self.seconds:.0f}"]


FIGURES = ("real", "noise", "draft", "few", "usual", "many")
HEAD = (
    "texture", "seed", "real crops", "random phase", "drafts",
    *(f"{steps} steps" for steps in (FEW, USUAL, MANY)),
    "copied", "copied (real)", "MS-SSIM", "training s",
)  # fmt: skip


def main() -> None:
    """Train what is missing, measure, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--textures", nargs="+", default=list(BUILT_IN), choices=BUILT_IN)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--samples", type=int, default=3, help="pictures drawn per model (≥ 2)")
    parser.add_argument("--work", type=Path, default=Path("runs/texture_quality"))
    parser.add_argument("train", nargs="*", help="after --: more options for coop-train")
    options = parser.parse_args()
    rows = []
    for texture in options.textures:
        for seed in options.seeds:
            bundle, seconds = trained(texture, seed, options.work, options.train)
            rows.append(measured(bundle, texture, seed, options.samples, seconds))
            print(" ".join(rows[-1].cells()), file=sys.stderr, flush=True)
    print(table([HEAD, *(row.cells() for row in rows)]))
    print()
    for line in verdicts(rows):
        print(line)


def trained(texture: str, seed: int, work: Path, more: Sequence[str]) -> tuple[Path, float]:
    """Give the bundle of one model, training it if need be, and its training time in seconds."""
    run, bundle = work / f"{texture}-{seed}", work / f"{texture}-{seed}-bundle"
    commands = Path(sys.executable).parent
    if not bundle.exists():
        train = [str(commands / "coop-train"), "texture", texture, "--out", str(run)]
        train += ["--seed", str(seed), *(["--resume"] if run.exists() else []), *more]
        subprocess.run(train, check=True)
        subprocess.run([str(commands / "coop-export"), str(run), str(bundle)], check=True)
    return bundle, float(coop_runtime.read_card(bundle).training["seconds"])


def measured(bundle: Path, texture: str, seed: int, samples: int, seconds: float) -> Row:
    """Draw and refine samples of one model with the runtime, and measure them."""
    photograph = load_texture([texture], size=SIDE, crop=SIDE)
    picture = photograph.arrays[0][..., 0] / 255.0
    reference = PsReference.of(picture)
    model = coop_runtime.load(bundle)
    drafts = model.generate(samples, seed=0, size=(SIDE, SIDE))
    states = {
        s.step: s.x
        for s in model.refine(drafts, steps=MANY, seed=0)
        if s.step in (FEW, USUAL, MANY)
    }
    draft, few, usual, many = (
        greys(model, x) for x in (drafts, states[FEW], states[USUAL], states[MANY])
    )
    rng = np.random.default_rng(0)
    return Row(
        texture,
        seed,
        real=reference.real,
        noise=float(np.mean([reference.distance(random_phase(picture, rng)) for _ in range(3)])),
        draft=float(np.mean([reference.distance(x) for x in draft])),
        few=float(np.mean([reference.distance(x) for x in few])),
        usual=float(np.mean([reference.distance(x) for x in usual])),
        many=float(np.mean([reference.distance(x) for x in many])),
        copied=float(np.mean([copied_patches(x, picture) for x in usual])),
        copied_real=copied_patches_real(picture),
        ms_ssim=ms_ssim_between(usual),
        seconds=seconds,
    )


def greys(model: coop_runtime.Model, x: coop_runtime.Array) -> list[Grey]:
    """Give pictures, (1, height, width), in the original's units, [0, 1]."""
    return [p[None, ..., 0] / 255.0 for p in coop_runtime.to_uint8(x, model.card.signal)]


def table(rows: Sequence[Sequence[str]]) -> str:
    """Lay rows out as a Markdown table, the first being its head."""
    head, *body = [f"| {' | '.join(row)} |" for row in rows]
    return "\n".join([head, "|" + " --- |" * len(rows[0]), *body])


def verdicts(rows: Sequence[Row]) -> list[str]:
    """Say for each texture which of the project's targets its mean over the seeds meets."""
    lines = []
    for texture in dict.fromkeys(row.texture for row in rows):
        of = [row for row in rows if row.texture == texture]
        mean = {
            k: float(np.mean([getattr(r, k) for r in of]))
            for k in Row.__annotations__
            if k != "texture"
        }
        checks = {
            f"{USUAL} steps / real crops": (mean["usual"] / mean["real"], 1.25),
            f"{USUAL} steps / random phase": (mean["usual"] / mean["noise"], 0.5),
            f"{FEW} steps / drafts": (mean["few"] / mean["draft"], 1.0),
            f"{USUAL} steps / drafts": (mean["usual"] / mean["draft"], 1.0),
            f"{MANY} steps / {USUAL} steps": (mean["many"] / mean["usual"], 1.1),
            f"{MANY} steps / {FEW} steps": (mean["many"] / mean["few"], 1.1),
            "copied − real crops' + 1": (1 + mean["copied"] - mean["copied_real"], 1.05),
        }
        told = [f"{k} {v:.2f} ({'≤' if v <= top else '>'} {top})" for k, (v, top) in checks.items()]
        lines.append(f"- {texture}: {', '.join(told)}")
    return lines


if __name__ == "__main__":
    main()
