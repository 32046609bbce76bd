"""The panel with a real database and with stand-ins for what the core gives it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any, BinaryIO
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx
import msgspec
from argon2 import PasswordHasher
from litestar import Litestar

from callflow.control import Actor, Agent, ControlRefused, Order
from callflow.facts import Fact, ForwardKind
from callflow.line_book import Switch
from callflow.room_facts import SupervisionMode
from callflow.wishes import Wishes
from crm_core import hall, ledger, organisation, seed
from crm_core.database import Pool
from crm_core.organisation import Role, User
from crm_core.outbox import OutboxMessage
from crm_core.projection import project
from crm_core.seed import SeedLine, SeedService, SeedUser
from queue_engine.facts import Will
from recordings.encode import Format
from tests.callflow.flows.office import AROUND
from tests.web_panel.phone_door import EchoDoor
from tests.web_panel.story import BEGIN, named
from web_panel.app import create_app
from web_panel.call_ladder import CallLadder
from web_panel.live import LivePanel, Seed
from web_panel.live_entries import Line, Person
from web_panel.passwords import Passwords
from web_panel.ports import Health, PanelServices, PanelSettings
from web_panel.screen_pop import ScreenPop
from web_panel.wire import ServiceView

PASSWORD = "correct horse"
STRANGER = "203.0.113.7"
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PEOPLE = (
    SeedUser(login="admin", full_name="Адміністратор", role=Role.ADMIN),
    SeedUser(login="supervisor", full_name="Олена Коваль", role=Role.SUPERVISOR, extension="1001", window="1"),
    SeedUser(login="agent", full_name="Іван Мельник", role=Role.AGENT, extension="1002", window="2"),
    SeedUser(login="colleague", full_name="Марта Шевченко", role=Role.AGENT, extension="1003", window="3"),
    SeedUser(login="hall", full_name="Галина Залевська", role=Role.HALL, window="5"),
)
LINES = (SeedLine(number="7000", name="Підтримка", agents=["1002"]),)
SERVICES = (
    SeedService(
        code="consult",
        name={"uk": "Консультація", "en": "Consultation", "ru": "Консультация"},
        prefix="A-",
        slot_minutes=15,
        agents=["agent", "colleague"],
    ),
)


class Clock:
    def __init__(self) -> None:
        self.now = BEGIN

    def __call__(self) -> datetime:
        return self.now

    def pass_by(self, **time: float) -> None:
        self.now += timedelta(**time)


@dataclass
class Control:
    """Notes what it is told to do; refuses when it is given a reason to."""

    done: list[tuple[object, ...]] = field(default_factory=list)
    refuse: str | None = None
    fails: Exception | None = None
    wished: Wishes = field(default_factory=Wishes)

    async def call(self, actor: Actor, number: str, *, follow_up: UUID | None = None) -> UUID:
        self._do("call", actor, number, follow_up)
        return named("the new call")

    async def hang_up(self, actor: Actor, call_id: UUID) -> None:
        self._do("hang_up", actor, call_id)

    async def transfer(self, actor: Actor, call_id: UUID, number: str) -> None:
        self._do("transfer", actor, call_id, number)

    async def consult(self, actor: Actor, call_id: UUID, number: str) -> None:
        self._do("consult", actor, call_id, number)

    async def complete(self, actor: Actor, call_id: UUID) -> None:
        self._do("complete", actor, call_id)

    async def take_back(self, actor: Actor, call_id: UUID) -> None:
        self._do("take_back", actor, call_id)

    async def swap(self, actor: Actor, call_id: UUID) -> None:
        self._do("swap", actor, call_id)

    async def hold(self, actor: Actor, call_id: UUID) -> None:
        self._do("hold", actor, call_id)

    async def resume(self, actor: Actor, call_id: UUID) -> None:
        self._do("resume", actor, call_id)

    async def confer(self, actor: Actor, call_id: UUID) -> None:
        self._do("confer", actor, call_id)

    async def invite(self, actor: Actor, call_id: UUID, number: str) -> None:
        self._do("invite", actor, call_id, number)

    async def supervise(self, actor: Actor, call_id: UUID, mode: SupervisionMode, agent: str | None = None) -> None:
        self._do("supervise", actor, call_id, mode, agent)

    async def stop_supervising(self, actor: Actor, call_id: UUID) -> None:
        self._do("stop_supervising", actor, call_id)

    async def take_over(self, actor: Actor, call_id: UUID) -> None:
        self._do("take_over", actor, call_id)

    async def park(self, actor: Actor, call_id: UUID, orbit: str | None = None) -> None:
        self._do("park", actor, call_id, orbit)

    async def record(self, actor: Actor, call_id: UUID, what: Order) -> None:
        self._do("record", actor, call_id, what)

    async def retrieve(self, actor: Actor, orbit: str) -> UUID:
        self._do("retrieve", actor, orbit)
        return named("the parked call")

    async def pick_up(self, actor: Actor, call_id: UUID | None = None) -> UUID:
        self._do("pick_up", actor, call_id)
        return call_id or named("the ringing call")

    def wishes(self, actor: Actor) -> Wishes:
        if actor.extension is None:
            raise ControlRefused("no_phone")
        return self.wished

    def forward(self, actor: Actor, kind: ForwardKind, number: str) -> None:
        self._do("forward", actor, kind, number)
        self.wished = self.wished.with_forward(kind, number)

    def change_phone(
        self,
        actor: Actor,
        *,
        do_not_disturb: bool | None = None,
        lines: int | None = None,
        ring_seconds: int | None = None,
        auto_answer: bool | None = None,
    ) -> None:
        told = {
            "do_not_disturb": do_not_disturb, "lines": lines, "ring_seconds": ring_seconds, "auto_answer": auto_answer,
        }  # fmt: skip
        changed = {name: value for name, value in told.items() if value is not None}
        self._do("change_phone", actor, changed)
        self.wished = self.wished.changed(**changed)

    def declare(self, actor: Actor, agent: Agent, will: Will, reason: str = "", *, status: str = "") -> None:
        self._do("declare", actor, agent, will, status or reason)

    def move(self, actor: Actor, item_id: UUID, line: str) -> None:
        self._do("move", item_id, line)

    def prioritise(self, actor: Actor, item_id: UUID, points: float) -> None:
        self._do("prioritise", item_id, points)

    def assign(self, actor: Actor, item_id: UUID, agent: str) -> None:
        self._do("assign", item_id, agent)

    def withdraw(self, actor: Actor, item_id: UUID, to: str = "", message: str = "") -> None:
        self._do("withdraw", item_id, to, message)

    def switch(self, actor: Actor, line: str, *, is_open: bool | None = None, message: str | None = None) -> Switch:
        self._do("switch", line, is_open, message)
        return Switch(is_open=is_open is not False, message=message or "")

    def cut_wrap_up(self, actor: Actor, agent: Agent) -> None:
        self._do("cut_wrap_up", actor, agent)

    def prolong_wrap_up(self, actor: Actor, seconds: float) -> None:
        self._do("prolong_wrap_up", actor, seconds)

    def raise_hand(self, actor: Actor) -> None:
        self._do("raise_hand", actor)

    def lower_hand(self, actor: Actor, agent: Agent) -> None:
        self._do("lower_hand", actor, agent)

    def _do(self, *command: object) -> None:
        if self.fails:
            raise self.fails
        if self.refuse:
            raise ControlRefused(self.refuse)
        self.done.append(command)


@dataclass
class Meetings:
    """The same, of conferences."""

    done: list[tuple[object, ...]] = field(default_factory=list)
    refuse: str | None = None

    async def mute(self, actor: Actor, conference: str, call_id: UUID, *, on: bool) -> None:
        self._do("mute" if on else "unmute", actor, conference, call_id)

    async def remove(self, actor: Actor, conference: str, call_id: UUID) -> None:
        self._do("remove", actor, conference, call_id)

    def lock(self, actor: Actor, conference: str, *, on: bool) -> None:
        self._do("lock" if on else "unlock", actor, conference)

    def announce(self, actor: Actor, conference: str, prompt: str, call_id: UUID | None = None) -> None:
        self._do("announce", actor, conference, prompt, call_id)

    async def end(self, actor: Actor, conference: str) -> None:
        self._do("end", actor, conference)

    def _do(self, *command: object) -> None:
        if self.refuse:
            raise ControlRefused(self.refuse)
        self.done.append(command)


@dataclass
class Files:
    exported: list[str] = field(default_factory=list)

    def export(self, file: str, out: BinaryIO, form: Format = "wav") -> None:
        if "missing" in file:
            raise FileNotFoundError(file)
        self.exported.append(file if form == "wav" else f"{file} as {form}")
        out.write(b"RIFF" + bytes(range(96)))


@dataclass
class Ladders:
    """What is kept of each call's signalling."""

    kept: dict[UUID, CallLadder] = field(default_factory=dict)

    async def ladder(self, call_id: UUID) -> CallLadder | None:
        return self.kept.get(call_id)


@dataclass
class House:
    app: Litestar
    services: PanelServices
    live: LivePanel
    control: Control
    meetings: Meetings
    files: Files
    traces: Ladders
    clock: Clock
    users: dict[str, User]
    pop: ScreenPop | None = None

    async def tell(self, *told: Fact | Sequence[Fact]) -> None:
        """Facts as they reach the product: the live panel at once, the ledger and its outbox after."""
        facts = [fact for each in told for fact in ([each] if isinstance(each, Fact) else each)]
        for fact in facts:
            self.live.on_fact(fact)
            if self.pop:
                self.pop.on_fact(fact)
        async with self.services.pool.acquire() as conn, conn.transaction():
            await project(conn, await ledger.write(conn, facts))
        await self.deliver()

    async def deliver(self) -> None:
        """What the outbox would bring to the live panel."""
        async with self.services.pool.acquire() as conn:
            rows = await conn.fetch("DELETE FROM outbox RETURNING id, kind, payload")
        for row in sorted(rows, key=itemgetter("id")):
            message = OutboxMessage(row["id"], row["kind"], msgspec.json.decode(row["payload"]))
            self.live.on_outbox(message)
            if self.pop:
                self.pop.on_outbox(message)

    def visitor(self, *, address: str = STRANGER, **headers: str) -> httpx.AsyncClient:
        """A browser's tab of somebody who has not signed in."""
        app: Any = self.app  # Litestar names the events of ASGI, httpx does not
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(app, client=(address, 40_000)),
            base_url="http://panel.test",
            headers={"Origin": "http://panel.test", **headers},
        )

    async def signed_in(self, login: str, *, address: str = STRANGER) -> httpx.AsyncClient:
        async with self.visitor(address=address) as door:
            answer = await door.post("/api/session", json={"login": login, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        tab = self.visitor(address=address)
        tab.cookies.update(door.cookies)
        return tab


def cookie(tab: httpx.AsyncClient) -> str:
    return "; ".join(f"{name}={value}" for name, value in tab.cookies.items())


async def a_house(pool: Pool, settings: PanelSettings | None = None) -> House:
    password_hash = QUICK.hash(PASSWORD)
    people = [replace(person, password_hash=password_hash) for person in PEOPLE]
    async with pool.acquire() as conn:
        await seed.apply(conn, seed.Seed(users=people, lines=LINES, services=SERVICES))
        users = {user.login: user for user in await organisation.all_users(conn)}
        offered = await hall.services(conn)
    clock, control, meetings, files, traces = Clock(), Control(), Meetings(), Files(), Ladders()
    live = LivePanel(clock, time_zone=ZoneInfo("Europe/Kyiv"))
    live.seed(
        Seed(
            people=[
                Person(user_id=user.id, name=user.full_name, extension=user.extension, window=user.window)
                for user in users.values()
                if user.extension or user.window
            ],
            registered=["1001", "1002", "1003"],
            lines=[Line(number=line.number, name=line.name, agents=tuple(line.agents)) for line in LINES],
            services=[ServiceView(id=service.id, code=service.code, name=dict(service.name)) for service in offered],
        )
    )
    services = PanelServices(
        pool=pool,
        control=control,
        agents=control,
        lines=control,
        meetings=meetings,
        live=live,
        recordings=files,
        traces=traces,
        clock=clock,
        health=lambda: Health(ok=True, parts={"sip": "ok"}),
        metrics=lambda: b"dzvin_calls 0\n",
        phones=EchoDoor(),
        flow_surroundings=AROUND,
        settings=settings or PanelSettings(company="Ромашка", session_check=0.01, trusted=("192.0.2.1",)),
        passwords=Passwords(hasher=QUICK),
    )
    return House(create_app(services), services, live, control, meetings, files, traces, clock, users)
