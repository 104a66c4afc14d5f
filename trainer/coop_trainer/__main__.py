"""``torchrun --nproc-per-node N -m coop_trainer …``: coop-train, by N processes together.

Takes coop-train's arguments. Started without torchrun it is coop-train itself.
"""

import os
import sys
import time
from importlib.metadata import entry_points

from torch.distributed.elastic.multiprocessing.errors import record

#: Seconds in which the first process says what is wrong, and leaves, before torchrun ends it
#: because another one has left.
PATIENCE = 1.0


@record
def main() -> None:
    """Start coop-train as one of torchrun's processes; the first speaks for all.

    What the others raise stands in torchrun's report.
    """
    commands = entry_points(group="console_scripts", name="coop-train")
    if not commands:
        sys.exit("Error: coop-train is not installed: pip install 'coopnets[train,apps,cpu]'")
    first = os.environ.get("RANK", "0") == "0"
    if not first:
        sys.stdout = sys.stderr = open(os.devnull, "w")  # noqa: PTH123, SIM115  to the end
    try:
        next(iter(commands)).load()()
    except SystemExit as end:
        if end.code and not first:
            time.sleep(PATIENCE)
        raise


if __name__ == "__main__":
    main()
