"""The panel's place in the core: Litestar under uvicorn in the same loop, the live view fed from the spool."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TypedDict
from zoneinfo import ZoneInfo

import uvicorn

from callflow.agent_commands import AgentCommands
from callflow.commands import Commands
from callflow.line_commands import LineCommands
from callflow.meeting_commands import MeetingCommands
from callflow.meeting_speakers import MeetingSpeakers
from callflow.previews import Previews
from crm_core.callbacks import OwedCallback
from crm_core.database import Pool
from crm_core.outbox import Outbox
from crm_core.spool import Spool
from dzvin import certificates, flows, lines
from dzvin.at_window import Windows
from dzvin.auto_pauses import tell_auto_pauses
from dzvin.bootstrap import Surroundings, Telephony
from dzvin.clock import SystemClock
from dzvin.config import Address, Config
from dzvin.flows import FlowKeeper
from dzvin.kept_recordings import KeptRecordings
from dzvin.lines import LineKeeper
from dzvin.live_seed import live_seed, midnight_before, shown_callbacks
from dzvin.logs import escapes
from dzvin.media_readings import MediaReadings
from dzvin.metrics import Metrics, Readings
from dzvin.phone_door import PhoneDoor
from dzvin.port_taken import naming_the_port
from dzvin.prompt_library import PromptLibrary
from dzvin.recording_alarms import RecordingAlarms
from dzvin.trunk_readings import TrunkReadings, trunk_words
from dzvin.visitors import Visitors
from dzvin.watchers import gauges
from pbx.net.framing import MAX_MESSAGE
from web_panel.app import create_app
from web_panel.live import LivePanel
from web_panel.live_meetings import Conference
from web_panel.ports import Health, Look, PanelServices, PanelSettings, PhoneSettings
from web_panel.screen_pop import ScreenPop

STARTED_WITHIN = 15.0  # seconds


@dataclass(frozen=True, slots=True)
class Panel:
    url: str
    metrics: Metrics
    speakers: MeetingSpeakers
    visitors: Visitors


class _Looks(TypedDict):
    windows_changed: Look
    lines_changed: Look
    flows_changed: Look


@dataclass(frozen=True, slots=True)
class Keepers:
    """Who knows here what the data base says: a route that changes it waits for them."""

    windows: Windows
    lines: LineKeeper
    flows: FlowKeeper

    def looks(self) -> _Looks:
        return {
            "windows_changed": self.windows.look,
            "lines_changed": self.lines.look,
            "flows_changed": self.flows.look,
        }


class _Server(uvicorn.Server):
    """Signals are the core's business."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def panel(
    given: Surroundings,
    pool: Pool,
    outbox: Outbox,
    switch: Telephony,
    previews: Previews,
    keepers: Keepers,
    promised: Sequence[OwedCallback],
) -> AsyncIterator[Panel]:
    """Serve the panel, by https where `[http] tls` says so. `promised`: by an earlier core. Raises PortTaken."""
    config, spool = given.config, given.spool
    live = await _live(given, pool, outbox, switch, promised)
    agents = AgentCommands(switch.dispatcher, spool, SystemClock())
    tell_auto_pauses(switch.dispatcher, agents, live.state.by_extension.get)
    pop = ScreenPop(pool, live)
    spool.subscribe(pop.on_fact)
    outbox.subscribe(pop.on_outbox)
    visitors = _visitors(pool, live, spool, outbox, keepers.windows)
    metrics = _metrics(switch, spool)
    with naming_the_port("http.port", f"{config.http.host}:{config.http.port}"):
        listener = _listen(config.http.host, config.http.port)
    services = _services(given, pool, live, switch, agents, metrics)
    services = replace(services, previews=previews, **keepers.looks())
    server = _server(given, services)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        await _started(server, serving)
        url = f"{'https' if config.http.tls else 'http'}://{Address(*listener.getsockname()[:2])}"
        given.origins.own.add(url)
        meetings = switch.calls.exchange.meetings
        looking = MeetingSpeakers(meetings, looked_at=lambda: live.is_looked_at, tell=live.on_speakers)
        async with pop:
            yield Panel(url, metrics, looking, visitors)
    finally:
        server.should_exit = True
        await asyncio.gather(serving, return_exceptions=True)


def _server(given: Surroundings, services: PanelServices) -> _Server:
    settings = uvicorn.Config(
        create_app(services),
        log_config=None,
        access_log=False,
        server_header=False,
        ws="websockets-sansio",
        ws_max_size=MAX_MESSAGE,
        ws_per_message_deflate=False,  # a compressed message could be a thousand times as long as what came
        lifespan="on",
        timeout_graceful_shutdown=2,
    )
    settings.load()
    settings.ssl = given.certificate.context if given.certificate is not None and given.config.http.tls else None
    return _Server(settings)


def _visitors(pool: Pool, live: LivePanel, spool: Spool, outbox: Outbox, windows: Windows) -> Visitors:
    visitors = Visitors(pool, live, SystemClock().now, windows.look)
    spool.subscribe(visitors.on_fact)
    outbox.subscribe(visitors.on_outbox)
    return visitors


async def _live(
    given: Surroundings, pool: Pool, outbox: Outbox, switch: Telephony, promised: Sequence[OwedCallback]
) -> LivePanel:
    config, spool = given.config, given.spool
    clock, zone = SystemClock(), ZoneInfo(config.timezone)
    live = LivePanel(clock.now, time_zone=zone, region=config.region)
    # First listen, then look: what happens in between is folded in twice rather than missed.
    spool.subscribe(live.on_fact)
    wishes = switch.calls.exchange.wishes
    seed = await live_seed(pool, switch.registrations.online(), wishes, midnight_before(clock.now(), zone))
    live.seed(
        replace(
            seed,
            conferences=_conferences(config),
            switches=switch.calls.exchange.lines.switches,
            callbacks=shown_callbacks(promised, config.region),
            wrap_ups=given.wrap_ups,
        )
    )
    outbox.subscribe(live.on_outbox)
    return live


def _conferences(config: Config) -> Iterable[Conference]:
    return [Conference(number=each.number, name=each.name, moderators=each.moderators) for each in config.conferences]


def _services(
    given: Surroundings, pool: Pool, live: LivePanel, switch: Telephony, agents: AgentCommands, metrics: Metrics
) -> PanelServices:
    config, data, spool = given.config, given.data, given.spool
    return PanelServices(
        pool=pool,
        control=Commands(switch.calls),
        agents=agents,
        lines=LineCommands(switch.calls.exchange),
        meetings=MeetingCommands(switch.calls.exchange),
        live=live,
        recordings=KeptRecordings.of(config, data),
        traces=switch.traces,
        clock=SystemClock().now,
        health=lambda: _health(switch, spool),
        metrics=metrics.text,
        phones=PhoneDoor(switch.transports, given.origins),
        waiting=switch.dispatcher,
        callbacks=switch.callbacks,
        menu_prompts=frozenset(menu.prompt for menu in switch.calls.exchange.plan.menus.values()),
        flows=switch.calls.exchange.flows,
        line_book=switch.calls.exchange.lines,
        line_around=lines.around(switch.calls.exchange),
        flow_surroundings=flows.surroundings(switch.calls.exchange),
        prompts=PromptLibrary(data / "prompts", given.prompts),
        settings=PanelSettings(
            language=config.language,
            time_zone=ZoneInfo(config.timezone),
            secure_cookies=config.http.secure_cookies or config.http.tls,
            public_url=config.http.public_url,
            trusted=config.security.trusted,
            authority=certificates.authority(config, data),
            phone=PhoneSettings(server=config.sip.server, proxy=config.sip.proxy, stun=config.sip.stun),
        ),
    )


def _listen(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(1024)
    except OSError:
        listener.close()
        raise
    listener.setblocking(False)
    return listener


async def _started(server: uvicorn.Server, serving: asyncio.Task[None]) -> None:
    async with asyncio.timeout(STARTED_WITHIN):
        while not server.started:
            if serving.done():
                serving.result()
                raise OSError("the panel ended before it had started")
            await asyncio.sleep(0.005)


def _health(switch: Telephony, spool: Spool) -> Health:
    workers = switch.media.status()
    parts = {
        "sip": "ok",
        "media": "ok" if all(worker.connected for worker in workers) else "missing",
        "spool": "ok" if spool.level < 0.5 else "filling",
    }
    well = all(word == "ok" for word in parts.values())
    # A provider that is away does not make us ill: it is told, and nobody restarts us for it.
    return Health(ok=well, parts={**parts, **trunk_words(switch.trunks)})


def _metrics(switch: Telephony, spool: Spool) -> Metrics:
    sound = MediaReadings(switch.media)
    alarms = RecordingAlarms()
    for listener in (sound.on_fact, alarms.on_fact):
        spool.subscribe(listener)
    others = (TrunkReadings(switch.trunks), sound)
    gauges = {
        **_gauges(switch, spool),
        "dzvin_recordings": ("Recordings that run", lambda: len(alarms.running)),
        "dzvin_recordings_losing_sound": (
            "Recordings that lose sound now: disk full or slow",
            lambda: len(alarms.losing),
        ),
    }
    counters = {
        **_counters(switch),
        "dzvin_recordings_cut": ("Recordings that lost sound or ended too early", lambda: alarms.cut),
    }
    return Metrics(gauges=gauges, counters=counters, others=others)


def _gauges(switch: Telephony, spool: Spool) -> Readings:
    transactions, connections = switch.endpoint.transactions, switch.transports.connections
    admission = switch.admission
    return {
        "dzvin_calls": ("Calls that live now", lambda: len(switch.calls)),
        "dzvin_conferences": ("Conferences in which somebody is", lambda: len(switch.calls.exchange.meetings)),
        "dzvin_sip_legs": ("SIP dialogs, early ones too", lambda: switch.user_agent.legs),
        "dzvin_sip_transactions": ("SIP transactions that live", lambda: len(transactions)),
        "dzvin_sip_timers": ("Signalling timers that run", lambda: len(switch.endpoint.timers)),
        "dzvin_sip_connections": ("TCP, TLS and WebSocket connections", lambda: len(connections)),
        "dzvin_media_legs": ("RTP legs", lambda: sum(worker.legs for worker in switch.media.status())),
        "dzvin_callbacks_owed": ("Promised callbacks that are owed", lambda: len(switch.calls.exchange.promises)),
        "dzvin_waiting": ("Items in waiting lines", lambda: len(switch.dispatcher)),
        "dzvin_registered": ("Extensions with a phone online", lambda: len(switch.registrations.online())),
        "dzvin_spool_facts": ("Facts that PostgreSQL has not confirmed", lambda: spool.pending),
        "dzvin_sip_locked_out": ("Sources that guessed passwords and are locked out", admission.locked_out),
        **gauges(switch.watchers),
        "dzvin_sip_traces": ("Calls whose signalling is noted", lambda: len(transactions.traces)),
        "dzvin_engine_log_off": (
            "1 while the queue engine's log is off after a fault: this run cannot be replayed from there on",
            lambda: switch.dispatcher.noted.is_off,
        ),
        "dzvin_tasks": ("asyncio tasks of the core", lambda: len(asyncio.all_tasks())),
    }


def _counters(switch: Telephony) -> Readings:
    transactions, connections = switch.endpoint.transactions, switch.transports.connections
    admission = switch.admission
    return {
        "dzvin_ghost_seconds": (
            "Seconds in which the queue engine's idea of an agent was not what is the case: must stay 0",
            lambda: switch.reconciler.ghost_seconds,
        ),
        "dzvin_escaped_exceptions": ("Exceptions that nobody expected; each is in the log", lambda: escapes.count),
        "dzvin_sip_received": ("SIP messages received", lambda: transactions.received),
        "dzvin_sip_malformed": ("SIP messages refused as malformed", lambda: transactions.malformed),
        "dzvin_sip_failed": ("SIP messages that failed inside, or could not be sent", lambda: transactions.failed),
        "dzvin_sip_wrong_passwords": ("Wrong SIP passwords", lambda: admission.wrong_passwords),
        "dzvin_sip_lockouts": ("Times that a source was locked out", lambda: admission.lockouts_told),
        "dzvin_sip_scanners_dropped": ("Messages of scanners, dropped", lambda: admission.scanners_dropped),
        "dzvin_sip_locked_out_dropped": (
            "Messages of locked-out sources, dropped",
            lambda: admission.locked_out_dropped,
        ),
        "dzvin_sip_flood_dropped": ("Strangers' messages above the rate, dropped", lambda: admission.flood_dropped),
        "dzvin_outside_refused": (
            "Calls to the outside that were not permitted",
            lambda: switch.calls.exchange.permissions.refused,
        ),
        "dzvin_sip_traces_lost": ("Calls whose signalling was not kept", lambda: switch.traces.lost),
        "dzvin_sip_dropped": ("Datagrams that the kernel would not take", lambda: switch.transports.dropped),
        "dzvin_sip_connections_accepted": ("Connections taken in", lambda: connections.accepted),
        "dzvin_sip_connections_refused": ("Connections that found no room", lambda: connections.refused),
        "dzvin_sip_connections_evicted": ("Strangers that made room for others", lambda: connections.evicted),
        "dzvin_sip_connections_expired": ("Connections ended as idle or too slow", lambda: connections.expired),
    }
