"""MkDocs hook: equations become MathML when the site is built, so that pages need no script."""

import html
import re
from typing import Any

from latex2mathml.converter import convert

_EQUATION = re.compile(r'<(span|div) class="arithmatex">(.*?)</\1>', re.DOTALL)
_NUMBER = re.compile(r"\\tag\{(\w+)\}")


def on_page_content(content: str, **_: Any) -> str:
    r"""Turn what pymdownx.arithmatex marked, ``\(…\)`` and ``\[…\]``, into MathML."""
    return _EQUATION.sub(_mathml, content)


def _mathml(found: re.Match[str]) -> str:
    source = html.unescape(found[2]).strip()[2:-2]
    if found[1] == "span":
        return str(convert(source))
    number = _NUMBER.search(source)
    equation = convert(_NUMBER.sub("", source), display="block")
    label = f'<span class="number">({number[1]})</span>' if number else ""
    return f'<div class="equation">{equation}{label}</div>'
