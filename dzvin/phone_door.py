"""Lets phones in pages through the panel's web server to the switchboard."""

from __future__ import annotations

from dzvin.origins import Origins
from pbx.net.connections import NoRoom
from pbx.net.transports import Transports
from web_panel.ports import PhoneSocket

TOO_MANY = 4429


class PhoneDoor:
    """A `web_panel.ports.PhoneDoor`."""

    def __init__(self, transports: Transports, origins: Origins) -> None:
        self._transports = transports
        self._origins = origins

    def allows(self, origin: str) -> bool:
        return self._origins(origin)

    async def serve(
        self, socket: PhoneSocket, peer: tuple[str, int], local: tuple[str, int], *, secure: bool, page: bool
    ) -> None:
        try:
            await self._transports.serve_websocket(socket, peer, local, secure=secure, page=page)
        except NoRoom:
            await socket.close(TOO_MANY)
