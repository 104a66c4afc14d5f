"""The page: a tab per module."""

import gradio as gr

from .about import about
from .choices import Choice, keep_current
from .clips import clips
from .explore import explore
from .inpaint import inpaint
from .learn import learn
from .sounds import sounds
from .studio import Studio
from .textures import textures

__all__ = ["CSS", "build", "theme"]

CSS = """
.status { min-height: 1.6em; } .status progress { display: block; width: 100%; height: 0.5rem;
accent-color: var(--color-accent); }
.seed { align-items: flex-end; }
.status code { overflow-wrap: anywhere; }
#inpaint-examples .grid-container {
  grid-template: none; grid-auto-rows: auto; grid-template-columns: repeat(6, minmax(0, 1fr));
}
#inpaint-suggestions .grid-container {
  grid-template: none; grid-auto-rows: auto;
  grid-template-columns: repeat(auto-fill, minmax(min(11rem, 40%), 1fr));
}
#inpaint-examples .grid-wrap, #inpaint-suggestions .grid-wrap { min-height: 0; max-height: none; }
#inpaint-examples .thumbnail-item, #inpaint-suggestions .thumbnail-item { height: auto; }
footer { padding: 0.5rem; } footer .divider { display: none; }
@media (max-width: 640px) {
  .tab-container button { padding: 0 0.4rem !important; font-size: 0.85rem !important; }
  .controls { display: contents !important; }  /* so that a part can go last */
  .controls > * { flex: 1 1 100% !important; }
  #textures-original { order: 1; }
}
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
        choices: list[Choice] = []
        tabs = []
        for name, lay_out in (
            ("Textures", textures),
            ("Inpaint", inpaint),
            ("Sounds", sounds),
            ("Clips", clips),
            ("Explore", explore),
        ):
            with gr.Tab(name, id=name.lower()) as tab:
                choices.append(lay_out(studio))
            tabs.append(tab)
        with gr.Tab("Learn", id="learn"):
            learn(studio, page)
        with gr.Tab("About", id="about") as tab:
            choices.append(about(studio, page))
        keep_current(studio.library, choices, page, [*tabs, tab])
    return page
