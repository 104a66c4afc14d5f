"""The bundles of one folder: found by name, loaded when they are first asked for."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import coop_runtime
from coop_runtime import Card, CoopError, Model, SessionOptions
from coop_runtime.bundle import read_sample

__all__ = ["Library"]

_MOST_LOADED = 8
_OPTIONS = SessionOptions(memory_pattern=False)  # sizes differ from call to call


@dataclass
class Library:
    """The bundles in the folder that the operator named; nothing else is ever read.

    Attributes
    ----------
    folder
        Holds a folder per bundle.
    device
        Where models compute, as for `coop_runtime.load`.
    interrupt
        Asked before each run of a graph whether to end the call, as for `coop_runtime.load`.
    problems
        One line for each folder with a card that cannot be played.
    watchers
        Called when other bundles are there than before.
    """

    folder: Path
    device: str = "auto"
    interrupt: Callable[[], bool] | None = None
    problems: dict[str, str] = field(default_factory=dict)
    watchers: list[Callable[[], None]] = field(default_factory=list)
    _cards: dict[str, Card] = field(default_factory=dict)
    _models: OrderedDict[str, Model] = field(default_factory=OrderedDict)
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        self.scan()

    def scan(self) -> None:
        """Look again at what is there; models whose bundle has changed are forgotten.

        Raises
        ------
        CoopError
            The folder is not there.
        """
        if not self.folder.is_dir():
            raise CoopError(
                f"no such folder of bundles: '{self.folder}'; make bundles or coop-export makes one"
            )
        cards, problems = {}, {}
        for path in sorted(self.folder.iterdir()):
            if path.name.startswith(".") or not (path / "card.json").is_file():
                continue  # hidden ones are being written
            try:
                cards[path.name] = coop_runtime.read_card(path)
            except CoopError as error:
                problems[path.name] = str(error)
        with self._lock:
            for name in [n for n in self._models if cards.get(n) != self._cards.get(n)]:
                del self._models[name]
            changed = cards.keys() != self._cards.keys()
            self._cards, self.problems = cards, problems
        for watcher in self.watchers if changed else ():
            watcher()

    def names(self, kind: str | None = None, *graphs: str) -> list[str]:
        """Give the bundles of a kind (texture, images, sound, clips) that have the graphs."""
        with self._lock:
            return [
                name
                for name, card in self._cards.items()
                if kind in (None, card.signal.kind) and all(g in card.graphs for g in graphs)
            ]

    def card(self, name: str) -> Card:
        """Give a bundle's card.

        Raises
        ------
        CoopError
            There is no bundle of this name.
        """
        with self._lock:
            if name not in self._cards:
                raise CoopError(f"there is no bundle '{name}' here: choose one of the list")
            return self._cards[name]

    def path(self, name: str) -> Path:
        """Give a bundle's folder; `CoopError` as in `card`."""
        self.card(name)
        return self.folder / name

    def sample(self, name: str, file: str) -> bytes | None:
        """Give the bytes of a bundle's ``samples/FILE``, verified; None if it has none.

        Raises
        ------
        CoopError
            There is no such bundle, or its file is not the one that its card describes.
        """
        return read_sample(self.path(name), self.card(name), file)

    def model(self, name: str) -> Model:
        """Give the model of a bundle, loaded and verified; `CoopError` if that fails."""
        self.card(name)
        with self._lock:
            if name not in self._models:
                self._models[name] = coop_runtime.load(
                    self.folder / name, self.device, options=_OPTIONS, interrupt=self.interrupt
                )
                while len(self._models) > _MOST_LOADED:
                    self._models.popitem(last=False)
            self._models.move_to_end(name)
            return self._models[name]
