"""Stands for the switchboard's door for phones in pages: it says back what it hears."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field

from web_panel.ports import PhoneSocket

LISTED = "https://crm.example.com"


@dataclass
class EchoDoor:
    served: list[tuple[tuple[str, int], tuple[str, int], bool]] = field(default_factory=list)
    over: int = 0

    def allows(self, origin: str) -> bool:
        return origin == LISTED

    async def serve(
        self, socket: PhoneSocket, peer: tuple[str, int], local: tuple[str, int], *, secure: bool, page: bool
    ) -> None:
        self.served.append((peer, local, secure))
        await socket.accept()
        await socket.send(b"{}")
        with suppress(ConnectionError):
            while True:
                await socket.send(await socket.receive())
        self.over += 1
