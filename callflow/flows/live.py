"""A flow with somebody on the telephone: what the verbs of `Visit` do to a call."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, NoReturn
from zoneinfo import ZoneInfo

import msgspec
import structlog
from uuid_utils.compat import uuid7

from callflow import facts
from callflow.call_recording import OUTSIDE, file_away
from callflow.facts import EndedBy, Outcome
from callflow.flow_facts import FlowEntered, FlowNodePassed
from callflow.flows.calendar import Calendar, Open
from callflow.flows.model import Spoken
from callflow.flows.speech import spoken
from callflow.flows.visit import BUSY, TIMEOUT, UNANSWERED, WRONG, Over, Visit
from callflow.saying import Currency, Language
from callflow.side import Side
from callflow.stages import ABANDONED, PROMISED, Result
from callflow.waiting import first_of
from pbx.inbound_leg import InboundLeg
from pbx.leg import Leg
from pbx.media.messages import MAX_FILES

if TYPE_CHECKING:
    from callflow.search import Search

log = structlog.get_logger("callflow.flows")

MOST_FLOWS = 10  # through which one call is handed on
MOST_TOLD = 100  # nodes of one call
LARGEST_ANSWER = 64 * 1024  # bytes, of a webhook
DONE, ACCEPT = "#", "1"
KEPT_FOR = replace(PROMISED, by=EndedBy.SYSTEM)
NOBODY = "nobody"  # the prompt for whom our own fault ends the call


async def visit_flow(search: Search, number: str) -> Side | Result:
    """Until somebody answers, or the flow or the caller ends it. A flow that fails says that nobody is there."""
    visit = LiveVisit(search, number)
    for _ in range(MOST_FLOWS):
        flow = search.call.exchange.flows.get(visit.number)
        if flow is None:  # withdrawn since somebody led there
            return Result(Outcome.UNKNOWN_NUMBER, status=404) if visit.number == number else await visit.apologise()
        visit.begins(flow.language)
        search.call.tell(FlowEntered, flow=visit.number, version=flow.version)
        try:
            await flow.run(visit)
        except Over:
            pass
        except Exception:
            log.exception("a flow failed", call_id=str(search.call.call_id), flow=visit.number)
            return await visit.apologise()
        if visit.leads_to is None:
            return visit.outcome
        visit.number = visit.leads_to
    log.error("flows lead to each other", call_id=str(search.call.call_id), flow=number)
    return await visit.apologise()


class LiveVisit(Visit):
    """`found`: what the visit comes to. `leads_to`: the flow to which it is handed on."""

    def __init__(self, search: Search, number: str) -> None:
        waiting = search.waiting
        arrival = waiting.leg.arrival if isinstance(waiting.leg, InboundLeg) else None
        given = {"caller": waiting.shown.number, "dialled": arrival.dialled if arrival is not None else ""}
        super().__init__(number, given, Language.UK)
        self.found: Side | Result = Result(Outcome.NO_ANSWER, EndedBy.SYSTEM)
        self.leads_to: str | None = None
        self._search = search
        self._call = search.call
        self._exchange = search.call.exchange
        self._ahead: list[str] = []  # keys that were pressed before anybody asked
        self._told = 0
        self._recorded: bool | None = None

    @property
    def outcome(self) -> Side | Result:
        """Who is called back was not missed, however the flow ends."""
        return KEPT_FOR if self._call.promised and not isinstance(self.found, Side) else self.found

    def begins(self, language: Language) -> None:
        self.language, self.time_zone, self.leads_to = language, "", None

    def enters(self, node: str) -> None:
        if self._leg.is_over:
            self._over(ABANDONED)

    def leaves(self, node: str, by: str) -> None:
        self._told += 1
        if self._told <= MOST_TOLD:
            self._call.tell(FlowNodePassed, flow=self.number, node=node, exit=by)

    async def apologise(self) -> Result:
        try:
            await self.play(NOBODY)
        except Over:
            return ABANDONED
        return Result(Outcome.FAILED, status=500)

    # ---- what is heard ---------------------------------------------------------------------------------------------

    async def answer(self) -> None:
        if isinstance(self._leg, InboundLeg):
            self._leg.answer()

    async def play(self, *prompts: str, barge: bool = True) -> None:
        await self._hear(map(self._localised, prompts), barge=barge)

    async def say(self, what: Spoken, value: str, currency: Currency = Currency.UAH) -> None:
        if what is Spoken.TIME and not value:
            value = self._exchange.clock.now().astimezone(self._zone).strftime("%H:%M")
        await self._hear(spoken(what, value, currency, self.language))

    async def _hear(self, names: Iterable[str], *, barge: bool = True) -> None:
        """Keys that were pressed already are an answer: who knows the way need not listen."""
        await self.answer()
        paths = [str(path) for name in names if (path := self._exchange.prompts.path(name)) is not None]
        for first in range(0, len(paths), MAX_FILES):
            if self._ahead and barge:
                break
            await self._play(paths[first : first + MAX_FILES], barge=barge)
        self._present()

    async def _play(self, files: Sequence[str], *, barge: bool) -> None:
        leg = self._leg
        if leg.media is None or leg.is_over:
            return
        playback = leg.media.play(files)
        if not barge:
            await first_of(playback.ended, leg.ended)
            return
        pressed = asyncio.create_task(leg.digits.get())
        try:
            await first_of(pressed, leg.ended, playback.ended)
        finally:
            pressed.cancel()
            if not playback.ended.done():
                leg.media.stop_playing()
        if pressed.done():
            self._ahead.append(pressed.result())

    def _localised(self, name: str) -> str:
        own = f"{self.language}/{name}"
        return name if "/" in name or self._exchange.prompts.path(own) is None else own

    # ---- what is pressed -------------------------------------------------------------------------------------------

    async def menu(
        self, prompts: Sequence[str], keys: Collection[str], *, seconds: float = 5.0, attempts: int = 3
    ) -> str:
        came_to = TIMEOUT
        for _ in range(attempts):
            await self.play(*prompts)
            key = await self._key(seconds)
            if key is not None and key in keys:
                return key
            came_to = TIMEOUT if key is None else WRONG
        return came_to

    async def gather(
        self,
        prompts: Sequence[str],
        *,
        least: int = 1,
        most: int = 32,
        seconds: float = 5.0,
        attempts: int = 2,
    ) -> str:
        for _ in range(attempts):
            await self.play(*prompts)
            digits = ""
            while len(digits) < most:
                key = await self._key(seconds)
                if key is None or key == DONE:
                    break
                digits += key if key.isdigit() else ""
            if len(digits) >= least:
                return digits
        return ""

    async def _key(self, seconds: float) -> str | None:
        await self.answer()
        if self._ahead:
            return self._ahead.pop(0)
        leg = self._leg
        pressed = asyncio.create_task(leg.digits.get())
        try:
            await first_of(pressed, leg.ended, timeout=seconds)
        finally:
            pressed.cancel()
        self._present()
        return pressed.result() if pressed.done() else None

    def _forget_keys(self) -> None:
        self._ahead.clear()
        while not self._leg.digits.empty():
            self._leg.digits.get_nowait()

    # ---- where it leads --------------------------------------------------------------------------------------------

    async def enqueue(self, line: str) -> str:
        return self._came_to(await self._search.enqueue(line))

    async def dial(self, number: str, *, seconds: float = 30.0) -> str:
        return self._came_to(await self._search.dial(number, seconds))

    def _came_to(self, found: Side | Result) -> str:
        if isinstance(found, Side):
            if self._recorded is not None:
                self._call.recording.automatic = self._recorded
            self._over(found)
        self._present()
        if (media := self._leg.media) is not None:
            media.stop_playing()
        self._forget_keys()
        return BUSY if found.outcome is Outcome.BUSY else UNANSWERED

    async def transfer(self, flow: str) -> NoReturn:
        self.leads_to = flow
        raise Over

    async def hangup(self) -> NoReturn:
        raise Over

    # ---- what is kept ----------------------------------------------------------------------------------------------

    async def voicemail(self, prompts: Sequence[str], *, seconds: float = 120.0) -> None:
        await self.play(*prompts)
        self._forget_keys()
        await self._hear(["tones/done"], barge=False)
        media, call, exchange = self._leg.media, self._call, self._exchange
        if media is None:
            return
        recording_id = uuid7()
        path = exchange.recordings.relative_path(recording_id, exchange.clock.now())
        call.tell(facts.RecordingStarted, recording=recording_id, file=path, by=None)
        recording = media.record(recording_id, None, path, (self._search.waiting.extension or OUTSIDE, ""))
        try:
            await self._until_done(seconds)
        finally:
            call.chore(file_away(recording, exchange.recordings, call.tell))

    async def _until_done(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        while (left := deadline - loop.time()) > 0:
            if await self._key(left) == DONE:
                return

    async def callback(self, prompts: Sequence[str], *, seconds: float = 5.0, line: str = "") -> bool:
        await self.play(*prompts)
        if await self._key(seconds) != ACCEPT:
            return False
        promised = not line or await self._search.promise(line)
        self._present()
        return promised

    async def record(self, on: bool) -> None:
        self._recorded = on

    # ---- the world -------------------------------------------------------------------------------------------------

    async def hours(self, calendar: Calendar) -> Open:
        return calendar.at(self._exchange.clock.now(), self._zone)

    async def webhook(self, url: str, body: Mapping[str, str], *, seconds: float = 3.0) -> Mapping[str, str] | None:
        if self._exchange.webhooks is None:
            return None
        answer = await self._exchange.webhooks.post(url, msgspec.json.encode(body), seconds)
        self._present()
        return fields(answer) if answer is not None else None

    @property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone) if self.time_zone else self._exchange.flows.zone

    @property
    def _leg(self) -> Leg:
        return self._search.waiting.leg

    def _present(self) -> None:
        if self._leg.is_over:
            self._over(ABANDONED)

    def _over(self, found: Side | Result) -> NoReturn:
        self.found = found
        raise Over


def fields(answer: bytes) -> Mapping[str, str] | None:
    """Of a JSON object, as texts; what is an object or an array itself is left out. None: it is no object."""
    if len(answer) > LARGEST_ANSWER:
        return None
    try:
        read = msgspec.json.decode(answer, type=dict[str, object])
    except (msgspec.DecodeError, RecursionError):
        return None
    return {name: text(value) for name, value in read.items() if not isinstance(value, dict | list)}


def text(value: object) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case _:
            return str(value)[:500]
