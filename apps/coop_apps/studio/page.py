"""The page: a tab per module."""

import gradio as gr

from .explore import explore
from .inpaint import inpaint
from .studio import Studio
from .textures import textures

__all__ = ["CSS", "build", "theme"]

CSS = """
.status { min-height: 1.6em; } .status progress { display: block; width: 100%; height: 0.5rem; }
.status code { overflow-wrap: anywhere; }
footer { padding: 0.5rem; }
"""

_FONTS = ["system-ui", "sans-serif"]
_MONOSPACE = ["ui-monospace", "monospace"]


def theme() -> gr.themes.Base:
    """Give the theme: light and dark, with fonts of the visitor's own machine."""
    return gr.themes.Soft(primary_hue="teal", font=_FONTS, font_mono=_MONOSPACE)


def build(studio: Studio) -> gr.Blocks:
    """Lay out all tabs."""
    page = gr.Blocks(title="Coop Studio", analytics_enabled=False, delete_cache=(600, 3600))
    with page:
        gr.Markdown(
            "# Coop Studio\nMore of *this* stone, *this* rain: small models that you can play with."
        )
        with gr.Tab("Textures", id="textures"):
            textures(studio)
        with gr.Tab("Inpaint", id="inpaint"):
            inpaint(studio)
        with gr.Tab("Explore", id="explore"):
            explore(studio)
    return page
