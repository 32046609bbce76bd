"""The registrar's shell: bindings by flow, their expiry, phones online and offline, memory over a restart.

Deadlines are monotonic, so a step of the wall clock neither ends nor prolongs a registration.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import replace

from pbx.net.transport import Flow
from pbx.ports import BindingStore
from pbx.sip.message import Request
from pbx.sip.registrar import Binding, Limits, Registered, register
from pbx.sip.uri import SipUri
from pbx.timers import Timers

MAX_BINDINGS = 100_000
MISSED_FOR = 5.0
"""Seconds after which a phone that closed its connection, but may take one, is looked for at its contact."""
MAX_LEFT = 10_000
"""Connections that phones have left, remembered for the calls that began on them. The oldest is forgotten."""


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
        look_for: Callable[[Flow], None] = lambda _: None,
    ) -> None:
        """`on_flow(flow, known)`: a phone registered at that flow, or is no longer there; balanced. `look_for`: open a
        connection there; `unreachable` is called when it cannot be had."""
        self._timers = timers
        self._store = store
        self._limits = limits
        self._bindings: dict[str, tuple[Binding, ...]] = {}
        self._on_stream: dict[str, set[str]] = {}  # connections and the addresses of record that are reached on them
        self._left: OrderedDict[Flow, tuple[str, str]] = OrderedDict()
        self._on_online = on_online
        self._on_offline = on_offline
        self._on_flow = on_flow
        self._look_for = look_for

    def load(self, bindings: Mapping[str, tuple[Binding, ...]]) -> None:
        """Take over what an earlier core knew. Nobody is told that these phones came online: they never left.
        Those that lapsed meanwhile, and those whose connection ended with that core, are told as gone; the latter can
        be followed when they come back."""
        now = self._timers.now()
        for aor, known in bindings.items():
            current = tuple(binding for binding in known if binding.expires_at > now)
            live = tuple(binding for binding in current if not _is_stream(binding))
            if live:
                self._bindings[aor] = live
                self._tell_flows((), live)
                self._arm(aor)
            for binding in current:
                if _is_stream(binding):
                    self._leave(Flow.parse(binding.received), aor, binding)
            if live != known:
                self._store.save(aor, live)
            if known and not live:
                self._on_offline(aor, "flow_lost" if current else "expired")

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
        known = self._bindings.get(aor, ())
        self._tell_flows(known, after)
        self._note_streams(aor, known, after)
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

    # ---- connections ---------------------------------------------------------------------------------------------

    def flow_lost(self, flow: Flow) -> None:
        """A connection is gone. Nobody can be reached on it any more (RFC 5626 §3.1); only who registered without a
        NAT in between may still take a connection at its contact, as RFC 3261 §18 has it."""
        for aor, before in self._reached_on(flow):
            outlasting = (self._outlasting(binding, flow, aor) for binding in before)
            after = tuple(binding for binding in outlasting if binding is not None)
            self._replace(aor, before, after, reason="flow_lost")

    def _outlasting(self, binding: Binding, flow: Flow, aor: str) -> Binding | None:
        """What a binding is after the end of a connection; None: nobody is reached by it any more."""
        if binding.received != str(flow):
            return binding
        self._leave(flow, aor, binding)
        there = _listener(binding, flow)
        if there is None:
            return None
        self._timers.start(("missed", there), MISSED_FOR, lambda: self._miss(there))
        return replace(binding, received=str(there))

    def unreachable(self, flow: Flow) -> None:
        """Nobody takes a connection there."""
        self._timers.stop(("missed", flow))
        for aor, before in self._reached_on(flow):
            after = tuple(binding for binding in before if binding.received != str(flow))
            self._replace(aor, before, after, reason="flow_lost")

    def _miss(self, flow: Flow) -> None:
        if str(flow) in self._on_stream:
            self._look_for(flow)

    def _reached_on(self, flow: Flow) -> list[tuple[str, tuple[Binding, ...]]]:
        return [(aor, self._bindings.get(aor, ())) for aor in self._on_stream.get(str(flow), ())]

    def follow(self, flow: Flow) -> Flow:
        """Where the phone that was reached on that flow is now.

        Only connections are left for others. A phone that registers the same binding over another connection has
        moved there with its calls; until it does, the flow stays the one that is lost.
        """
        left = self._left.get(flow)
        if left is None:
            return flow
        aor, who = left
        found = next((binding for binding in self.bindings(aor) if _who(binding) == who), None)
        return flow if found is None else Flow.parse(found.received)

    def _note_streams(self, aor: str, before: tuple[Binding, ...], after: tuple[Binding, ...]) -> None:
        kept = {binding.received for binding in after}
        moved = {_who(binding) for binding in after}
        for binding in before:
            if binding.received in self._on_stream and binding.received not in kept:
                beside = self._on_stream[binding.received]
                beside.discard(aor)
                if not beside:
                    del self._on_stream[binding.received]
                if _who(binding) in moved:
                    self._leave(Flow.parse(binding.received), aor, binding)
        for binding in after:
            if _is_stream(binding):
                self._on_stream.setdefault(binding.received, set()).add(aor)

    def _leave(self, flow: Flow, aor: str, binding: Binding) -> None:
        self._left[flow] = aor, _who(binding)
        if len(self._left) > MAX_LEFT:
            self._left.popitem(last=False)

    # ---- expiry --------------------------------------------------------------------------------------------------

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


def _is_stream(binding: Binding) -> bool:
    return bool(binding.received) and not binding.received.startswith("udp:")


def _listener(binding: Binding, flow: Flow) -> Flow | None:
    """Where a phone without a connection may take one: its contact, when no NAT stood between us. A phone that knows
    outbound connections (RFC 5626) takes none."""
    if flow.protocol != "TCP" or binding.reg_id is not None:
        return None
    uri = SipUri.parse(binding.contact)
    if uri.host.strip("[]") != flow.host:
        return None
    return Flow("TCP", flow.host, uri.port or 5060)


def _who(binding: Binding) -> str:
    """What stays the same when a phone registers again: its instance (RFC 5626 §4.1), else its contact."""
    return f"{binding.instance} {binding.reg_id}" if binding.instance else binding.contact
