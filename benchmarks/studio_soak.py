"""Let many clients use one Coop Studio at a time: each must get its own results, memory be flat.

    python benchmarks/studio_soak.py exported
    python benchmarks/studio_soak.py exported --clients 16 --minutes 30

Each client draws textures by seeds that no other has, and compares every pixel of the file that it
gets with what the runtime draws alone. Then it asks for a file of another client, which must not be
there. The server's memory (resident, MB) is printed over time.
"""

import argparse
import io
import itertools
import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from PIL import Image

import coop_runtime
from coop_runtime import Model
from tables import markdown

API = "/gradio_api"
SIZE, STEPS = (64, 64), 3
EACH = 10**6  # seeds of a client


@dataclass
class Soak:
    """What the clients have met: counts by kind, the newest file of each, megabytes over time."""

    counts: Counter[str] = field(default_factory=Counter)
    newest: dict[int, str] = field(default_factory=dict)
    memory: list[tuple[float, float]] = field(default_factory=list)


def soak(url: str, bundle: Path, clients: int, seconds: float, pid: int) -> Soak:
    """Let clients draw for some time; ``pid`` is the server's."""
    model, met, began = coop_runtime.load(bundle, "cpu"), Soak(), time.monotonic()
    until = began + seconds
    threads = [
        threading.Thread(target=_visit, args=(url, model, bundle.name, first, until, met))
        for first in range(0, clients * EACH, EACH)
    ]
    for thread in threads:
        thread.start()
    while any(thread.is_alive() for thread in threads):
        met.memory.append((time.monotonic() - began, resident(pid)))
        time.sleep(max(0.5, seconds / 30))
    return met


def _visit(url: str, model: Model, name: str, first: int, until: float, met: Soak) -> None:
    try:
        with httpx.Client(base_url=url, timeout=120, trust_env=False) as client:
            client.get("/config")
            for seed in itertools.count(first):
                if time.monotonic() > until:
                    return
                met.counts[_draw(client, model, name, seed, met)] += 1
    except Exception as error:  # counted: the other clients go on
        met.counts[f"{type(error).__name__}: {error}"] += 1


def _draw(client: httpx.Client, model: Model, name: str, seed: int, met: Soak) -> str:
    """Ask for one picture; say what became of it."""
    data = [name, *SIZE, seed, "Refined", STEPS, False]
    asked = client.post(f"{API}/call/textures", json={"data": data})
    if asked.status_code == 503:
        time.sleep(0.5)
        return "told to come later"
    asked.raise_for_status()
    text = client.get(f"{API}/call/textures/{asked.json()['event_id']}").text
    if "event: complete\n" not in text:
        return f"ended with {text[-200:]}"
    path = json.loads(text.split("event: complete\ndata: ")[1].splitlines()[0])[3]["value"]["path"]
    with Image.open(io.BytesIO(client.get(f"{API}/file={path}").content)) as picture:
        mode = "L" if model.card.signal.channels == 1 else "RGB"  # the page's files are in colour
        right = picture.convert(mode).tobytes() == _alone(model, seed)
    me = seed // EACH
    for theirs in [path for who, path in tuple(met.newest.items()) if who != me][:1]:
        if client.get(f"{API}/file={theirs}").status_code != 404:
            return "read a file of another"
    met.newest[me] = path
    return "right" if right else "wrong"


def _alone(model: Model, seed: int) -> bytes:
    *_, last = model.refine(model.generate(1, seed, SIZE), STEPS, seed)
    pixels = coop_runtime.to_uint8(last.x, model.card.signal)[0]
    return bytes(pixels.tobytes())


def resident(pid: int) -> float:
    """Give the resident memory of a process in MB."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))


@contextmanager
def studio(library: Path) -> Iterator[tuple[str, int]]:
    """Run coop-studio; give its address and process."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = "from coop_apps.studio.command import main; main()"
    words = [sys.executable, "-uc", program, str(library), "--port", str(port)]
    path = os.pathsep.join(filter(None, sys.path))
    environment = os.environ | {"PYTHONPATH": path}
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            if not (process.stdout and process.stdout.readline().startswith("Coop Studio:")):
                sys.exit("coop-studio does not start")
            yield f"http://127.0.0.1:{port}", process.pid
        finally:
            process.terminate()


def main() -> None:
    """Run the soak and print what was met."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("library", type=Path, help="folder of bundles")
    parser.add_argument("--bundle", default="brick", help="a texture in it")
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--minutes", type=float, default=5.0)
    options = parser.parse_args()
    with studio(options.library) as (url, pid):
        bundle = options.library / options.bundle
        met = soak(url, bundle, options.clients, options.minutes * 60, pid)
    print(markdown([["requests", "count"], *([k, str(n)] for k, n in met.counts.most_common())]))
    print(markdown([["s", "MB"], *([f"{t:.0f}", f"{mb:.0f}"] for t, mb in met.memory)]))


if __name__ == "__main__":
    main()
