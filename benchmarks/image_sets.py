"""Does every method learn every image set without diverging? Trains, and prints a table.

    python benchmarks/image_sets.py --minutes 2 --jobs 2          # 7 methods, 3 sets, 3 seeds
    python benchmarks/image_sets.py --precision bfloat16          # where the processor has it
    python benchmarks/image_sets.py --methods vae --sets fashion --seeds 0

Each row is one run of ``coop-train images``, preset ``quick``, one thread. Gap, contrast (of the
samples, 1 = that of the pictures) and reconstruction are means over the last tenth of the
iterations; revision is how far the descriptor's Langevin steps move a draft. The sheets of the
last step are collected beside the runs: examples, reconstructions, drafts, revised drafts, as far
as a method has them. The data are research sets, see their README: skipped where they are missing.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from statistics import fmean

from coop_trainer.config import METHODS
from tables import markdown

DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data"
SETS = {
    "fashion": DATA / "fashion_mnist" / "train-images-idx3-ubyte.gz",
    "cifar10": DATA / "cifar10" / "cifar10_train_00000-09999.npz",
    "faces64": DATA / "faces64" / "celeba64_000001-005000.npz",
}
SHOWN = ("f_data", "f_model", "revision", "reconstruction", "contrast")


def train(
    out: Path, method: str, source: Path, seed: int, minutes: float, precision: str
) -> list[str]:
    """Train once, unless that has been done; give the cells of the table."""
    run = out / f"{source.parent.name}-{method}-{seed}"
    command = [sys.executable, "-m", "coop_apps.train", "images", str(source)]
    command += ["--out", str(run), "--method", method, "--seed", str(seed)]
    command += ["--minutes", str(minutes), "--set", f"compute.precision={precision}"]
    ended = "ended"
    if not run.exists():
        environment = {**os.environ, "OMP_NUM_THREADS": "1"}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            ended = done.stderr.strip().splitlines()[-1]
    lines = [json.loads(line) for line in (run / "log.jsonl").read_text().splitlines()]
    rollbacks = sum(line.get("event") == "rollback" for line in lines)
    steps = [line for line in lines if "event" not in line]
    last = steps[-max(1, len(steps) // 10) :]
    mean = {k: fmean(line[k] for line in last) for k in SHOWN if k in last[0]}
    for sheet in sorted((run / "samples").glob("*.png"))[-1:]:
        shutil.copy(sheet, out / f"{run.name}.png")
    gap = f"{mean['f_data'] - mean['f_model']:+.4f}" if "f_data" in mean else ""
    rest = [f"{mean[k]:.3f}" if k in mean else "" for k in SHOWN[2:]]
    steps_done = str(steps[-1]["step"])
    cells = [source.parent.name, method, str(seed), steps_done, str(rollbacks), gap]
    return [*cells, *rest, ended]


def main() -> None:
    """Train all and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--methods", nargs="+", default=list(METHODS), choices=METHODS)
    parser.add_argument("--sets", nargs="+", default=list(SETS), choices=SETS)
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--precision", default="float32", choices=("float32", "bfloat16"))
    parser.add_argument("--jobs", type=int, default=1, help="trainings side by side")
    parser.add_argument("--out", type=Path, default=Path("runs/image_sets"))
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    known = [name for name in options.sets if SETS[name].exists()]
    for name in set(options.sets) - set(known):
        print(f"skipped {name}: {SETS[name]} is missing", file=sys.stderr)
    head = ["set", "method", "seed", "iterations", "roll-backs", "gap"]
    rows = [[*head, "revision", "reconstruction", "contrast", "outcome"]]
    with ThreadPoolExecutor(options.jobs) as pool:
        cases = product(options.seeds, known, options.methods)
        futures = [
            pool.submit(
                train, options.out, method, SETS[name], seed, options.minutes, options.precision
            )
            for seed, name, method in cases
        ]
        for future in futures:
            rows.append(future.result())
            print(" ".join(rows[-1]), file=sys.stderr, flush=True)
    print(markdown(rows))


if __name__ == "__main__":
    main()
