"""Call flows in the core: the configuration's, those that the data base has published, and what they may name."""

from __future__ import annotations

import wave
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog

from callflow.exchange import Exchange
from callflow.flows import model
from callflow.flows.book import AnyFlow, FlowBook, InPython, NoSuchFunction, Published, function_named
from callflow.flows.checking import Surroundings
from callflow.flows.model import BadFlow
from callflow.ports import Prompts
from callflow.router import DialPlan, Refuse, ToExtension, ToFlow, ToTrunk
from callflow.saying import Language
from crm_core.database import Connection, Pool
from crm_core.outbox import Outbox, OutboxMessage
from crm_core.telephony import flows
from dzvin.config import Config
from dzvin.keeping_up import Keeper, whenever

EVERY = 60.0  # seconds between two looks at what is published, should a message be lost

log = structlog.get_logger("dzvin.flows")


def flow_book(config: Config) -> FlowBook:
    """Before the data base is asked. What cannot be had is logged: the other calls must go on."""
    own: dict[str, AnyFlow] = {}
    for entry in config.flows:
        try:
            if entry.function:
                function = function_named(entry.function)
                own[entry.number] = InPython(function=function, language=Language(entry.language or config.language))
            elif entry.file:
                own[entry.number] = Published(flow=model.read(Path(entry.file).read_bytes()))
        except (NoSuchFunction, BadFlow, OSError) as wrong:
            log.error("a flow of the configuration cannot be had", flow=entry.number, error=str(wrong))
    return FlowBook(own=own, zone=ZoneInfo(config.timezone))


def surroundings(exchange: Exchange) -> Surroundings:
    """What a flow may name in this installation."""
    plan = exchange.plan

    def line(number: str) -> float | None:
        found = plan.lines.get(number)
        return found.max_wait if found is not None else None

    return Surroundings(
        prompt=lambda name: _seconds(exchange.prompts, name),
        line=line,
        is_flow=exchange.flows.__contains__,
        is_dialled=lambda number: isinstance(plan.from_phone(number), ToExtension | ToTrunk),
        is_taken=lambda number: _is_taken(plan, number),
    )


def _is_taken(plan: DialPlan, number: str) -> bool:
    """A flow comes before the outside numbers that look like its own, as a line or a menu does; before codes it must
    not."""
    inside = plan.inside(number)
    if isinstance(inside, Refuse):
        return plan.codes.read(number, plan.extensions) is not None
    return not isinstance(inside, ToFlow)


def fit(own: Mapping[str, AnyFlow], around: Surroundings) -> dict[str, AnyFlow]:
    """Of the configuration's flows those in which nothing hinders. The others are logged: nobody meets them."""
    good = {}
    for number, flow in own.items():
        findings = flows.examine(number, flow.flow, around) if isinstance(flow, Published) else []
        hindering = [finding.sentence(Language.EN) for finding in findings if finding.hinders]
        if hindering:
            log.error("a flow of the configuration cannot be used", flow=number, findings=hindering)
        else:
            good[number] = flow
    return good


def _seconds(prompts: Prompts, name: str) -> float | None:
    path = prompts.path(name)
    return _length(path) if path is not None else None


@cache
def _length(path: Path) -> float:
    """0 for what is no WAV file: what the media worker can play at all is its business."""
    try:
        with wave.open(str(path), "rb") as audio:
            return audio.getnframes() / audio.getframerate()
    except (OSError, EOFError, wave.Error, ZeroDivisionError):
        return 0.0


@dataclass(slots=True)
class FlowKeeper(Keeper):
    """Keeps the book as the data base has it. While that is away the book stays as it is."""

    book: FlowBook

    def on_outbox(self, message: OutboxMessage) -> None:
        if message.kind == flows.FLOW_PUBLISHED:
            self._changed.set()

    async def _read(self, conn: Connection) -> None:
        self.book.publish(await flows.published(conn))

    async def run(self) -> None:
        """Until cancelled."""
        await whenever(self._changed, self.load, what="flows", every=EVERY)


async def kept(pool: Pool, outbox: Outbox, config: Config) -> FlowKeeper:
    keeper = FlowKeeper(pool, flow_book(config))
    outbox.subscribe(keeper.on_outbox)
    await keeper.load()
    return keeper
