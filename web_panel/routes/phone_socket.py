"""Phones that run in pages: what they are told, and their WebSocket on the panel's own origin, whose messages are the
switchboard's business."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from litestar import WebSocket, get, websocket
from litestar.datastructures import State
from litestar.di import NamedDependency
from litestar.exceptions import WebSocketException

from crm_core.organisation import User
from web_panel.auth import PUBLIC, SIGNED_IN
from web_panel.ports import PanelServices, PhoneSettings
from web_panel.security import check_origin

SUBPROTOCOL = "sip"
NOT_HERE = 4404


class _Socket:
    """A `PhoneSocket` over Litestar's."""

    def __init__(self, socket: WebSocket[User, str, State]) -> None:
        self._socket = socket

    async def accept(self) -> None:
        with _gone():
            await self._socket.accept(subprotocols=SUBPROTOCOL)

    async def receive(self) -> bytes:
        with _gone():
            event = await self._socket.receive()
        if event["type"] != "websocket.receive":
            raise ConnectionResetError("the page is gone")
        return event.get("bytes") or (event.get("text") or "").encode()

    async def send(self, message: bytes) -> None:
        try:
            text = message.decode()
        except UnicodeDecodeError:
            with _gone():
                await self._socket.send_data(message, mode="binary")
        else:
            with _gone():
                await self._socket.send_data(text)

    async def close(self, code: int) -> None:
        with _gone():
            await self._socket.close(code)


@contextmanager
def _gone() -> Iterator[None]:
    """The layers below say in many ways that there is nobody any more."""
    try:
        yield
    except (WebSocketException, RuntimeError, OSError) as error:
        raise ConnectionResetError("the page is gone") from error


@get("/api/phone/server", opt={"rule": SIGNED_IN}, sync_to_thread=False)
def phone_server(services: NamedDependency[PanelServices]) -> PhoneSettings:
    """The organisation's SIP settings: server, proxy, STUN."""
    return services.settings.phone


@websocket("/sip", opt={"rule": PUBLIC, "any_origin": True})
async def phone_socket(socket: WebSocket[User, str, State], services: NamedDependency[PanelServices]) -> None:
    """SIP (RFC 7118). Public, because a phone proves its own password; other sites' pages are refused."""
    door = services.phones
    origin = socket.headers.get("origin", "")
    if door is None or SUBPROTOCOL not in socket.scope["subprotocols"]:
        await socket.close(NOT_HERE)
        return
    if not door.allows(origin):
        check_origin(socket, frozenset())
    client, server = socket.scope["client"], socket.scope["server"]
    peer = (client[0], client[1]) if client else ("", 0)
    local = (server[0], server[1] or 0) if server else ("", 0)
    secure = socket.scope["scheme"] == "wss"
    # RFC 6454 §7.3: browsers name the page's origin, and no other client has one.
    await door.serve(_Socket(socket), peer, local, secure=secure, page=bool(origin))
