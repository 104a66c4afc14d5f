"""Training data: textures, image sets, sounds and clips, and what was observed of them."""

from .clips import load_clips
from .crops import Deck, random_crops
from .images import load_images
from .masks import MASKS, draw_masks, hide, load_masks
from .pictures import BUILT_IN, load_texture
from .signals import Kind, Signals
from .sound import load_sound
from .synthetic import CLIPS, SOUNDS

__all__ = [
    "BUILT_IN",
    "CLIPS",
    "MASKS",
    "SOUNDS",
    "Deck",
    "Kind",
    "Signals",
    "draw_masks",
    "hide",
    "load_clips",
    "load_images",
    "load_masks",
    "load_sound",
    "load_texture",
    "random_crops",
]
