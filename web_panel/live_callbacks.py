"""Callbacks that are owed, as the live panel shows them among those who wait in a line. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from heapq import nsmallest
from uuid import UUID

from callflow.callback_facts import CallbackBegun, CallbackBroken, CallbackKept, CallbackPromised, CallbackTried
from callflow.line_orders import WaitOrder, WaitOrdered
from callflow.promises import MOST_PROMISED
from web_panel.live_calls import LiveCall, Party
from web_panel.live_lines import Standing

CallbackNews = CallbackPromised | CallbackBegun | CallbackTried | CallbackKept | CallbackBroken


@dataclass(slots=True, kw_only=True)
class Owed:
    """`since`: when its caller joined the line, by which it keeps the place. `calling`: agent or party is called now.
    `again_at`: not before then."""

    id: UUID
    line: str
    party: Party
    since: datetime
    tries: int = 0
    again_at: datetime | None = None
    calling: bool = False
    standing: Standing = field(default_factory=Standing)


@dataclass(slots=True)
class LiveCallbacks:
    _owed: dict[UUID, Owed] = field(default_factory=dict)
    _by_line: dict[str, dict[UUID, Owed]] = field(default_factory=dict)

    def know(self, owed: Iterable[Owed]) -> None:
        """Those of an earlier core; what was heard of since stays as it is."""
        for each in owed:
            if each.id not in self._owed:
                self._add(each)

    def of_line(self, line: str, most: int) -> list[Owed]:
        """The first of them, in the order of their places."""
        return nsmallest(most, self._by_line.get(line, {}).values(), key=lambda owed: (owed.since, owed.id))

    def count(self, line: str) -> int:
        return len(self._by_line.get(line, ()))

    def hears(self, news: CallbackNews, parties: dict[UUID, Party], calls: Mapping[UUID, LiveCall]) -> Iterator[str]:
        """The line where it is shown otherwise now."""
        if isinstance(news, CallbackPromised):
            party = _known(parties.pop(news.party, Party()), calls.get(news.call_id))
            self._add(Owed(id=news.promise, line=news.line, party=party, since=news.joined_at))
        owed = self._owed.get(news.promise)
        if owed is None:
            return
        match news:
            case CallbackBegun():
                owed.calling = True
            case CallbackTried():
                owed.calling, owed.tries, owed.again_at = False, news.tries, news.again_at
            case CallbackKept() | CallbackBroken():
                self._remove(owed)
            case _:
                pass
        yield owed.line

    def obeys(self, order: WaitOrdered) -> Iterator[str]:
        """A supervisor's word about one of them; the lines that show it otherwise."""
        owed = self._owed.get(order.call_id)
        if owed is None:
            return
        yield owed.line
        owed.standing = owed.standing.after(order)
        if order.order is WaitOrder.MOVED:
            self._remove(owed)
            owed.line = order.to
            self._add(owed)
            yield owed.line

    def _add(self, owed: Owed) -> None:
        """At the bound, which is the switchboard's too, the oldest is shown no more."""
        while len(self._owed) >= MOST_PROMISED:
            self._remove(next(iter(self._owed.values())))
        self._owed[owed.id] = owed
        self._by_line.setdefault(owed.line, {})[owed.id] = owed

    def _remove(self, owed: Owed) -> None:
        self._owed.pop(owed.id, None)
        self._by_line.get(owed.line, {}).pop(owed.id, None)


def _known(party: Party, call: LiveCall | None) -> Party:
    """Who is called back at the own number is the client that called."""
    if call is not None and party.e164 is not None and party.e164 == call.party.e164:
        party.client_id, party.client_name = call.party.client_id, call.party.client_name
        party.name = party.name or call.party.name
    return party
