"""Pictures of a report, as bytes of a PNG file."""

import io
from collections.abc import Mapping

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from numpy.typing import NDArray
from PIL import Image

from coop_runtime import Array, CoopError

from .energy.energies import histograms

__all__ = ["energy_chart", "grid"]


def energy_chart(of: Mapping[str, NDArray[np.float64]], bins: int = 60) -> bytes:
    """Draw histograms of energies over common bins, one line for each kind; give a PNG.

    Parameters
    ----------
    of
        Energies (n,) by the kind's name.
    bins
        Number of bins.
    """
    edges, shares = histograms(of, bins)
    figure = Figure(figsize=(7, 3.2), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    for name, values in shares.items():
        axes.stairs(values, edges, label=name, linewidth=1.6)
    axes.set_xlabel("energy (lower: more like what was learned)")
    axes.set_ylabel("share")
    axes.legend(frameon=False)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", metadata={"Software": None})
    return buffer.getvalue()


def grid(pictures: Array, columns: int = 12, gap: int = 2) -> bytes:
    """Lay pictures side by side on white, those below 64 pixels enlarged; give a PNG.

    Parameters
    ----------
    pictures
        (n, channels, height, width) in [0, 1], of 1 or 3 channels.
    columns
        Pictures in a row, ≥ 1.
    gap
        Pixels between them, ≥ 0.
    """
    if pictures.ndim != 4 or pictures.shape[1] not in (1, 3) or not len(pictures):
        raise CoopError(
            f"pictures: expected (n, channels, height, width) of 1 or 3 channels, "
            f"found {pictures.shape}"
        )
    n, channels, height, width = pictures.shape
    columns = min(columns, n)
    rows = -(-n // columns)
    shape = rows * (height + gap) - gap, columns * (width + gap) - gap, channels
    sheet = np.full(shape, 255, np.uint8)
    for k, x in enumerate(np.rint(255 * pictures.clip(0, 1)).astype(np.uint8)):
        i, j = (k // columns) * (height + gap), (k % columns) * (width + gap)
        sheet[i : i + height, j : j + width] = x.transpose(1, 2, 0)
    buffer = io.BytesIO()
    zoom = max(1, 64 // width)
    sheet = sheet.repeat(zoom, axis=0).repeat(zoom, axis=1)
    Image.fromarray(sheet[..., 0] if channels == 1 else sheet).save(buffer, "PNG")
    return buffer.getvalue()
