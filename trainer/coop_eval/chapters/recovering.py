"""The chapter on incomplete training data: triangle paper, section 4.4 and Table 3."""

import numpy as np

from coop_runtime import CoopError, Model

from ..charts import grid
from ..filling.completion import hidden_error
from ..filling.recovery import recovered_pictures
from ..report import Cell, Picture, Section, Table, rows_of
from .asked import Ask, Real
from .completing import SHOWN, interpolated
from .needs import incomplete_run

__all__ = ["recovery"]


def recovery(model: Model, real: Real, ask: Ask) -> list[Section]:
    """Compare what a run put into the holes of its training pictures with the originals.

    Raises
    ------
    CoopError
        A bundle, a run of complete pictures, or no originals of the same number and size.
    """
    run, original = incomplete_run(real, ask)
    found = recovered_pictures(run)
    if original.shape != found.pictures.shape:
        raise CoopError(
            f"recovery: expected the {len(found.pictures)} originals that the run learned from "
            f"with holes, found {len(original)} in --train; give those, in their order"
        )
    missing = found.missing
    some = slice(0, ask.examples)
    done = {
        "the run": found.pictures[some],
        **interpolated(found.pictures[some], missing[some]),
    }
    errors = {
        by: float(hidden_error(original[some], x, missing[some]).mean()) for by, x in done.items()
    }
    whole = float(hidden_error(original, found.pictures, missing).mean())
    rows: list[list[Cell]] = [["the run, all pictures", whole]]
    rows += [[by, error] for by, error in errors.items()]
    given = np.where(missing[some], np.float32(0.5), original[some])
    sheet = np.concatenate([x[:SHOWN] for x in (given, *done.values(), original[some])])
    section = Section(
        "recovery",
        "Recovery of incomplete training pictures",
        f"{len(original)} pictures were learned from without their hidden pixels "
        f"({missing.mean():.0%} of all). What the run put there is compared with what was never "
        f"shown to it; interpolations of the first {len(given)} stand beside.",
        [
            Table(
                "Mean difference per hidden pixel relative to the range; lower is better.",
                ["by", "error"],
                rows,
            )
        ],
        [
            Picture(
                "recovery",
                rows_of(["what was seen", *done, "the originals"]),
                grid(sheet, columns=min(SHOWN, len(given))),
            )
        ],
        {"all": whole, "first": errors},
    )
    return [section]
