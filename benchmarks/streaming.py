"""Memory and time of drawing what is large: each line in a fresh process.

    python benchmarks/streaming.py exported/brick exported/rain

For a texture: ``coop-run generate`` of 1024², 2048², 4096² pixels to PNG, drafts and refined; for
a sound: one and ten minutes to FLAC. Peak memory is the process's ``ru_maxrss``, with Python, numpy
and onnxruntime in it. ``--steps`` sets the Langevin steps: time grows with them, and so does memory
(each keeps twice the reach of the energy's gradient). ``--sides 8192`` draws other sizes.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import coop_runtime
from tables import markdown

RUN = """
import resource, sys
from coop_apps.run import main
main(sys.argv[1:], standalone_mode=False)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
"""


def measure(bundle: Path, out: str, *options: str) -> tuple[float, float, float]:
    """Run the command; give seconds, peak MB of memory, and MB written."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / out
        command = [sys.executable, "-c", RUN, "generate", str(bundle), *options, "-o", str(path)]
        start = time.perf_counter()
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        seconds = time.perf_counter() - start
        return seconds, int(done.stderr.split()[-1]) / 1024, path.stat().st_size / 1e6


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("bundles", nargs="+", type=Path)
    parser.add_argument("--sides", nargs="+", type=int, default=[1024, 2048, 4096])
    parser.add_argument("--minutes", nargs="+", type=float, default=[1, 10])
    parser.add_argument("--steps", nargs="+", type=int, help="the card's, and none, by default")
    arguments = parser.parse_args()
    rows = [["bundle", "size", "steps", "seconds", "peak MB", "MB written"]]
    for bundle in arguments.bundles:
        card = coop_runtime.read_card(bundle)
        steps = arguments.steps or [0, *([card.langevin.steps] if card.langevin else [])]
        if card.signal.kind == "sound":
            cases = [
                (f"{n:g} min", "a.flac", ("--seconds", f"{60 * n}")) for n in arguments.minutes
            ]
        else:
            cases = [(f"{n}²", "a.png", ("--size", f"{n}x{n}")) for n in arguments.sides]
        for size, out, options in cases:
            for refine in steps:
                found = measure(bundle, out, *options, "--refine", str(refine))
                rows.append([card.name, size, str(refine), *(f"{n:.0f}" for n in found)])
                print(*rows[-1], file=sys.stderr, flush=True)
    print(markdown(rows))


if __name__ == "__main__":
    main()
