"""One way to the outside: where it leads now, whether it lives, how many calls it carries."""

from __future__ import annotations

import asyncio
import ipaddress
import random
from collections.abc import Callable
from dataclasses import dataclass

import structlog

from pbx.endpoint import Endpoint
from pbx.leg import Identity, Leg
from pbx.net.resolver import Resolver
from pbx.net.transport import Flow
from pbx.outbound_leg import Destination
from pbx.sip.headers import Headers
from pbx.sip.location import Kind, Sought, Target, is_address, locate
from pbx.sip.uri import SipUri
from pbx.trunks.credentials import Credentials
from pbx.trunks.health import Health
from pbx.trunks.presentation import Shown, dress
from pbx.trunks.registration import Registration, State, Status
from pbx.trunks.settings import TrunkSettings

log = structlog.get_logger("pbx.trunks")

SPOKEN = ("UDP", "TCP", "TLS")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrunkStatus:
    """How a trunk is now, as a value. `registration` None: it does not register."""

    name: str
    up: bool
    registration: Status | None
    targets: tuple[tuple[Target, bool], ...]  # each with whether it lives
    calls_in: int
    calls_out: int
    withheld: int  # challenges that were not ours to answer


class Trunk:
    """`on_change(trunk, up, reason)`: the verdict, when it is first known and when it changes."""

    def __init__(
        self,
        settings: TrunkSettings,
        endpoint: Endpoint,
        resolver: Resolver,
        *,
        families: tuple[Kind, ...] = (Kind.A,),
        on_change: Callable[[str, bool, str], None] = lambda *_: None,
    ) -> None:
        self.settings = settings
        self.endpoint = endpoint
        self.resolver = resolver
        self.sought = Sought(
            host=settings.host, port=settings.port, transport=settings.transport, speaks=SPOKEN, families=families
        )
        self.credentials = Credentials(
            trunk=settings.name,
            username=settings.username,
            password=settings.password,
            realm=settings.realm,
            is_ours=self.is_ours,
        )
        self.registration = Registration(settings.expires, random.SystemRandom().random) if settings.register else None
        self._carried: dict[Leg, bool] = {}  # its calls, and whether each came in
        self.on_moved: Callable[[], None] = lambda: None
        """Its addresses are others now."""
        self._on_change = on_change
        self._health: dict[Target, Health] = {}
        self._verdict: bool | None = None
        self._is_nameless = False  # its name leads nowhere
        self._fixed = _fixed(self.sought) if is_address(settings.host) else None

    @property
    def name(self) -> str:
        return self.settings.name

    @property
    def is_fixed(self) -> bool:
        """Known by its address: no name is ever looked up."""
        return self._fixed is not None

    @property
    def speaks_streams(self) -> bool:
        return self.settings.transport != "UDP"

    # ---- where -------------------------------------------------------------------------------------------------

    def targets(self) -> tuple[Target, ...]:
        """Where it can be reached, what lives first. Never waits; empty while its name has not been found yet."""
        found = self._look() if self._fixed is None else self._fixed
        now = self.endpoint.timers.now()
        return tuple(sorted(found, key=lambda target: not self._is_promising(target, now)))

    def _look(self) -> tuple[Target, ...]:
        found = self.resolver.glance(self.sought)
        if found and self._health.keys() != set(found):
            self._health = {target: self.health_of(target) for target in found}
            self.on_moved()
        return found

    @property
    def hosts(self) -> frozenset[str]:
        """The addresses that its calls come from, as far as they are known one by one."""
        alone = {str(network.network_address) for network in self.settings.sources if network.num_addresses == 1}
        return frozenset(target.host for target in self._fixed or self._health) | alone

    async def locate(self) -> tuple[Target, ...]:
        """The same, but the first time it waits for the name."""
        if self._fixed is None:
            self._is_nameless = not await self.resolver.locate(self.sought)
            if self._is_nameless:
                self.judge("name not found")
        return self.targets()

    async def flow_to(self, target: Target) -> Flow:
        """The way there; a connection is opened, or used again. Raises OSError when it cannot be had."""
        self.health_of(target)  # from now on its calls are known
        if target.protocol == "UDP":
            return Flow(target.protocol, target.host, target.port)
        transports = self.endpoint.transports
        async with asyncio.timeout(self.settings.patience):
            flow = await transports.connect(target.protocol, target.host, target.port, server_name=self.settings.host)
        transports.vouch(flow)
        return flow

    def is_ours(self, flow: Flow) -> bool:
        """Whether what comes from there comes from this trunk."""
        if self._fixed is not None:
            return any(_leads_to(flow, target) for target in self._fixed) or self._is_source(flow)
        return any(_leads_to(flow, target) for target in self._health) or self._is_source(flow)

    def _is_source(self, flow: Flow) -> bool:
        return bool(self.settings.sources) and _is_within(flow.host, self.settings)

    # ---- calls ---------------------------------------------------------------------------------------------------

    def destination(self, target: Target, flow: Flow, number: str, shown: Shown) -> Destination:
        """The way of an INVITE to `number`, as the provider writes it, at that server."""
        uri = str(self.uri(number, target))

        def dressed(headers: Headers, _: Identity, tag: str) -> None:
            headers.set("To", f"<{uri}>")
            dress(headers, self.settings, shown, domain=self.domain, tag=tag)

        own = self.settings.our_account or ("" if shown.withheld else shown.number)
        return Destination(
            uri,
            flow,
            number,
            proof=self.credentials.proof,
            dress=dressed,
            contact_user=own if own.isalnum() else "dzvin",
            srtp=self.settings.srtp,
        )

    def carries(self, leg: Leg, *, inward: bool) -> None:
        """That call takes one of the channels until it is over."""
        self._carried[leg] = inward
        leg.path.way = self.settings.digits
        leg.on_released(self._carried.__delitem__)

    @property
    def calls_in(self) -> int:
        return self._running(inward=True)

    @property
    def calls_out(self) -> int:
        return self._running(inward=False)

    def _running(self, *, inward: bool) -> int:
        """Counted off live legs: a call that was refused in this very moment takes no channel any more."""
        return sum(came_in is inward and not leg.is_over for leg, came_in in self._carried.items())

    # ---- how it is -----------------------------------------------------------------------------------------------

    def health_of(self, target: Target) -> Health:
        return self._health.setdefault(target, Health())

    def heard(self, target: Target) -> None:
        """It answered something."""
        self.health_of(target).heard(self.endpoint.timers.now())
        self.judge("answers")

    def silent(self, target: Target) -> None:
        """It did not answer in time, or could not be reached."""
        if self.health_of(target).silent(self.endpoint.timers.now()):
            self.judge("silent")

    def judge(self, reason: str) -> None:
        """Tell when the verdict is another than before."""
        if self.registration is not None and self.registration.status.state is State.UNREGISTERED:
            return  # nothing is known yet
        up = self.up
        if up is not self._verdict:
            first, self._verdict = self._verdict is None, up
            if not (first and up and self.registration is None and not self.settings.health):
                (log.info if up else log.error)("trunk up" if up else "trunk down", trunk=self.name, reason=reason)
                self._on_change(self.name, up, reason)

    @property
    def up(self) -> bool:
        """Calls have a good chance: somebody there lives, and knows us if we register."""
        if self.registration is not None and self.registration.status.state is not State.REGISTERED:
            return False
        now = self.endpoint.timers.now()
        known = self._health if self._fixed is None else self._fixed
        return not self._is_nameless and (not known or any(self._is_promising(target, now) for target in known))

    def _is_promising(self, target: Target, now: float) -> bool:
        health = self._health.get(target)
        return health is None or health.is_promising(now, probed=self.settings.health)

    @property
    def status(self) -> TrunkStatus:
        known = self._health if self._fixed is None else dict.fromkeys(self._fixed)
        return TrunkStatus(
            name=self.name,
            up=self.up,
            registration=None if self.registration is None else self.registration.status,
            targets=tuple((target, self.health_of(target).up) for target in list(known)),
            calls_in=self.calls_in,
            calls_out=self.calls_out,
            withheld=self.credentials.withheld,
        )

    # ---- channels ------------------------------------------------------------------------------------------------

    @property
    def has_room_in(self) -> bool:
        return self._has_room(self.settings.channels_in, inward=True)

    @property
    def has_room_out(self) -> bool:
        return self._has_room(self.settings.channels_out, inward=False)

    def _has_room(self, limit: int, *, inward: bool) -> bool:
        total = self.settings.channels
        # Counting takes the longer the more calls there are, so it is done where a bound asks for it.
        return (not limit or self._running(inward=inward) < limit) and (
            not total or self.calls_in + self.calls_out < total
        )

    # ---- names ---------------------------------------------------------------------------------------------------

    @property
    def domain(self) -> str:
        """Of our own From there."""
        return self.settings.domain or (self.settings.host if self.settings.register else self.endpoint.domain)

    def uri(self, user: str | None, target: Target) -> SipUri:
        """Somebody at the provider; by the domain's name where that finds the way by itself."""
        parameters: dict[str, str | None] = {} if target.protocol == "UDP" else {"transport": target.protocol.lower()}
        domain = self.settings.domain
        port = None if domain else self.settings.port
        return SipUri(scheme="sip", user=user, host=domain or self.settings.host, port=port, parameters=parameters)


def _fixed(sought: Sought) -> tuple[Target, ...]:
    try:
        next(locate(sought, lambda _: 0))
    except StopIteration as done:
        targets: tuple[Target, ...] = done.value
        return targets
    raise AssertionError("an address needs no question")


def _leads_to(flow: Flow, target: Target) -> bool:
    """A connection may come from any port of the provider's host; a datagram only from the one that it listens on."""
    if (flow.host, flow.protocol) != (target.host, target.protocol):
        return False
    return flow.port == target.port or target.protocol != "UDP"


def _is_within(host: str, settings: TrunkSettings) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return any(address in network for network in settings.sources)
