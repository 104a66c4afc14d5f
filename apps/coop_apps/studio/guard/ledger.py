"""Who owns what: bounded, and forgotten after a while."""

import time
from collections import OrderedDict
from collections.abc import Callable

__all__ = ["Ledger"]


class Ledger:
    """Things and their owners; several may own the same thing.

    Parameters
    ----------
    each
        Things of one owner that are remembered; the one longest not asked for goes first.
    owners
        Owners that are remembered, likewise.
    seconds
        After which an owner who does nothing is forgotten.
    clock
        Gives the time, in seconds.

    Examples
    --------
    >>> ledger = Ledger(each=2, owners=10, seconds=60.0)
    >>> for thing in ("a", "b", "c"):
    ...     ledger.add("anna", thing)
    >>> [ledger.has("anna", thing) for thing in ("a", "b", "c")], ledger.has("bert", "c")
    ([False, True, True], False)
    >>> ledger.claim("bert", "c"), ledger.claim("bert", "d"), ledger.claim("anna", "d")
    (False, True, False)
    """

    def __init__(
        self,
        each: int,
        owners: int,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._each, self._owners, self._seconds, self._clock = each, owners, seconds, clock
        self._things: OrderedDict[str, OrderedDict[str, None]] = OrderedDict()
        self._seen: dict[str, float] = {}
        self._holders: dict[str, set[str]] = {}

    def add(self, owner: str, thing: str) -> None:
        """Remember that ``owner`` owns ``thing``."""
        self._forget_idle()
        things = self._things.setdefault(owner, OrderedDict())
        things[thing] = None
        self._holders.setdefault(thing, set()).add(owner)
        self._touch(owner, thing)
        while len(things) > self._each:
            self._drop(owner, things.popitem(last=False)[0])
        while len(self._things) > self._owners:
            self._forget(next(iter(self._things)))

    def has(self, owner: str, thing: str) -> bool:
        """Say whether ``owner`` owns ``thing``."""
        self._forget_idle()
        owns = owner in self._holders.get(thing, ())
        if owns:
            self._touch(owner, thing)
        return owns

    def claim(self, owner: str, thing: str) -> bool:
        """Make ``owner`` the only one; say whether that is so, and not another one's before."""
        self._forget_idle()
        if self._holders.get(thing, {owner}) != {owner}:
            return False
        self.add(owner, thing)
        return True

    def things(self, owner: str) -> tuple[str, ...]:
        """Give what ``owner`` owns."""
        return tuple(self._things.get(owner, ()))

    def remove(self, owner: str, thing: str) -> None:
        """Forget that ``owner`` owns ``thing``."""
        if self._things.get(owner, OrderedDict()).pop(thing, thing) is None:
            self._drop(owner, thing)

    def _touch(self, owner: str, thing: str) -> None:
        self._things.move_to_end(owner)
        self._things[owner].move_to_end(thing)
        self._seen[owner] = self._clock()

    def _forget_idle(self) -> None:
        while self._things:
            oldest = next(iter(self._things))
            if self._clock() - self._seen[oldest] <= self._seconds:
                return
            self._forget(oldest)

    def _forget(self, owner: str) -> None:
        for thing in self._things.pop(owner):
            self._drop(owner, thing)
        del self._seen[owner]

    def _drop(self, owner: str, thing: str) -> None:
        self._holders[thing].discard(owner)
        if not self._holders[thing]:
            del self._holders[thing]
