"""What handlers are given: a connection of the pool, the signed-in person, the services."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from typing import TypeAlias

from litestar import Request
from litestar.datastructures import State
from litestar.di import Provide

from callflow.control import Actor
from crm_core.access import Right, allowed
from crm_core.database import Connection
from crm_core.organisation import User
from web_panel.ports import PanelServices

ACQUIRE_WITHIN = 3.0  # seconds that a request waits for a connection

UserRequest: TypeAlias = Request[User, str | None, State]


async def provide_services(state: State) -> PanelServices:
    services: PanelServices = state["services"]
    return services


async def provide_conn(state: State) -> AsyncGenerator[Connection, None]:
    services: PanelServices = state["services"]
    async with services.pool.acquire(timeout=ACQUIRE_WITHIN) as conn:
        yield conn


async def provide_user(request: UserRequest) -> User:
    """`auth.enforce` has put the person there."""
    return request.user


async def provide_actor(request: UserRequest) -> Actor:
    user = request.user
    return Actor(user.id, user.extension, allowed(user, Right.SUPERVISE))


DEPENDENCIES: Mapping[str, Provide] = {
    "services": Provide(provide_services),
    "conn": Provide(provide_conn),
    "user": Provide(provide_user),
    "actor": Provide(provide_actor),
}
