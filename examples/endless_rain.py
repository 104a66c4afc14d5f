"""Endless rain: an audio callback that only copies numpy samples; a thread draws ahead.

pip install sounddevice
python examples/endless_rain.py exported/water
"""

import math
import queue
import sys
import threading

import numpy as np

import coop_runtime
from coop_runtime import Array, Model


class Rain:
    """A sound without end, for an audio library's callback.

    Parameters
    ----------
    model
        A bundle of kind "sound".
    seed
        Same seed, same rain.
    ahead
        Blocks that are drawn before they are needed.
    """

    def __init__(self, model: Model, seed: int = 0, ahead: int = 4) -> None:
        self.rate = model.card.signal.rate or 11025.0
        self.late = 0  # callbacks that came before their samples: silence was played
        self._blocks: queue.Queue[Array] = queue.Queue(ahead)
        self._rest = np.empty((0, model.card.signal.channels), np.float32)
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._draw, args=(model, seed), daemon=True)
        self._thread.start()

    def _draw(self, model: Model, seed: int) -> None:
        past: Array | None = None
        for block in model.stream(seed, math.inf):
            past = coop_runtime.to_samples(block.x, model.card.signal, past)
            while not self._stopped.is_set():
                try:
                    self._blocks.put(past[0], timeout=0.1)
                    break
                except queue.Full:
                    continue
            if self._stopped.is_set():
                return

    def __call__(self, out: Array, frames: int, *_: object) -> None:
        """Fill ``out`` (frames, channels), as sounddevice's OutputStream asks for it."""
        while len(self._rest) < frames:
            try:
                self._rest = np.concatenate([self._rest, self._blocks.get_nowait()])
            except queue.Empty:
                self.late += 1
                break
        there = min(frames, len(self._rest))
        out[:there], out[there:] = self._rest[:there], 0.0
        self._rest = self._rest[there:]

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()
        self._thread.join()


def main(bundle: str) -> None:
    """Play until interrupted."""
    import sounddevice  # type: ignore[import-not-found]

    model = coop_runtime.load(bundle)
    rain, channels = Rain(model), model.card.signal.channels
    try:
        with sounddevice.OutputStream(rain.rate, channels=channels, callback=rain):
            threading.Event().wait()
    except KeyboardInterrupt:
        pass
    finally:
        rain.stop()


if __name__ == "__main__":
    main(*sys.argv[1:2])
