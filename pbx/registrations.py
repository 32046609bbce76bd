"""The registrar's shell: bindings by flow, their expiry, phones online and offline, memory over a restart.

Deadlines are monotonic, so a step of the wall clock neither ends nor prolongs a registration.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from pbx.net.transport import Flow
from pbx.ports import BindingStore
from pbx.sip.message import Request
from pbx.sip.registrar import Binding, Limits, Registered, register
from pbx.timers import Timers

MAX_BINDINGS = 100_000


class Registrations:
    """The location service of one domain. Address of record = user part."""

    def __init__(
        self,
        timers: Timers,
        store: BindingStore,
        limits: Limits,
        *,
        on_online: Callable[[str, str], None],
        on_offline: Callable[[str, str], None],
        on_flow: Callable[[Flow, bool], None] = lambda flow, known: None,
    ) -> None:
        """`on_flow(flow, known)`: a phone registered at that flow, or is no longer there; balanced."""
        self._timers = timers
        self._store = store
        self._limits = limits
        self._bindings: dict[str, tuple[Binding, ...]] = {}
        self._on_online = on_online
        self._on_offline = on_offline
        self._on_flow = on_flow

    def load(self, bindings: Mapping[str, tuple[Binding, ...]]) -> None:
        """Take over what an earlier core knew. Nobody is told that these phones came online: they never left.
        Those that lapsed meanwhile are told as gone."""
        now = self._timers.now()
        for aor, known in bindings.items():
            live = tuple(binding for binding in known if binding.expires_at > now)
            if live:
                self._bindings[aor] = live
                self._tell_flows((), live)
                self._arm(aor)
            elif known:
                self._store.save(aor, ())
                self._on_offline(aor, "expired")

    def handle(self, aor: str, request: Request, flow: Flow) -> Registered:
        """Apply one authenticated REGISTER. Raises RemoteProtocolError with the status to answer."""
        now = self._timers.now()
        before = self.bindings(aor)
        registered = register(before, request, now=now, source=str(flow), limits=self._limits)
        if registered.bindings != before:
            newest = registered.added[0].user_agent if registered.added else ""
            self._replace(aor, before, registered.bindings, user_agent=newest)
        return registered

    def bindings(self, aor: str) -> tuple[Binding, ...]:
        """Live bindings, the preferred first."""
        now = self._timers.now()
        return tuple(binding for binding in self._bindings.get(aor, ()) if binding.expires_at > now)

    def is_at(self, aor: str, flow: Flow) -> bool:
        """Whether a phone of that address of record is registered at this flow."""
        received = str(flow)
        return any(binding.received == received for binding in self.bindings(aor))

    def online(self) -> tuple[str, ...]:
        return tuple(self._bindings)

    def _replace(
        self,
        aor: str,
        before: tuple[Binding, ...],
        after: tuple[Binding, ...],
        *,
        user_agent: str = "",
        reason: str = "",
    ) -> None:
        self._tell_flows(self._bindings.get(aor, ()), after)
        if after:
            self._bindings[aor] = after
            self._arm(aor)
        else:
            self._bindings.pop(aor, None)
            self._timers.stop(("binding", aor))
        self._store.save(aor, after)
        if after and not before:
            self._on_online(aor, user_agent)
        elif before and not after:
            self._on_offline(aor, reason or "removed")

    def _tell_flows(self, before: tuple[Binding, ...], after: tuple[Binding, ...]) -> None:
        for binding in after:
            self._on_flow(Flow.parse(binding.received), True)
        for binding in before:
            self._on_flow(Flow.parse(binding.received), False)

    def _arm(self, aor: str) -> None:
        first = min(binding.expires_at for binding in self._bindings[aor])
        self._timers.start(("binding", aor), max(0.0, first - self._timers.now()), lambda: self._lapse(aor))

    def _lapse(self, aor: str) -> None:
        # R-PHONE-74: a registration that is not renewed in time lapses and the user shows as offline.
        before = self._bindings.get(aor, ())
        after = tuple(binding for binding in before if binding.expires_at > self._timers.now())
        if after == before:
            self._arm(aor)  # the loop woke a hair early
        else:
            self._replace(aor, before, after, reason="expired")
