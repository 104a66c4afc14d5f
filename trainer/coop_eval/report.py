"""A report: sections of figures and pictures, written as HTML, JSON and PNG files."""

import html
import json
import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from coop_runtime.files import new_folder

__all__ = ["Picture", "Section", "Table", "as_text", "rows_of", "write_report"]

Cell = float | int | str | None

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; display: block; overflow-x: auto; }
th, td { padding: .2rem .8rem; border-bottom: 1px solid color-mix(in srgb, currentColor 20%, transparent); }
th { text-align: left; }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
img { max-width: 100%; image-rendering: pixelated; }
figure { margin: 1rem 0; }
figcaption { opacity: .8; }
"""  # noqa: E501  one rule a line


@dataclass(frozen=True)
class Table:
    """A table of figures.

    Attributes
    ----------
    caption
        What its figures are, and which way is better.
    head
        Names of the columns.
    rows
        As long as ``head``; None shows as an empty cell.
    """

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[Cell]]


def rows_of(names: Sequence[str]) -> str:
    """Say what the rows of a sheet show.

    Examples
    --------
    >>> rows_of(["what is given", "the model, mean of 4", "the originals"])
    'Rows from the top: 1. what is given; 2. the model, mean of 4; 3. the originals.'
    """
    numbered = "; ".join(f"{k}. {name}" for k, name in enumerate(names, 1))
    return f"Rows from the top: {numbered}."


@dataclass(frozen=True)
class Picture:
    """A picture with what it shows in words; ``name`` is its file's, without the ending."""

    name: str
    caption: str
    png: bytes


@dataclass(frozen=True)
class Section:
    """One subject of a report.

    Attributes
    ----------
    name
        Of its part of the JSON file.
    title
        Of the section.
    text
        What was measured and how, one paragraph.
    tables, pictures
        Shown in this order.
    data
        The figures for programs: numbers, texts, lists and mappings of them.
    """

    name: str
    title: str
    text: str
    tables: Sequence[Table] = ()
    pictures: Sequence[Picture] = ()
    data: Mapping[str, object] = field(default_factory=dict)


def write_report(
    folder: Path, title: str, facts: Mapping[str, Cell], sections: Sequence[Section]
) -> None:
    """Write ``report.html``, ``report.json`` and the pictures into a new folder, all or nothing.

    Parameters
    ----------
    facts
        What was measured on what, by which seed: shown at the top.

    Raises
    ------
    CoopError
        The folder is there already, or cannot be written.
    """
    with new_folder(folder) as partial:
        for section in sections:
            for picture in section.pictures:
                (partial / f"{picture.name}.png").write_bytes(picture.png)
        data = {"title": title, "facts": facts, **{s.name: s.data for s in sections}}
        text = json.dumps(_finite(data), indent=1, ensure_ascii=False)
        (partial / "report.json").write_text(f"{text}\n", encoding="utf-8")
        page = render(title, facts, sections)
        (partial / "report.html").write_text(page, encoding="utf-8")


def render(title: str, facts: Mapping[str, Cell], sections: Sequence[Section]) -> str:
    """Lay out a report as one HTML page, whose pictures lie beside it.

    Examples
    --------
    >>> page = render("Brick", {"samples": 3}, [Section("s", "Copies", "Less than 1 % <of all>.")])
    >>> "<h2>Copies</h2>" in page, "Less than 1 % &lt;of all&gt;." in page
    (True, True)
    """
    about = _table(Table("", ("what", "value"), list(facts.items())))
    parts = [part for section in sections for part in _section(section)]
    body = "\n".join([f"<h1>{html.escape(title)}</h1>", about, *parts])
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{html.escape(title)}</title><style>{_STYLE}</style></head>\n"
        f"<body>\n{body}\n</body></html>\n"
    )


def as_text(sections: Sequence[Section], width: int = 100) -> str:
    """Lay out the tables of a report for a terminal, captions ``width`` characters wide.

    Examples
    --------
    >>> table = Table("Less is better.", ("steps", "error"), [(0, 0.5), ("real", 0.0625)])
    >>> print(as_text([Section("s", "Copies", "How many there are.", [table])]))
    Copies
    <BLANKLINE>
    Less is better.
      steps   error
          0     0.5
       real  0.0625
    """
    lines = []
    for section in sections:
        lines += [section.title, ""] if section.tables else []
        for table in section.tables:
            lines += [*textwrap.wrap(table.caption, width), *_columns(table), ""]
    return "\n".join(lines).rstrip()


def _columns(table: Table) -> list[str]:
    columns = []
    for head, *cells in zip(table.head, *table.rows, strict=True):
        texts = [head, *map(shown, cells)]
        width = max(map(len, texts))
        words = all(isinstance(cell, str) for cell in cells)
        columns.append([text.ljust(width) if words else text.rjust(width) for text in texts])
    return [f"  {'  '.join(row).rstrip()}" for row in zip(*columns, strict=True)]


def _section(section: Section) -> list[str]:
    figures = [
        f'<figure><img src="{html.escape(picture.name)}.png" alt="{html.escape(picture.caption)}">'
        f"<figcaption>{html.escape(picture.caption)}</figcaption></figure>"
        for picture in section.pictures
    ]
    return [
        f"<h2>{html.escape(section.title)}</h2>",
        f"<p>{html.escape(section.text)}</p>",
        *map(_table, section.tables),
        *figures,
    ]


def _table(table: Table) -> str:
    head = "".join(f"<th>{html.escape(cell)}</th>" for cell in table.head)
    rows = [
        f"<tr>{''.join(f'<td{_align(cell)}>{html.escape(shown(cell))}</td>' for cell in row)}</tr>"
        for row in table.rows
    ]
    shown_as = f"<table><tr>{head}</tr>\n{chr(10).join(rows)}\n</table>"
    if not table.caption:
        return shown_as
    # Not a <caption>, which would be no wider than its table.
    caption = f"<figcaption>{html.escape(table.caption)}</figcaption>"
    return f"<figure>{caption}{shown_as}</figure>"


def _align(cell: Cell) -> str:
    return "" if isinstance(cell, str) else ' class="number"'


def shown(cell: Cell) -> str:
    """Give a cell as text: numbers with four significant digits.

    Examples
    --------
    >>> [shown(cell) for cell in (0.012345, 1234.5678, 12, float("nan"), None, "σ")]
    ['0.01235', '1235', '12', '–', '', 'σ']
    """
    if cell is None:
        return ""
    if isinstance(cell, float):
        return f"{cell:.4g}" if math.isfinite(cell) else "–"
    return str(cell)


def _finite(value: object) -> object:
    """Give a value as JSON can hold it: what is not finite becomes null."""
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
