"""Sounds, clips and mixed textures, each learned from itself alone: pictures and a few figures.

    python benchmarks/single_signals.py --minutes 10 --jobs 2
    python benchmarks/single_signals.py --cases sound-abp --minutes 4 --sound chimney_fire

Each case is one run of ``coop-train``, preset ``quick``, one thread; trainings and exports are
measured when they are made. Sheets (spectrograms, frames) are collected beside the runs. Of sounds,
the table compares four times ten seconds of the exported model with the original: the root mean
square difference of their spectra in thirds of octaves (dB, levels matched), and events per second:
peaks of the envelope above twice its median.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

import coop_runtime
from coop_trainer.data import load_sound
from tables import markdown

DATA = Path(__file__).parent.parent.parent / "shared" / "data"
SOUNDS = DATA / "sounds11k"
SOUND = "ase_70_manual_typewriter"
DRAWS = 4
CLIP = str(DATA / "clips64" / "fire_pot.npz")
SIGNALS = {
    "clip": ("clips", [CLIP]),
    "mixed": ("texture", ["brick", "gravel"]),
}
CASES = {
    f"{name}-{method}": (name, method)
    for name in ("sound", *SIGNALS)
    for method in ("abp", "coopnets")
}

Sound = NDArray[np.float32]


def bands(x: Sound, rate: float) -> NDArray[np.float64]:
    """Give levels in thirds of octaves from 50 Hz to half the rate, in dB, mean zero."""
    power = np.abs(np.fft.rfft(x)) ** 2
    frequency = np.fft.rfftfreq(len(x), 1 / rate)
    edges = 50 * 2 ** (np.arange(0, np.log2(rate / 100), 1 / 3))
    which = np.digitize(frequency, edges)
    levels = [10 * np.log10(power[which == k].sum() + 1e-12) for k in range(1, len(edges))]
    return np.asarray(levels - np.mean(levels))


def events(x: Sound, rate: float) -> float:
    """Count peaks per second of the envelope (10 ms windows) above twice its median."""
    window = round(rate / 100)
    envelope = np.sqrt((x[: len(x) // window * window].reshape(-1, window) ** 2).mean(1))
    inner = envelope[1:-1]
    peaks = (inner > envelope[:-2]) & (inner >= envelope[2:]) & (inner > 2 * np.median(envelope))
    return float(peaks.sum() / (len(x) / rate))


def judge_sound(bundle: Path, out: Path, source: str) -> list[str]:
    """Compare four draws of an exported model with the original; write the first as WAV."""
    model = coop_runtime.load(bundle, "cpu")
    signal = model.card.signal
    rate = float(signal.rate or 1)
    x = model.generate(DRAWS, seed=0, size=(round(10 * rate),))
    if "energy" in model.card.graphs:
        for state in model.refine(x, seed=0):
            x = state.x
    sounds = coop_runtime.to_samples(x, signal)[..., 0]
    original = load_sound([source], rate=round(rate)).arrays[0][0, :, 0]
    soundfile.write(out, sounds[0], round(rate))
    difference = bands(sounds.ravel(), rate) - bands(original, rate)
    off = float(np.sqrt((difference**2).mean()))
    found = [events(sound, rate) for sound in sounds]
    spread = f"{np.mean(found):.1f}, {min(found):.1f} to {max(found):.1f}"
    return [f"{off:.1f}", f"{spread} ({events(original, rate):.1f})"]


def price(command: list[str]) -> list[str]:
    """Run a command on one thread; give its seconds of CPU and its largest memory in GB."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        sys.exit(f"{' '.join(command)}: failed")
    return [f"{used.ru_utime + used.ru_stime:.0f}", f"{used.ru_maxrss / 1e6:.1f}"]


def train(out: Path, case: str, minutes: float, sound: str) -> list[str]:
    """Train and export once, unless that has been done; give the cells of the table."""
    name, method = CASES[case]
    kind, sources = ("sound", [sound]) if name == "sound" else SIGNALS[name]
    if kind == "sound":
        case = f"{case}-{Path(sound).stem}"
    folder, bundle = out / case, out / f"{case}-bundle"
    command = [sys.executable, "-m", "coop_apps.train", kind, *sources, "--out", str(folder)]
    command += ["--method", method, "--minutes", str(minutes)]
    training = cost = ["", ""]
    if not folder.exists():
        training = price(command)
    if not bundle.exists():
        cost = price([sys.executable, "-m", "coop_apps.export", str(folder), str(bundle)])
    lines = [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]
    steps = [line for line in lines if "event" not in line]
    sheet = sorted((folder / "samples").glob("*.png"))[-1]
    shutil.copy(sheet, out / f"{case}.png")
    card = coop_runtime.read_card(bundle)
    megabytes = sum(entry.bytes for entry in card.files.values()) / 1e6
    judged = judge_sound(bundle, out / f"{case}.wav", sound) if kind == "sound" else ["", ""]
    taken, minutes = steps[-1]["step"], steps[-1]["seconds"] / 60
    guarded = len(lines) - len(steps)
    shown = Path(sound).stem if kind == "sound" else name
    cells = [shown, method, str(taken), f"{minutes:.1f}", training[0], str(guarded)]
    return [*cells, f"{megabytes:.1f}", *cost, *judged]


def main() -> None:
    """Train all and print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--cases", nargs="+", default=list(CASES), choices=CASES)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--jobs", type=int, default=1, help="trainings side by side")
    parser.add_argument(
        "--sound", default=SOUND, choices=sorted(p.stem for p in SOUNDS.glob("*.wav"))
    )
    parser.add_argument("--out", type=Path, default=Path("runs/single_signals"))
    options = parser.parse_args()
    if not DATA.exists() and any(CASES[case][0] != "mixed" for case in options.cases):
        sys.exit("the research data are missing: only --cases mixed-… can be trained")
    options.out.mkdir(parents=True, exist_ok=True)
    head = ["signal", "method", "iterations", "minutes", "training, CPU s"]
    head += ["events of the guard", "bundle, MB", "export, CPU s", "export, GB"]
    sound = str(SOUNDS / f"{options.sound}.wav")
    rows = [[*head, "spectrum off, dB", "events per second (original)"]]
    with ThreadPoolExecutor(options.jobs) as pool:
        futures = [
            pool.submit(train, options.out, c, options.minutes, sound) for c in options.cases
        ]
        for future in futures:
            rows.append(future.result())
            print(" ".join(rows[-1]), file=sys.stderr, flush=True)
    print(markdown(rows))


if __name__ == "__main__":
    main()
