"""How people want to be reached: forwarding, do-not-disturb, how many lines.

The switchboard reads this memory and never waits for the data base; what changes is told as facts, which the CRM keeps
for the next start.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from callflow.facts import ForwardKind

MOST_LINES = 5  # R-PHONE-61


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """Of one extension. A forwarding holds the number as it was given."""

    forwards: Mapping[ForwardKind, str] = field(default_factory=dict)
    do_not_disturb: bool = False
    lines: int | None = MOST_LINES  # calls at once, one more is answered as busy (R-PHONE-62); None: as many as come
    ring_seconds: int | None = None  # None: as the switchboard has it
    auto_answer: bool = False  # the own phone takes a click-to-call by itself

    def forward(self, kind: ForwardKind) -> str | None:
        return self.forwards.get(kind)

    def is_full(self, lines_taken: int) -> bool:
        return self.lines is not None and lines_taken >= self.lines

    def with_forward(self, kind: ForwardKind, number: str | None) -> Wishes:
        kept = {key: value for key, value in self.forwards.items() if key is not kind}
        return replace(self, forwards={**kept, kind: number} if number else kept)

    def changed(self, **values: int | bool | None) -> Wishes:
        return replace(self, **values)  # type: ignore[arg-type]  # the fields above by name


class WishBook:
    """`ordinary`: of whoever has said nothing. `wishes`: of the others, as they are at the start.
    `on_do_not_disturb(extension)` hears of the switch: lines must know whom they may ring."""

    def __init__(self, ordinary: Wishes = Wishes(), wishes: Mapping[str, Wishes] | None = None) -> None:
        self.ordinary = ordinary
        self.on_do_not_disturb: Callable[[str], None] | None = None
        self._wishes = dict(wishes or {})

    def of(self, extension: str) -> Wishes:
        return self._wishes.get(extension, self.ordinary)

    def items(self) -> Iterable[tuple[str, Wishes]]:
        """Of all who differ from the ordinary."""
        return self._wishes.items()

    def set(self, extension: str, wishes: Wishes) -> None:
        before = self.of(extension)
        if wishes == self.ordinary:
            self._wishes.pop(extension, None)
        else:
            self._wishes[extension] = wishes
        if before.do_not_disturb != wishes.do_not_disturb and self.on_do_not_disturb is not None:
            self.on_do_not_disturb(extension)
