"""The composition root of the core: the one place that knows every room and hands each what it asked for."""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import structlog

from callflow.callbacks import Callbacks
from callflow.calls import Calls
from callflow.exchange import Exchange
from callflow.facts import MediaWorkerLost, PhoneOffline, PhoneOnline, TrunkChanged
from callflow.flows.book import FlowBook
from callflow.line_book import LineBook
from callflow.ports import Regulars
from callflow.presence import Presence
from callflow.wishes import WishBook
from crm_core.spool import Spool
from crm_core.telephony import PostgresBindings, StoredBinding
from dzvin import codecs, engine_log, flows, gate, lines, signalling, switchboard, trunk_plans
from dzvin.call_traces import CallTraces
from dzvin.clock import SystemClock, fresh_id
from dzvin.config import Config
from dzvin.engine_log import EngineLog
from dzvin.engine_log_shelf import Keeping
from dzvin.flow_webhooks import FlowWebhooks
from dzvin.kept_recordings import KeptRecordings
from dzvin.origins import Origins
from dzvin.reconciler import Reconciler, Seen
from dzvin.voice_files import PromptFiles
from dzvin.watchers import Watchers, watchers
from dzvin.wrap_ups import tell_wrap_ups
from pbx.admission import Admission
from pbx.endpoint import Endpoint
from pbx.media.client import MediaPool
from pbx.net.tls import Certificate
from pbx.net.transports import Transports
from pbx.registrations import Registrations
from pbx.sip.lexical import split_list
from pbx.sip.registrar import Binding, Limits
from pbx.sip.session_timer import Policy
from pbx.timers import Timers
from pbx.transactions import Transactions
from pbx.trunks.trunk import Trunk
from pbx.trunks.trunks import Trunks
from pbx.user_agent import UserAgent
from queue_engine.dispatcher import Dispatcher
from queue_engine.facts import Will
from queue_engine.input_log import NOTHING_NOTED, InputLog

NEW_CALLS_BELOW = 0.9
"""Of the spool's bound; the rest is kept for the facts of calls that run already."""

log = structlog.get_logger("dzvin.bootstrap")


@dataclass(frozen=True, slots=True, kw_only=True)
class Telephony:
    """The running switchboard and its flows."""

    endpoint: Endpoint
    user_agent: UserAgent
    registrations: Registrations
    calls: Calls
    callbacks: Callbacks
    dispatcher: Dispatcher
    admission: Admission
    watchers: Watchers
    trunks: Trunks
    traces: CallTraces
    reconciler: Reconciler

    @property
    def media(self) -> MediaPool:
        return self.endpoint.media

    @property
    def transports(self) -> Transports:
        return self.endpoint.transports


class WallClockBindings:
    """The registrar counts monotonic seconds, which mean nothing after a restart: the store gets wall time."""

    def __init__(self, store: PostgresBindings) -> None:
        self._store = store

    def save(self, aor: str, bindings: tuple[Binding, ...]) -> None:
        shift = time.time() - asyncio.get_running_loop().time()
        self._store.save(aor, tuple(_stored(binding, shift) for binding in bindings))

    async def load(self) -> Mapping[str, tuple[Binding, ...]]:
        shift = asyncio.get_running_loop().time() - time.time()
        stored = await self._store.load()
        return {aor: tuple(_live(binding, shift) for binding in bindings) for aor, bindings in stored.items()}


def _stored(binding: Binding, shift: float) -> StoredBinding:
    return StoredBinding(
        contact=binding.contact,
        sip_call_id=binding.sip_call_id,
        cseq=binding.cseq,
        expires_at=binding.expires_at + shift,
        received=binding.received,
        path=", ".join(binding.path),
        user_agent=binding.user_agent,
        q=binding.q,
        instance=binding.instance or "",
        reg_id=binding.reg_id or 0,
    )


def _live(stored: StoredBinding, shift: float) -> Binding:
    expires_at = stored.expires_at + shift
    return Binding(
        contact=stored.contact,
        sip_call_id=stored.sip_call_id,
        cseq=stored.cseq,
        registered_at=expires_at,  # only the order among an extension's phones is read off it
        expires_at=expires_at,
        received=stored.received,
        path=tuple(split_list(stored.path)) if stored.path else (),
        user_agent=stored.user_agent,
        q=stored.q,
        instance=stored.instance or None,
        reg_id=stored.reg_id or None,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What the switchboard stands on: the installation's folders, the ledger's mouth, the memory for registrations."""

    config: Config
    data: Path
    runtime: Path
    epoch: int
    spool: Spool
    bindings: PostgresBindings
    wishes: WishBook
    wills: Mapping[str, Will]
    wrap_ups: Mapping[str, datetime]  # of each extension in one: until when
    flows: FlowBook
    lines: LineBook
    regulars: Regulars
    prompts: PromptFiles
    certificate: Certificate | None
    origins: Origins


@asynccontextmanager
async def telephony(given: Surroundings) -> AsyncIterator[Telephony]:
    """Everything that speaks SIP and RTP, ready to take calls. Raises PortTaken."""
    config = given.config
    async with AsyncExitStack() as stack:
        timers = _timers(stack)
        admission = gate.admission(config, timers.now, given.spool)
        traces = await _traces(given, timers, stack)
        endpoint = await _endpoint(given, timers, admission, traces, stack)
        dispatcher = _dispatcher(given, stack)
        registrations = _registrations(given, endpoint, dispatcher, admission)
        accounts = switchboard.ConfiguredAccounts(config)
        trunks = _trunks(given, endpoint, admission, stack)
        user_agent = UserAgent(
            endpoint,
            gate.authenticator(config, given.data, accounts, admission),
            registrations,
            switchboard.ConfiguredDoors(config, trunks),
            admission,
            on_call=lambda leg: calls.arrived(leg),
            has_room=lambda: given.spool.level < NEW_CALLS_BELOW,
        )
        endpoint.transactions.user = user_agent
        watched = watchers(config, given.spool, endpoint, user_agent, accounts, dispatcher.will, given.wishes)
        stack.callback(watched.subscriptions.close)
        calls, callbacks = _calls(_exchange(given, accounts, user_agent, dispatcher, watched, trunks, stack), stack)
        await _resume(given, registrations, dispatcher, watched)
        await _open(given, endpoint, registrations, trunks)
        yield Telephony(
            endpoint=endpoint,
            user_agent=user_agent,
            registrations=registrations,
            calls=calls,
            callbacks=callbacks,
            dispatcher=dispatcher,
            admission=admission,
            watchers=watched,
            trunks=trunks,
            traces=traces,
            reconciler=Reconciler(dispatcher, _observer(given, registrations, calls.exchange.presence)),
        )


def _calls(exchange: Exchange, stack: AsyncExitStack) -> tuple[Calls, Callbacks]:
    """Callbacks are closed first: they place calls."""
    calls = Calls(exchange)
    stack.push_async_callback(calls.close)
    callbacks = Callbacks(calls)
    stack.push_async_callback(callbacks.close)
    return calls, callbacks


def _dispatcher(given: Surroundings, stack: AsyncExitStack) -> Dispatcher:
    """Chance is another in each run, and noted: so a replay finds it again."""
    dispatcher = Dispatcher(switchboard.engine_lines(given.lines), secrets.randbits(63), _engine_log(given, stack))
    lines.begin(dispatcher, given.lines)
    tell_wrap_ups(dispatcher, given.spool, SystemClock())
    stack.callback(dispatcher.close)
    return dispatcher


def _engine_log(given: Surroundings, stack: AsyncExitStack) -> InputLog:
    rules = given.config.engine_log
    if not rules.days:
        return NOTHING_NOTED
    keeping = Keeping(days=rules.days, bytes=rules.megabytes * 1024 * 1024)
    noted = EngineLog(given.data / engine_log.FOLDER, keeping, ZoneInfo(given.config.timezone), time.time)
    stack.push_async_callback(noted.close)
    return noted


def _timers(stack: AsyncExitStack) -> Timers:
    timers = Timers(asyncio.get_running_loop())
    stack.callback(timers.close)
    return timers


async def _traces(given: Surroundings, timers: Timers, stack: AsyncExitStack) -> CallTraces:
    """Of everything here it is closed last: then no call is left."""
    traces = CallTraces(given.config, given.data, timers.now)
    await traces.start()
    stack.push_async_callback(traces.close)
    return traces


async def _endpoint(
    given: Surroundings, timers: Timers, admission: Admission, traces: CallTraces, stack: AsyncExitStack
) -> Endpoint:
    config = given.config
    sockets = [given.runtime / f"media-{index}.sock" for index in range(config.media.processes)]
    media = await stack.enter_async_context(
        MediaPool(sockets, epoch=given.epoch, on_worker_lost=_worker_lost(given.spool))
    )
    network = signalling.transports(config, timers, admission)
    stack.callback(network.close)
    return Endpoint(
        transactions=Transactions(
            timers, network.senders, traces.tap, admits=admission.admits, may_answer=admission.may_answer
        ),
        timers=timers,
        transports=network,
        media=media,
        media_address=config.media.address,
        domain=signalling.domain(config, network.own),
        codecs=codecs.spoken(config.media.codecs),
        aligns_codecs=config.media.align_codecs,
        session_policy=Policy(interval=config.sip.session_timer, minimum=config.sip.min_session),
        secure_media=signalling.secure_media(config),
    )


def _worker_lost(spool: Spool) -> Callable[[int, int], None]:
    clock = SystemClock()

    def tell(worker: int, legs: int) -> None:
        log.error("media worker lost", worker=worker, legs=legs)
        spool.append(MediaWorkerLost(id=fresh_id(), at=clock.now(), worker=worker, legs=legs))

    return tell


async def _open(given: Surroundings, endpoint: Endpoint, registrations: Registrations, trunks: Trunks) -> None:
    """From here on peers are heard. Raises PortTaken."""
    network, transactions = endpoint.transports, endpoint.transactions
    network.on_message = transactions.receive
    network.on_lost += [transactions.flow_lost, registrations.flow_lost]
    network.on_unreachable += [transactions.flow_lost, registrations.unreachable]
    await signalling.listen(network, given.config, given.certificate, given.origins)
    trunks.start()


def _trunks(given: Surroundings, endpoint: Endpoint, admission: Admission, stack: AsyncExitStack) -> Trunks:
    clock, spool = SystemClock(), given.spool

    def changed(trunk: str, up: bool, reason: str) -> None:
        spool.append(TrunkChanged(id=fresh_id(), at=clock.now(), trunk=trunk, up=up, reason=reason))

    resolver = trunk_plans.resolver(given.config)
    stack.push_async_callback(resolver.close)
    trunks = Trunks(
        Trunk(settings, endpoint, resolver, families=trunk_plans.families(given.config), on_change=changed)
        for settings in trunk_plans.trunk_settings(given.config)
    )
    for trunk in trunks:
        trunk.on_moved = lambda: admission.befriend(trunks.hosts())
    admission.befriend(trunks.hosts())
    stack.push_async_callback(trunks.close)
    return trunks


def _registrations(
    given: Surroundings, endpoint: Endpoint, dispatcher: Dispatcher, admission: Admission
) -> Registrations:
    clock, spool, sip = SystemClock(), given.spool, given.config.sip

    def online(extension: str, user_agent: str) -> None:
        spool.append(PhoneOnline(id=fresh_id(), at=clock.now(), extension=extension, user_agent=user_agent))
        _look_at(extension, given, registrations, dispatcher)

    def offline(extension: str, reason: str) -> None:
        spool.append(PhoneOffline(id=fresh_id(), at=clock.now(), extension=extension, reason=reason))
        _look_at(extension, given, registrations, dispatcher)

    registrations = Registrations(
        endpoint.timers,
        WallClockBindings(given.bindings),
        Limits(minimum=sip.min_expires, default=sip.default_expires, maximum=sip.max_expires),
        on_online=online,
        on_offline=offline,
        on_flow=lambda flow, known: admission.know(flow) if known else admission.forget(flow),
        look_for=endpoint.transports.probe,
    )
    return registrations


def _look_at(extension: str, given: Surroundings, registrations: Registrations, dispatcher: Dispatcher) -> None:
    dispatcher.reachable(extension, _can_be_rung(extension, given, registrations))


def _can_be_rung(extension: str, given: Surroundings, registrations: Registrations) -> bool:
    """Lines ring who has a phone and may be disturbed."""
    return bool(registrations.bindings(extension)) and not given.wishes.of(extension).do_not_disturb


def _observer(given: Surroundings, registrations: Registrations, presence: Presence) -> Callable[[str], Seen]:
    return lambda extension: Seen(_can_be_rung(extension, given, registrations), presence.legs_of(extension))


async def _resume(given: Surroundings, registrations: Registrations, dispatcher: Dispatcher, watched: Watchers) -> None:
    """Phones that registered with an earlier core are there still."""
    registrations.load(await WallClockBindings(given.bindings).load())
    for extension, will in given.wills.items():
        dispatcher.declare(extension, will)
    shift = asyncio.get_running_loop().time() - time.time()
    for extension, until in given.wrap_ups.items():
        dispatcher.wrap_up(extension, until.timestamp() + shift)
    for extension in registrations.online():
        _look_at(extension, given, registrations, dispatcher)

    def disturbed(extension: str) -> None:
        _look_at(extension, given, registrations, dispatcher)
        watched.watching.on_change(extension)

    given.wishes.on_do_not_disturb = disturbed


def _exchange(
    given: Surroundings,
    accounts: switchboard.ConfiguredAccounts,
    user_agent: UserAgent,
    dispatcher: Dispatcher,
    watched: Watchers,
    trunks: Trunks,
    stack: AsyncExitStack,
) -> Exchange:
    config, webhooks = given.config, FlowWebhooks()
    stack.callback(webhooks.close)
    exchange = Exchange(
        user_agent=user_agent,
        dispatcher=dispatcher,
        presence=Presence(dispatcher.legs, watched.watching.enters),
        ledger=given.spool,
        clock=SystemClock(),
        plan=switchboard.dial_plan(config, accounts, given.flows, given.lines),
        prompts=given.prompts,
        recordings=KeptRecordings.of(config, given.data),
        recording_rules=switchboard.recording_rules(config),
        rules=switchboard.call_rules(config),
        wishes=given.wishes,
        lines=given.lines,
        flows=given.flows,
        regulars=given.regulars,
        webhooks=webhooks,
        ring_timeout=float(config.calls.ring_timeout),
        names=switchboard.names(config),
        supervisors=switchboard.supervisors(config),
        permissions=switchboard.permissions(config, given.lines, gate.barred(given.spool)),
        trunks=trunks,
        caller_ids=trunk_plans.caller_ids(config),
    )
    exchange.flows.own = flows.fit(exchange.flows.own, flows.surroundings(exchange))
    return exchange
