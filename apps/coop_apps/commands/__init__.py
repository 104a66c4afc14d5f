"""The commands of ``coop-run``, one file per family; ``coop_apps.run`` registers them."""

from .again import again
from .between import corners, interpolate, panel, vary
from .complete import complete
from .generate import generate
from .latents import encode, reconstruct
from .rank import energy
from .revise import recover, refine

__all__ = ["COMMANDS"]

COMMANDS = (
    generate,
    refine,
    complete,
    recover,
    reconstruct,
    encode,
    interpolate,
    corners,
    panel,
    vary,
    energy,
    again,
)
