"""How long until a program can draw: importing the runtime, loading a bundle. Prints a table.

    python benchmarks/startup.py exported/brick exported/fashion

Each figure is the median of fresh processes. The import is what `coop_runtime` takes beyond numpy
and onnxruntime, which are imported before it.
"""

import subprocess
import sys
from pathlib import Path
from statistics import median

from tables import markdown

CODE = """
import time, numpy, onnxruntime
began = time.perf_counter()
import coop_runtime
imported = time.perf_counter()
{load}
print(imported - began, time.perf_counter() - imported)
"""


def timed(load: str, repeats: int = 7) -> tuple[float, float]:
    """Give the median seconds of the import and of what follows it."""
    runs = []
    for _ in range(repeats):
        command = [sys.executable, "-c", CODE.format(load=load)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        runs.append([float(word) for word in done.stdout.split()])
    imports, loads = zip(*runs, strict=True)
    return median(imports), median(loads)


def main() -> None:
    """Measure and print."""
    rows = [["what", "size, MB", "seconds"]]
    rows.append(["import coop_runtime", "", f"{timed('')[0]:.3f}"])
    for bundle in sys.argv[1:]:
        size = sum(file.stat().st_size for file in Path(bundle).glob("*.onnx")) / 1e6
        _, seconds = timed(f"coop_runtime.load({bundle!r}, 'cpu')")
        rows.append([f"load {Path(bundle).name}", f"{size:.1f}", f"{seconds:.3f}"])
    print(markdown(rows))


if __name__ == "__main__":
    main()
