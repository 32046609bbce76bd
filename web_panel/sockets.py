"""How many websockets are open, by whom: a bound for each and for all."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field


class TooManySockets(Exception):
    """This person or address, or everybody together, has as many sockets open as there may be."""


@dataclass(slots=True)
class Sockets:
    each: int
    altogether: int
    _open: Counter[Hashable] = field(default_factory=Counter)

    @contextmanager
    def place(self, who: Hashable) -> Iterator[None]:
        """Raises TooManySockets; the newcomer is refused, nobody is thrown out."""
        if self._open[who] >= self.each or self._open.total() >= self.altogether:
            self._tidy(who)
            raise TooManySockets
        self._open[who] += 1
        try:
            yield
        finally:
            self._open[who] -= 1
            self._tidy(who)

    def _tidy(self, who: Hashable) -> None:
        if self._open[who] <= 0:
            del self._open[who]
