"""Make the bundles that come with the repository again: train, export, replace.

    python exported/make_bundles.py                          # brick, gravel, water, waves
    python exported/make_bundles.py fashion --fashion train-images-idx3-ubyte.gz
    python exported/make_bundles.py waves --minutes 1        # a rough one, to try it

Runs are kept in ``runs/bundles``; one that was interrupted goes on where it stopped. All inputs may
be shipped: brick and gravel are photographs of scikit-image (CC0), water and waves are computed by
``coop_trainer.data.synthetic``, Fashion-MNIST (MIT licence) is the file that its authors publish.
"""

import argparse
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Recipe:
    """Arguments of coop-train, minutes, the data's licence if not known, those of coop-export."""

    arguments: tuple[str, ...]
    minutes: float
    licence: str | None = None
    export: tuple[str, ...] = ("--with-original",)


RECIPES = {
    "brick": Recipe(("texture", "brick"), 10),
    "gravel": Recipe(("texture", "gravel"), 10),
    "fashion": Recipe(
        ("images", "FASHION", "--method", "mcmc-triangle", "--set", "mcmc_triangle.sigma=0.7"),
        18,
        "MIT: Fashion-MNIST, Zalando SE.",
        ("--precision", "float16"),
    ),
    "water": Recipe(("sound", "water"), 10),
    # With the preset's rate, four times as high, its energy grows too steep after 600 iterations.
    "waves": Recipe(("clips", "waves", "--set", "descriptor_optimiser.rate=0.0005"), 7),
}
# Convolutions in 16 bits take half of the time; the clock, not a number of steps, ends the run.
ALL = ("--set", "compute.precision=bfloat16", "--steps", "1000000")


def make(name: str, fashion: Path | None, minutes: float | None) -> None:
    """Train and export one bundle, then put it in the place of the old one."""
    recipe, run, new = RECIPES[name], Path("runs/bundles") / name, HERE / ".new" / name
    words = [str(fashion) if word == "FASHION" else word for word in recipe.arguments]
    learn = [*words, "--out", str(run), "--minutes", str(minutes or recipe.minutes), *ALL]
    if (run / "checkpoint.pt").exists():
        learn = [words[0], "--out", str(run), "--resume"]
    shutil.rmtree(new, ignore_errors=True)
    new.parent.mkdir(exist_ok=True)
    licence = ("--licence", recipe.licence) if recipe.licence else ()
    export = [str(run), str(new), *recipe.export, *licence]
    for module, arguments in (("train", learn), ("export", export)):
        print(f"coop-{module}", *arguments, flush=True)
        subprocess.run([sys.executable, "-m", f"coop_apps.{module}", *arguments], check=True)
    shutil.rmtree(HERE / name, ignore_errors=True)
    new.rename(HERE / name)
    new.parent.rmdir()


def main() -> None:
    """Make the bundles that were asked for."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "names", nargs="*", choices=[[], *RECIPES], metavar="NAME", help="all of them"
    )
    parser.add_argument("--fashion", type=Path, help="train-images-idx3-ubyte.gz of Fashion-MNIST")
    parser.add_argument(
        "--minutes", type=float, help="learn so long, instead of each one's minutes"
    )
    arguments = parser.parse_args()
    names = arguments.names or [n for n in RECIPES if n != "fashion" or arguments.fashion]
    if "fashion" in names and not arguments.fashion:
        parser.error("fashion: give --fashion with Fashion-MNIST's train-images-idx3-ubyte.gz")
    for name in names:
        make(name, arguments.fashion, arguments.minutes)


if __name__ == "__main__":
    main()
