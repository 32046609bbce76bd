"""The lines in the core: the configuration's, and what people have made of them since."""

from __future__ import annotations

from dataclasses import dataclass

from callflow.exchange import Exchange
from callflow.line_book import LineBook
from callflow.line_rules import Around
from callflow.line_settings import engine_line
from callflow.router import Refuse
from crm_core import telephony
from crm_core.database import Connection, Pool
from crm_core.outbox import Outbox, OutboxMessage
from crm_core.telephony import line_changes
from dzvin import switchboard
from dzvin.config import Config
from dzvin.keeping_up import Keeper, whenever
from queue_engine.dispatcher import Dispatcher
from queue_engine.strategy import STRATEGIES

EVERY = 60.0  # seconds between two looks at what people have changed, should a message be lost


async def line_book(pool: Pool, config: Config) -> LineBook:
    """As people left them. What the spool still holds of the core before has to be written by then."""
    book = switchboard.line_book(config)
    async with pool.acquire() as conn:
        book.switches.update(await telephony.line_switches(conn))
        lines, skills = await line_changes.changed_lines(conn)
    book.keep(lines)
    book.keep_skills(skills)
    return book


def begin(dispatcher: Dispatcher, book: LineBook) -> None:
    """What people have made of the configuration's lines, told to an engine that knows only these."""
    for number in book.kept:
        dispatcher.change_line(engine_line(number, book.line(number).settings, book.defaults))
    for extension in sorted(book.own_skills.keys() | book.kept_skills.keys()):
        dispatcher.skilled(extension, book.skills(extension).skills)
    for number, switch in book.switches.items():
        if number in book:
            dispatcher.open_line(number, is_open=switch.is_open)


def around(exchange: Exchange) -> Around:
    """What a line may name in this installation. A strategy of one's own is code: only those that the configuration
    names are loaded."""
    plan, book = exchange.plan, exchange.lines

    def strategy(name: str) -> str:
        return "" if name in STRATEGIES or name in book.strategies else f'no line of the configuration names "{name}"'

    def is_free(number: str) -> bool:
        return isinstance(plan.inside(number), Refuse) and plan.codes.read(number, plan.extensions) is None

    return Around(
        is_extension=lambda number: number in plan.extensions,
        is_target=lambda number: not isinstance(plan.inside(number), Refuse),
        strategy=strategy,
        is_free=is_free,
    )


@dataclass(slots=True)
class LineKeeper(Keeper):
    """Keeps the book, and the queue engine, as the data base has the lines. While that is away all stays as it is."""

    book: LineBook
    dispatcher: Dispatcher

    def on_outbox(self, message: OutboxMessage) -> None:
        if message.kind in (line_changes.LINE_CHANGED, line_changes.SKILLS_CHANGED):
            self._changed.set()

    async def _read(self, conn: Connection) -> None:
        lines, skills = await line_changes.changed_lines(conn)
        for number in self.book.keep(lines):
            self.dispatcher.change_line(engine_line(number, self.book.line(number).settings, self.book.defaults))
        for extension in self.book.keep_skills(skills):
            self.dispatcher.skilled(extension, self.book.skills(extension).skills)

    async def run(self) -> None:
        """Until cancelled."""
        await whenever(self._changed, self.load, what="lines", every=EVERY)


def kept(pool: Pool, outbox: Outbox, book: LineBook, dispatcher: Dispatcher) -> LineKeeper:
    """What was changed since the book was read is seen at once."""
    keeper = LineKeeper(pool, book, dispatcher)
    outbox.subscribe(keeper.on_outbox)
    keeper.on_outbox(OutboxMessage(0, line_changes.LINE_CHANGED, {}))
    return keeper
