"""Time one training iteration in torch's two memory formats. Prints a table.

python benchmarks/memory_format.py --steps 20
"""

import argparse
import statistics
import time

import torch

from coop_trainer.config import configure
from coop_trainer.data import load_texture
from coop_trainer.presets import load_preset, preset_names
from coop_trainer.training import Training

FORMATS = {"contiguous": torch.contiguous_format, "channels last": torch.channels_last}


def main() -> None:
    """Interleave iterations of two trainings that differ in the format only."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--preset", default="quick", choices=preset_names("texture"))
    parser.add_argument("--steps", type=int, default=20)
    options = parser.parse_args()
    config = configure(load_preset("texture", options.preset))
    pictures = load_texture(
        ["gravel"], size=config.data.size, crop=max(config.data.crop_shape(2) or (1,))
    )
    seconds: dict[str, list[float]] = {name: [] for name in FORMATS}
    trainings = {}
    for name, memory_format in FORMATS.items():
        training = Training(config, pictures, torch.device("cpu"))
        for network in (training.descriptor, training.generator):
            network.to(memory_format=memory_format)  # type: ignore[call-overload]
        trainings[name] = training
    for step in range(options.steps + 2):
        for name, training in trainings.items():
            started = time.perf_counter()
            training.advance()
            if step >= 2:
                seconds[name].append(time.perf_counter() - started)
    print(
        f"| format | median ms per iteration ({torch.get_num_threads()} threads) |\n| --- | --- |"
    )
    for name, times in seconds.items():
        print(f"| {name} | {1000 * statistics.median(times):.0f} |")
    pairs = zip(*seconds.values(), strict=True)
    print(f"\nratio, median of pairs: {statistics.median(a / b for a, b in pairs):.2f}")


if __name__ == "__main__":
    main()
