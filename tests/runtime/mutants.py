"""Plays damaged copies of a bundle, in a process of its own; prints what became of each.

    python mutants.py BUNDLE SCRATCH SEED COUNT

``benchmarks/hostile_bundles.py`` plays as many as one likes.

Each copy has a byte flipped, or an end cut off, in one of its files; in half of them the card's
checksums are right again, so that the damage reaches the parser and ONNX Runtime; or its card is
hostile JSON. What is allowed: it plays, or one CoopError.
"""

import difflib  # noqa: F401  what the runtime imports late is no reading outside the bundle
import hashlib
import json
import random
import re
import resource
import shutil
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

import coop_runtime
from coop_runtime import CoopError
from coop_runtime.arrays import latent_shape

LIMIT = 1.5  # seconds by the clock

VALUES = [
    *("NaN", "-Infinity", "1e999", "9" * 5000, "[" * 100_000, "{}", "null", "-1", "0", "true"),
    *("1e308", "4611686018427387904", "[]", "0.5", "[[[[[[]]]]]]", '{"a": 1, "a": 2}'),
    *("65536", "16777216", "[65536, 65536]", "[1, 1000000000]", "1e-300", "[-1e300, 1e300]"),
    *('"\\u0000"', '"\\ud800"', '"../../etc/passwd"', '"a/b"', '"/dev/zero"', '"\\u001b[2J"'),
]


def hostile(text: str, chance: random.Random) -> str:
    """Give a card that is JSON of the bad kind."""
    lines = text.splitlines()
    at = chance.randrange(1, len(lines) - 1)
    key = lines[at].split(":")[0]
    value = chance.choice(VALUES)
    if chance.random() < 0.2:
        return "\n".join([*lines[:at], lines[at], *lines[at:]])  # a line twice
    return "\n".join([*lines[:at], f"{key}: {value},", *lines[at + 1 :]])


def damage(data: bytes, chance: random.Random) -> bytes:
    """Flip one to three bytes, or cut the end off."""
    if chance.random() < 0.2:
        return data[: chance.randrange(len(data))]
    changed = bytearray(data)
    for _ in range(chance.randint(1, 3)):
        changed[chance.randrange(len(data))] ^= chance.randrange(1, 256)
    return bytes(changed)


def mutate(folder: Path, chance: random.Random) -> None:
    """Damage one file of the bundle."""
    card = folder / "card.json"
    path = chance.choice(sorted(folder.iterdir()))
    if path == card:
        text = card.read_text("utf-8")
        if chance.random() < 0.7:
            card.write_bytes(hostile(text, chance).encode())
        else:
            card.write_bytes(damage(text.encode(), chance))
        return
    data = damage(path.read_bytes(), chance)
    path.write_bytes(data)
    if chance.random() < 0.5:
        content = json.loads(card.read_text("utf-8"))
        entry = {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)}
        content["files"][path.name] = entry
        card.write_text(json.dumps(content, indent=2), "utf-8")


def play(folder: Path) -> None:
    """Do what there is to do with a bundle."""
    with coop_runtime.load(folder, "cpu", 1, time_limit=LIMIT) as model:
        x = model.generate(1)
        list(model.refine(x, 1))
        assert model.card.latent is not None
        z = np.zeros((1, *latent_shape(model.card.latent, x.shape[2:])), np.float32)
        model.log_posterior(z, x, np.ones_like(x))
        if "chain" in model.graphs:
            model.refined(x, 2, chain=True)
        if "encoder" in model.graphs:
            model.encode(x)


def most_memory() -> float:
    """Give the most memory that this process has used, in megabytes."""
    status = Path("/proc/self/status")
    if status.exists():  # getrusage counts, on Linux, what the parent had before exec
        found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
        if found:
            return int(found[1]) / 1024
    units = 1024**2 if sys.platform == "darwin" else 1024  # per megabyte
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / units


def main() -> None:
    """Play them and print one JSON object."""
    bundle, scratch = Path(sys.argv[1]), Path(sys.argv[2])
    chance, count = random.Random(int(sys.argv[3])), int(sys.argv[4])
    play(bundle)
    opened: list[str] = []
    watching = False

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        if watching and event == "open" and not isinstance(arguments[0], int):
            opened.append(str(arguments[0]))

    sys.addaudithook(watch)
    outcomes: Counter[str] = Counter()
    slowest = 0.0
    for number in range(count):
        folder = scratch / "mutant"
        shutil.copytree(bundle, folder)
        mutate(folder, chance)
        sys.stderr.write(f"{number}\n")  # after a crash: the guilty one
        # Of the processor: on a busy machine, the clock goes on while others compute.
        began, watching = time.process_time(), True
        try:
            play(folder)
            outcome = "plays"
        except CoopError as error:
            outcome = type(error).__name__
            if not str(error).isprintable():
                outcome = f"not one line: {error!r}"
        except BaseException as error:
            outcome = f"WRONG {number}: {error!r}"
        watching = False
        slowest = max(slowest, time.process_time() - began)
        outcomes[outcome] += 1
        shutil.rmtree(folder)
    outside = [path for path in opened if not path.startswith(str(scratch))]
    result = {"outcomes": outcomes, "slowest": slowest, "outside": outside[:5]}
    sys.stdout.write(json.dumps(result | {"megabytes": most_memory()}))


if __name__ == "__main__":
    main()
