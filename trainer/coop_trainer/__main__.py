"""``torchrun --nproc-per-node N -m coop_trainer …``: coop-train, by N processes together.

Takes coop-train's arguments. Started without torchrun it is coop-train itself.
"""

import os
import sys
from importlib.metadata import entry_points

from torch.distributed.elastic.multiprocessing.errors import record


@record
def main() -> None:
    """Start coop-train as one of torchrun's processes; the first speaks for all.

    What the others raise stands in torchrun's report.
    """
    commands = entry_points(group="console_scripts", name="coop-train")
    if not commands:
        sys.exit("Error: coop-train is not installed: pip install 'coopnets[train,apps,cpu]'")
    if os.environ.get("RANK", "0") != "0":
        sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: PTH123, SIM115  to the end
    next(iter(commands)).load()()


if __name__ == "__main__":
    main()
