"""Play many damaged copies of a bundle, each in one of many processes; print what became of them.

    python benchmarks/hostile_bundles.py --count 50000 --jobs 2
    python benchmarks/hostile_bundles.py --bundle exported/brick --count 1000

``tests/runtime/mutants.py`` makes them, as in the tests; that makes 2,200. A copy plays or is
refused by one error of one line, within 2 s and 500 MB, and opens nothing outside its folder;
whatever else happens is shown by the seed that makes it again.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from tables import markdown

TESTS = Path(__file__).parent.parent / "tests" / "runtime"
BATCH = 500
REFUSALS = {"plays", "CardError", "FileError", "GraphError", "TimeLimitError", "ArgumentError"}


def play(bundle: Path, seed: int) -> dict[str, Any]:
    """Play a batch of copies in a process of its own."""
    with tempfile.TemporaryDirectory() as scratch:
        command = [sys.executable, str(TESTS / "mutants.py")]
        command += [str(bundle), scratch, str(seed), str(BATCH)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        number = done.stderr.split()[-1] if done.stderr else "?"
        return {"outcomes": {f"CRASH {done.returncode}: seed {seed}, number {number}": 1}}
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def main() -> None:
    """Print the table; fail if there is anything that should not be."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--bundle", type=Path, default=TESTS / "bundles" / "format-2")
    parser.add_argument("--count", type=int, default=10_000, help="copies (default: 10000)")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1000, help="of the first batch")
    options = parser.parse_args()
    seeds = range(options.seed, options.seed + -(-options.count // BATCH))
    with ThreadPoolExecutor(options.jobs) as pool:
        batches = list(pool.map(lambda seed: play(options.bundle, seed), seeds))
    outcomes: Counter[str] = Counter()
    for batch in batches:
        outcomes.update(batch["outcomes"])
    print(markdown([("outcome", "copies"), *((k, str(n)) for k, n in outcomes.most_common())]))
    slowest = max(batch.get("slowest", 0.0) for batch in batches)
    megabytes = max(batch.get("megabytes", 0.0) for batch in batches)
    outside = {path for batch in batches for path in batch.get("outside", [])}
    print(f"\nslowest: {slowest:.2f} s; largest process: {megabytes:.0f} MB; opened outside:")
    print(", ".join(sorted(outside)) or "nothing")
    if not set(outcomes) <= REFUSALS or slowest > 2 or megabytes > 500 or outside:
        sys.exit("not as it should be")


if __name__ == "__main__":
    main()
