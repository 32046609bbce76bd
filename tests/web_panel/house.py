"""The panel with a real database and with stand-ins for what the core gives it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, BinaryIO
from uuid import UUID
from zoneinfo import ZoneInfo

import httpx
from argon2 import PasswordHasher
from litestar import Litestar

from callflow.control import Actor, ControlRefused
from crm_core import organisation
from crm_core.database import Pool
from crm_core.organisation import NewUser, Role, User
from queue_engine.facts import Will
from tests.web_panel.story import BEGIN, named
from web_panel.app import create_app
from web_panel.live import LivePanel, Seed
from web_panel.live_entries import Person
from web_panel.passwords import Passwords
from web_panel.ports import Health, PanelServices, PanelSettings

PASSWORD = "correct horse"
STRANGER = "203.0.113.7"
QUICK = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
PEOPLE = {
    "admin": NewUser(login="admin", full_name="Адміністратор", role=Role.ADMIN),
    "supervisor": NewUser(
        login="supervisor", full_name="Олена Коваль", role=Role.SUPERVISOR, extension="1001", window="1"
    ),
    "agent": NewUser(login="agent", full_name="Іван Мельник", role=Role.AGENT, extension="1002", window="2"),
    "colleague": NewUser(login="colleague", full_name="Марта Шевченко", role=Role.AGENT, extension="1003"),
    "hall": NewUser(login="hall", full_name="Галина Залевська", role=Role.HALL, window="5"),
}


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

    async def call(self, actor: Actor, number: str, *, follow_up: UUID | None = None) -> UUID:
        self._do("call", actor, number, follow_up)
        return named("the new call")

    async def hang_up(self, actor: Actor, call_id: UUID) -> None:
        self._do("hang_up", actor, call_id)

    async def declare(self, actor: Actor, will: Will, reason: str = "") -> None:
        self._do("declare", actor, will, reason)

    def _do(self, *command: object) -> None:
        if self.refuse:
            raise ControlRefused(self.refuse)
        self.done.append(command)


@dataclass
class Files:
    exported: list[str] = field(default_factory=list)

    def export_wav(self, file: str, out: BinaryIO) -> None:
        if "missing" in file:
            raise FileNotFoundError(file)
        self.exported.append(file)
        out.write(b"RIFF" + bytes(range(96)))


@dataclass
class House:
    app: Litestar
    services: PanelServices
    live: LivePanel
    control: Control
    files: Files
    clock: Clock
    users: dict[str, User]

    def visitor(self, *, address: str = STRANGER, **headers: str) -> httpx.AsyncClient:
        """A browser's tab of somebody who has not signed in."""
        app: Any = self.app  # Litestar names the events of ASGI, httpx does not
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(app, client=(address, 40_000)),
            base_url="http://panel.test",
            headers={"Origin": "http://panel.test", **headers},
        )

    async def signed_in(self, login: str, *, address: str = STRANGER) -> httpx.AsyncClient:
        tab = self.visitor(address=address)
        answer = await tab.post("/api/session", json={"login": login, "password": PASSWORD})
        assert answer.status_code == 200, answer.text
        return tab


def cookie(tab: httpx.AsyncClient) -> str:
    return "; ".join(f"{name}={value}" for name, value in tab.cookies.items())


async def a_house(pool: Pool, settings: PanelSettings | None = None) -> House:
    users: dict[str, User] = {}
    password_hash = QUICK.hash(PASSWORD)
    async with pool.acquire() as conn:
        for login, new in PEOPLE.items():
            hashed = NewUser(
                login=login,
                full_name=new.full_name,
                role=new.role,
                extension=new.extension,
                window=new.window,
                password_hash=password_hash,
            )
            await organisation.create(conn, hashed)
        users = {user.login: user for user in await organisation.all_users(conn)}
    clock, control, files = Clock(), Control(), Files()
    live = LivePanel(clock, time_zone=ZoneInfo("Europe/Kyiv"))
    live.seed(
        Seed(
            people=[
                Person(user_id=user.id, name=user.full_name, extension=user.extension, window=user.window)
                for user in users.values()
                if user.extension or user.window
            ],
            registered=["1001", "1002", "1003"],
        )
    )
    services = PanelServices(
        pool=pool,
        control=control,
        live=live,
        recordings=files,
        clock=clock,
        health=lambda: Health(ok=True, parts={"sip": "ok"}),
        metrics=lambda: b"dzvin_calls 0\n",
        settings=settings or PanelSettings(company="Ромашка", session_check=0.01, trusted=("192.0.2.1",)),
        passwords=Passwords(hasher=QUICK),
    )
    return House(create_app(services), services, live, control, files, clock, users)
