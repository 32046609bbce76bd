"""The websockets: the desk's, for signed-in people, and the hall board's, for everybody."""

from __future__ import annotations

import asyncio

import msgspec
from litestar import WebSocket, websocket
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.exceptions import WebSocketDisconnect

from crm_core.access import Right, allowed
from crm_core.organisation import User
from web_panel.auth import PUBLIC, address_of, guarding_of, needs, token_of
from web_panel.database_away import DatabaseAway
from web_panel.live import Subscription
from web_panel.live_views import Sight
from web_panel.ports import PanelServices
from web_panel.sockets import Sockets, TooManySockets
from web_panel.wire import Ping, Pong, Resync, decode_client, encode

SESSION_OVER = 4401
SIGHT_CHANGED = 4409
BAD_MESSAGE = 4400
TOO_MANY = 4429
RESYNC_PAUSE = 0.2  # seconds that a socket is not read after a snapshot was made for it: making one costs


StaffSocket = WebSocket[User, str, State]


class _Over(Exception):
    """The socket's work is done; its tasks end."""


@websocket("/api/live", opt={"rule": needs(Right.SEE_LIVE_PANEL, Right.SEE_HALL)})
async def live(
    socket: StaffSocket, services: NamedDependency[PanelServices], staff_sockets: NamedDependency[Sockets]
) -> None:
    """What this person may see, live. The contract is `web_panel.wire`."""
    user = socket.user
    sight = sight_of(user)
    await socket.accept()
    try:
        with staff_sockets.place(user.id), services.live.subscribe(sight) as subscription:
            await _serve(socket, subscription, services, watch=sight)
    except TooManySockets:
        await socket.close(TOO_MANY)


@websocket("/api/public/board/live", opt={"rule": PUBLIC, "any_origin": True})
async def board(
    socket: StaffSocket, services: NamedDependency[PanelServices], board_sockets: NamedDependency[Sockets]
) -> None:
    """The hall board: numbers and windows, nothing else (R-PANEL-16)."""
    await socket.accept()
    try:
        with board_sockets.place(address_of(socket)), services.live.subscribe_board() as subscription:
            await _serve(socket, subscription, services, watch=None)
    except TooManySockets:
        await socket.close(TOO_MANY)


def sight_of(user: User) -> Sight:
    return Sight(
        user_id=user.id,
        everything=allowed(user, Right.SUPERVISE),
        statuses=user.sees_statuses and allowed(user, Right.SEE_LIVE_PANEL),
        phones=allowed(user, Right.SEE_LIVE_PANEL),
        hall=allowed(user, Right.SEE_HALL),
        user=user,
    )


async def _serve(
    socket: StaffSocket, subscription: Subscription, services: PanelServices, *, watch: Sight | None
) -> None:
    try:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(_send(socket, subscription))
            tasks.create_task(_receive(socket, subscription, services))
            if watch is not None:
                tasks.create_task(_watch_session(socket, watch, services.settings.session_check))
    except* (_Over, WebSocketDisconnect):
        pass


async def _send(socket: StaffSocket, subscription: Subscription) -> None:
    async for message in subscription:
        await socket.send_text(message)
    raise _Over


async def _receive(socket: StaffSocket, subscription: Subscription, services: PanelServices) -> None:
    while True:
        data = await socket.receive_data("text")
        try:
            message = decode_client.decode(data[:4096])
        except msgspec.DecodeError:
            await socket.close(BAD_MESSAGE)
            raise _Over from None
        match message:
            case Resync():
                subscription.resync()
                await asyncio.sleep(RESYNC_PAUSE)
            case Ping():
                await socket.send_text(encode(Pong(at=services.clock())))


async def _watch_session(socket: StaffSocket, sight: Sight, every: float) -> None:
    """Cut the socket when its session is over or its rights have changed. With the database away nobody is cut."""
    sessions, token = guarding_of(socket).sessions, token_of(socket)
    while True:
        await asyncio.sleep(every)
        try:
            user = await sessions.user(token)
        except DatabaseAway:
            continue
        if user is None:
            await socket.close(SESSION_OVER)
            raise _Over
        if sight_of(user) != sight:
            await socket.close(SIGHT_CHANGED)
            raise _Over
