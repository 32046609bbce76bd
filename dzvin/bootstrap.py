"""The composition root of the core: the one place that knows every room and hands each what it asked for."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog

from callflow.calls import Calls
from callflow.exchange import Exchange, RecordingRules
from callflow.facts import PhoneOffline, PhoneOnline
from callflow.presence import Presence
from crm_core.spool import Spool
from crm_core.telephony import PostgresBindings, StoredBinding
from dzvin import switchboard
from dzvin.clock import SystemClock, fresh_id
from dzvin.config import Config
from dzvin.voice_files import PromptFiles
from pbx.authentication import Authenticator
from pbx.endpoint import Endpoint
from pbx.media.client import MediaPool
from pbx.net.transport import Sender
from pbx.net.udp import UdpTransport
from pbx.registrations import Registrations
from pbx.sip.digest import Algorithm, Nonces
from pbx.sip.lexical import split_list
from pbx.sip.registrar import Binding, Limits
from pbx.timers import Timers
from pbx.transactions import Transactions
from pbx.user_agent import UserAgent
from queue_engine.dispatcher import Dispatcher
from recordings.store import Store

log = structlog.get_logger("dzvin.bootstrap")


@dataclass(frozen=True, slots=True, kw_only=True)
class Telephony:
    """The running switchboard and its flows."""

    endpoint: Endpoint
    user_agent: UserAgent
    registrations: Registrations
    calls: Calls
    dispatcher: Dispatcher
    media: MediaPool
    transport: UdpTransport


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


@asynccontextmanager
async def telephony(
    config: Config, *, data: Path, runtime: Path, epoch: int, spool: Spool, bindings: PostgresBindings
) -> AsyncIterator[Telephony]:
    """Everything that speaks SIP and RTP, ready to take calls. Raises OSError when a port cannot be had."""
    async with AsyncExitStack() as stack:
        timers = Timers(asyncio.get_running_loop())
        stack.callback(timers.close)
        sockets = [runtime / f"media-{index}.sock" for index in range(config.media.workers)]
        media = await stack.enter_async_context(MediaPool(sockets, epoch=epoch))
        senders: dict[str, Sender] = {}
        transactions = Transactions(timers, senders)
        udp = config.sip.udp_address
        transport = await UdpTransport.bind(
            udp.host, udp.port, transactions.receive, advertised_host=config.sip.external_ip
        )
        stack.callback(transport.close)
        senders["UDP"] = transport
        endpoint = Endpoint(
            transactions=transactions,
            timers=timers,
            senders=senders,
            media=media,
            media_address=config.media.address,
            domain=config.sip.external_ip or udp.host,
        )
        dispatcher = Dispatcher(switchboard.lines(config))
        stack.callback(dispatcher.close)
        registrations, user_agent, calls = _switchboard(config, data, endpoint, dispatcher, spool, bindings)
        registrations.load(await WallClockBindings(bindings).load())
        for extension in registrations.online():
            dispatcher.reachable(extension, True)
        await stack.enter_async_context(_closing(calls))
        yield Telephony(
            endpoint=endpoint,
            user_agent=user_agent,
            registrations=registrations,
            calls=calls,
            dispatcher=dispatcher,
            media=media,
            transport=transport,
        )


def _switchboard(
    config: Config,
    data: Path,
    endpoint: Endpoint,
    dispatcher: Dispatcher,
    spool: Spool,
    bindings: PostgresBindings,
) -> tuple[Registrations, UserAgent, Calls]:
    clock = SystemClock()
    accounts = switchboard.ConfiguredAccounts(config)

    def online(extension: str, user_agent: str) -> None:
        spool.append(PhoneOnline(id=fresh_id(), at=clock.now(), extension=extension, user_agent=user_agent[:200]))
        dispatcher.reachable(extension, True)

    def offline(extension: str, reason: str) -> None:
        spool.append(PhoneOffline(id=fresh_id(), at=clock.now(), extension=extension, reason=reason))
        dispatcher.reachable(extension, False)

    registrations = Registrations(
        endpoint.timers,
        WallClockBindings(bindings),
        Limits(minimum=config.sip.min_expires, default=config.sip.default_expires, maximum=config.sip.max_expires),
        on_online=online,
        on_offline=offline,
    )
    algorithms = tuple(Algorithm.of_token(name) for name in config.sip.digest)
    user_agent = UserAgent(
        endpoint,
        Authenticator(config.sip.realm, algorithms, Nonces(os.urandom(32)), accounts),
        registrations,
        switchboard.ConfiguredDoors(config),
        on_call=lambda leg: calls.arrived(leg),
    )
    endpoint.transactions.user = user_agent
    exchange = Exchange(
        user_agent=user_agent,
        dispatcher=dispatcher,
        presence=Presence(dispatcher.legs),
        ledger=spool,
        clock=clock,
        plan=switchboard.dial_plan(config, accounts),
        prompts=PromptFiles(data / "prompts", config.language),
        recordings=Store(data / "recordings"),
        recording_rules=RecordingRules(directions=switchboard.recorded_directions(config)),
        ring_timeout=float(config.calls.ring_timeout),
        names=switchboard.names(config),
    )
    calls = Calls(exchange)
    return registrations, user_agent, calls


@asynccontextmanager
async def _closing(calls: Calls) -> AsyncIterator[None]:
    try:
        yield
    finally:
        await calls.close()
