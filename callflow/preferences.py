"""Changes of how people want to be reached: checked like a dialled number, told as facts."""

from __future__ import annotations

from uuid import UUID

from uuid_utils.compat import uuid7

from callflow.control import ControlRefused
from callflow.exchange import Exchange, typed
from callflow.facts import ForwardingChanged, ForwardKind, Outcome, PartyIntroduced, PhoneSettingsChanged
from callflow.feature_codes import ToFeature
from callflow.router import Refuse, ToExtension, ToTrunk
from callflow.wishes import MOST_LINES, Wishes

SHORTEST_RING, LONGEST_RING = 5, 120  # seconds


class Preferences:
    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange

    def of(self, extension: str) -> Wishes:
        return self.exchange.wishes.of(extension)

    def forward(self, extension: str, kind: ForwardKind, number: str, *, by: UUID | None = None) -> None:
        """Forward to `number` from now on; "": no longer. Raises ControlRefused for a number that the extension could
        not dial."""
        number = typed(number)
        wishes = self.exchange.wishes.of(extension)
        if number == (wishes.forward(kind) or ""):
            return
        target, party = self._goal(extension, number) if number else (None, None)
        self.exchange.ledger.append(
            ForwardingChanged(
                id=uuid7(),
                at=self.exchange.clock.now(),
                extension=extension,
                kind=kind,
                target=target,
                party=party,
                by=by,
            )
        )
        self.exchange.wishes.set(extension, wishes.with_forward(kind, number))

    def _goal(self, extension: str, number: str) -> tuple[str | None, UUID | None]:
        match self.exchange.route(number, by=extension):
            case Refuse(outcome=Outcome.FORBIDDEN):
                raise ControlRefused("forbidden")
            case Refuse() | ToFeature():
                raise ControlRefused("no_route")
            case ToExtension(own) if own == extension:
                raise ControlRefused("same_number")
            case ToTrunk():
                party = uuid7()
                self.exchange.ledger.append(
                    PartyIntroduced(id=uuid7(), at=self.exchange.clock.now(), party=party, number=number)
                )
                return None, party
            case _:
                return number, None

    def change(
        self,
        extension: str,
        *,
        do_not_disturb: bool | None = None,
        lines: int | None = None,
        ring_seconds: int | None = None,
        auto_answer: bool | None = None,
        by: UUID | None = None,
    ) -> None:
        """Raises ControlRefused for what is out of bounds."""
        if lines is not None and not 1 <= lines <= MOST_LINES:  # R-PHONE-61
            raise ControlRefused("out_of_range")
        if ring_seconds is not None and not SHORTEST_RING <= ring_seconds <= LONGEST_RING:
            raise ControlRefused("out_of_range")
        told = {
            "do_not_disturb": do_not_disturb,
            "lines": lines,
            "ring_seconds": ring_seconds,
            "auto_answer": auto_answer,
        }
        wishes = self.exchange.wishes.of(extension)
        changed = {name: value for name, value in told.items() if value not in (None, getattr(wishes, name))}
        if not changed:
            return
        self.exchange.ledger.append(
            PhoneSettingsChanged(id=uuid7(), at=self.exchange.clock.now(), extension=extension, by=by, **changed)  # type: ignore[arg-type]  # names and values are those above
        )
        self.exchange.wishes.set(extension, wishes.changed(**changed))
