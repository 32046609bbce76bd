"""The shell for PUBLISH: what each account's phones say of their user, until it lapses. Not kept over a restart."""

from __future__ import annotations

from collections.abc import Callable

from pbx.endpoint import Endpoint, token
from pbx.net.transport import Flow
from pbx.sip.errors import RemoteProtocolError
from pbx.sip.message import Request
from pbx.sip.pidf import Published
from pbx.sip.publication import Publication, merged, publish
from pbx.sip.reply import reply
from pbx.sip.subscription import Limits


class Publications:
    """`on_change(extension, says)` when what an account says of itself has changed; None: it says nothing any more.

    Accounts bound the table: one entry each, and in it as many publications as `pbx.sip.publication` allows.
    """

    def __init__(
        self, endpoint: Endpoint, on_change: Callable[[str, Published | None], None], *, limits: Limits | None = None
    ) -> None:
        self._endpoint = endpoint
        self._on_change = on_change
        self._limits = limits or Limits()
        self._publications: dict[str, tuple[Publication, ...]] = {}

    def __len__(self) -> int:
        return len(self._publications)

    def says(self, extension: str) -> Published | None:
        return merged(self._publications.get(extension, ()), self._endpoint.timers.now())

    def publish(self, request: Request, flow: Flow, user: str) -> None:
        """Answer an authenticated PUBLISH. Raises RemoteProtocolError and Overloaded."""
        if request.request_uri.user != user:
            raise RemoteProtocolError("another's presence", 403)
        accepted = publish(
            self._publications.get(user, ()), request, now=self._endpoint.timers.now(), tag=token(), limits=self._limits
        )
        server = self._endpoint.transactions.accept(request, flow)
        server.respond(reply(request, 200, headers=accepted.headers))
        self._keep(user, accepted.publications)

    def _keep(self, extension: str, publications: tuple[Publication, ...]) -> None:
        before = merged(self._publications.get(extension, ()), float("-inf"))
        timers = self._endpoint.timers
        if publications:
            self._publications[extension] = publications
            first = min(publication.expires_at for publication in publications)
            timers.start((self, extension), max(0.0, first - timers.now()), lambda: self._lapse(extension))
        else:
            self._publications.pop(extension, None)
            timers.stop((self, extension))
        says = merged(publications, float("-inf"))
        if says != before:
            self._on_change(extension, says)

    def _lapse(self, extension: str) -> None:
        now = self._endpoint.timers.now()
        known = self._publications.get(extension, ())
        self._keep(extension, tuple(publication for publication in known if publication.expires_at > now))
