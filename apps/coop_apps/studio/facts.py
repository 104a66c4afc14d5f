"""What a bundle's card says, in words and rows for people."""

from pathlib import Path
from typing import Any

from coop_runtime import Card

__all__ = ["LICENCES", "checksums", "in_words", "parity_rows", "samples", "version_rows"]

#: Of the project, and of the data that its own bundles have learned from.
LICENCES = (
    ("coopnets, this program", "MIT"),
    ("brick, grass, gravel", "CC0: photographs that come with scikit-image"),
    ("fashion", "MIT: Fashion-MNIST, Zalando SE"),
    ("water, waves", "MIT: computed by coopnets itself"),
)
#: Of the relative error: coop-export's own, unless the card says another.
_LIMIT = 1e-5
_DRAWS = {
    "texture": "Draws textures",
    "images": "Draws pictures of one size",
    "sound": "Makes sound",
    "clips": "Draws clips",
}
_METHODS = {
    "coopnets": "cooperative learning (CoopNets): a descriptor and a generator teach each other",
    "descriptor": "a descriptor alone, by Langevin dynamics (Algorithm D)",
    "abp": "alternating back-propagation: a generator that infers its own latents",
    "triangle": "the divergence triangle: descriptor, generator and encoder together",
    "mcmc-triangle": "dual MCMC teaching: descriptor, generator and encoder together",
    "vae": "a variational auto-encoder",
    "gan": "a generative adversarial network",
}


def in_words(card: Card) -> str:
    """Say in Markdown what a bundle is and how it came about."""
    signal, training = card.signal, card.training
    size = "×".join(map(str, signal.trained_shape))
    unit = {1: "samples", 2: "pixels", 3: "frames × pixels"}[signal.dims]
    free = ", of any size" if signal.kind == "texture" else ", of any length"
    lines = [
        f"{_DRAWS[signal.kind]}{free if any(signal.extendable) else ''}; learned at {size} {unit}"
    ]
    if method := training.get("method"):
        lines.append(f"Method: {_METHODS.get(str(method), str(method))}")
    if names := _names(training.get("learned_from")):
        lines.append(f"Learned from: {names}")
    seconds, steps = training.get("seconds"), training.get("steps")
    if isinstance(seconds, int | float) and isinstance(steps, int):
        lines.append(f"Learned for {seconds / 60:.3g} minutes, {steps} steps")
    if count := _count(training.get("parameters")):
        lines.append(f"Parameters: {count}")
    megabytes = sum(entry.bytes for entry in card.files.values()) / 1e6
    stored = f", weights stored in {card.precision.weights}" if card.precision else ""
    lines.append(f"Size: {megabytes:.1f} MB{stored}")
    licence = training.get("licence", "not stated; ask whoever made the bundle")
    lines.append(f"Licence of what it learned from: {licence}")
    return "\n".join(f"- {_plain(line)}" for line in lines)


def parity_rows(card: Card) -> list[list[str]]:
    """Give a row per graph and backend: largest error, limit, cases, verdict."""
    halves = card.precision
    limits = {"ONNX Runtime": _LIMIT if halves is None else halves.parity_limit}
    reports = {"ONNX Runtime": card.parity}
    if card.torchscript is not None:
        reports["TorchScript"] = card.torchscript.parity
    return [
        [
            name,
            backend,
            f"{parity.max_relative_error:.1e}",
            f"{limits.get(backend, _LIMIT):.0e}",
            str(len(parity.cases)),
            "within"
            if parity.max_relative_error <= limits.get(backend, _LIMIT)
            else "beyond: it was allowed more",
        ]
        for backend, report in reports.items()
        for name, parity in report.items()
    ]


def checksums(card: Card, of_card: str) -> list[list[str]]:
    """Give a row per file: name, size, SHA-256; that of the card is given."""
    rows = [
        [name, f"{entry.bytes / 1e3:.1f} kB", entry.sha256] for name, entry in card.files.items()
    ]
    return [["card.json", "", of_card], *rows]


def version_rows(card: Card) -> list[list[str]]:
    """Give the versions that made the bundle."""
    return [[name, version] for name, version in card.versions.items()]


def samples(card: Card, folder: Path) -> Path | None:
    """Give the picture of samples that the card names, or None."""
    for name in ("samples/samples.png", "samples/sheet.png", "samples/drafts.png"):
        if name in card.files and (folder / name).is_file():
            return folder / name
    return None


def _names(learned_from: Any) -> str:
    if not isinstance(learned_from, list | tuple):
        return ""
    shown = [str(name) for name in learned_from[:5]]
    more = len(learned_from) - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")


def _count(parameters: Any) -> str:
    if not isinstance(parameters, dict):
        return ""
    return ", ".join(
        f"{name} {count:,}" for name, count in parameters.items() if type(count) is int
    )


def _plain(text: str) -> str:
    """Give text that Markdown leaves as it is, on one line: a card is a stranger's.

    Examples
    --------
    >>> _plain("a <b>[c](d)")
    'a &lt;b&gt;&#91;c&#93;(d)'
    """
    marks = {"&": "&amp;", "<": "&lt;", ">": "&gt;", "[": "&#91;", "]": "&#93;"}
    marks |= {"*": "&#42;", "_": "&#95;", "`": "&#96;", "$": "&#36;"}
    return " ".join("".join(marks.get(c, c) for c in text).split())
