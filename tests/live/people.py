"""What agents and callers do, with baresip's phones. Each follows a random script; the wire tells the rest.

    python -m tests.live.people agents|callers FILE

A process for each side, since a process can run baresip once: it speaks one tone by itself, so that the other side is
known by what is heard. `FILE` is a `Side` as JSON. "ready" is printed when all have registered, and `Told` at the end:
of callers when their calls are made, of agents after SIGTERM.
"""

from __future__ import annotations

import asyncio
import signal
import sys
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import baresip
import httpx
import msgspec
from baresip import Account, Config, Event, StackEvent

from tests.live.office import KEY, MENU, RING_TIMEOUT, WRAP_UP, agent, caller, password
from tests.support import tones

TONES = {"agents": tones.NOT_IN_MUSIC, "callers": 440}  # Hz
MENU_ANSWERS = 10.0  # seconds
LONGEST_CALL, LONGEST_PLAY = 90.0, 900.0
LOOK_AGAIN = 0.02
CONFIG = "sip_listen 127.0.0.1:0\nrtp_timeout 0\njitter_buffer_type fixed\njitter_buffer_delay 1-20\nmodule ausine.so\n"


class Side(msgspec.Struct, frozen=True):
    """`people`: how many. `calls`: to be made by callers."""

    sip: tuple[str, int]
    http: str
    people: int
    calls: int
    seed: int


class Told(msgspec.Struct):
    """`paused`: of each agent, from when to when not willing, by the clock of this machine; `cut`: when the rest of a
    wrap-up was not wanted."""

    paused: dict[str, list[tuple[float, float]]] = {}
    cut: dict[str, list[float]] = {}
    troubles: list[str] = []


@dataclass(slots=True)
class Phone:
    agent: baresip.UserAgent
    ringing: asyncio.Queue[Ring] = field(default_factory=asyncio.Queue)

    async def dial(self, number: str, side: Side) -> Ring:
        host, port = side.sip
        return Ring(await self.agent.dial(f"sip:{number}@{host}:{port}"))


class Ring:
    """A call of a phone, whoever began it."""

    def __init__(self, native: baresip.Call) -> None:
        self.native = native
        self.closed = asyncio.Event()
        native.on(self._event)

    def _event(self, event: StackEvent) -> None:
        if event.event is Event.CALL_CLOSED:
            self.closed.set()

    async def up(self, seconds: float) -> bool:
        """Whether it is answered by then: the binding may miss the event of an answer that comes within milliseconds,
        but not that there is sound."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not self.closed.is_set():
                    with suppress(baresip.AudioNotActive):
                        if self.native.audio.info().rx_ready:
                            return True
                    await asyncio.sleep(LOOK_AGAIN)
        return False

    async def over(self, seconds: float) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self.closed.wait()
        return self.closed.is_set()

    async def end(self) -> None:
        with suppress(baresip.BaresipError):
            await self.native.hangup()
        await self.over(5)


@asynccontextmanager
async def phones(side: Side, names: list[str], tone: int) -> AsyncIterator[list[Phone]]:
    runtime = baresip.Runtime()
    await runtime.start(
        Config(
            net_interface="127.0.0.1",
            max_concurrent_calls=None,
            audio_source=f"ausine,{tone}",
            extra_config_text=CONFIG,
        )
    )
    host, port = side.sip
    found = []
    try:
        for name in names:
            account = Account(name, f"{host}:{port}", password(name), reg_interval=600, audio_codecs=("pcmu", "pcma"))
            phone = Phone(await baresip.UserAgent.create(runtime, account))
            phone.agent.on_incoming(lambda native, phone=phone: phone.ringing.put_nowait(Ring(native)))
            await phone.agent.register()
            found.append(phone)
        yield found
    finally:
        for phone in found:
            with suppress(baresip.BaresipError):
                await phone.agent.unregister()
        await runtime.close()


# ---- agents ----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Agent:
    phone: Phone
    desk: httpx.AsyncClient
    random: Random
    paused: list[tuple[float, float]]
    cut: list[float]

    async def work(self) -> None:
        """Until cancelled."""
        while True:
            ring = await self.phone.ringing.get()
            dice = self.random.random()
            with suppress(baresip.BaresipError):
                if dice < 0.05:
                    await ring.native.reject()
                elif dice < 0.08:
                    await ring.over(RING_TIMEOUT + 5)
                else:
                    await self._talk(ring)
            await ring.over(5)
            if (dice := self.random.random()) < 0.15:
                await self._pause()
            elif dice < 0.40:
                await self._cut_wrap_up()

    async def _talk(self, ring: Ring) -> None:
        if await ring.over(self.random.uniform(0.1, 0.8)):
            return
        await ring.native.answer()
        if not await ring.over(self.random.uniform(2.0, 5.0)):
            await ring.end()

    async def _pause(self) -> None:
        await self._declare({"will": "paused", "reason": "coffee"})
        since = time.time()
        await asyncio.sleep(self.random.uniform(1.0, 3.0))
        self.paused.append((since, time.time()))
        await self._declare({"will": "ready"})

    async def _cut_wrap_up(self) -> None:
        await asyncio.sleep(self.random.uniform(0.1, WRAP_UP - 0.5))
        self.cut.append(time.time())
        (await self.desk.delete("/api/agents/me/wrap-up")).raise_for_status()

    async def _declare(self, will: dict[str, str]) -> None:
        (await self.desk.put("/api/agents/me", json=will)).raise_for_status()


async def agents(side: Side) -> Told:
    random, told, stop = Random(side.seed), Told(), asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    names = [agent(number) for number in range(side.people)]
    async with AsyncExitStack() as stack:
        work = []
        found = await stack.enter_async_context(phones(side, names, TONES["agents"]))
        for name, phone in zip(names, found, strict=True):
            desk = await stack.enter_async_context(httpx.AsyncClient(base_url=side.http, timeout=20))
            (await desk.post("/api/session", json={"login": name, "password": password(name)})).raise_for_status()
            one = Agent(
                phone, desk, Random(random.random()), told.paused.setdefault(name, []), told.cut.setdefault(name, [])
            )
            work.append(asyncio.create_task(one.work()))
        print("ready", flush=True)
        await stop.wait()
        for task in work:
            task.cancel()
        ended = await asyncio.gather(*work, return_exceptions=True)
    told.troubles += [repr(each) for each in ended if not isinstance(each, asyncio.CancelledError)]
    return told


# ---- callers ---------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Caller:
    phone: Phone
    side: Side
    random: Random
    troubles: list[str]

    async def work(self, turns: Iterator[int]) -> None:
        """One call after the other, as long as there are any to be made."""
        for _ in turns:
            await asyncio.sleep(self.random.uniform(0.0, 1.0))
            try:
                ring = await self.phone.dial(MENU, self.side)
                if await ring.up(MENU_ANSWERS):
                    await self._play(ring)
                else:
                    self.troubles.append("the menu did not answer")
                await ring.end()
            except baresip.BaresipError as error:
                self.troubles.append(repr(error))

    async def _play(self, ring: Ring) -> None:
        await asyncio.sleep(self.random.uniform(0.2, 1.0))
        dice = self.random.random()
        if dice < 0.03:
            return  # has heard enough
        if dice < 0.10:
            await ring.native.send_dtmf("9")
            await asyncio.sleep(1.0)
        await ring.native.send_dtmf(KEY)
        gives_up = self.random.random() < 0.25
        await ring.over(self.random.uniform(0.3, 6.0) if gives_up else LONGEST_CALL)


async def callers(side: Side) -> Told:
    random, told = Random(side.seed), Told()
    names = [caller(number) for number in range(side.people)]
    turns = iter(range(side.calls))
    async with phones(side, names, TONES["callers"]) as found, asyncio.timeout(LONGEST_PLAY):
        print("ready", flush=True)
        async with asyncio.TaskGroup() as group:
            for phone in found:
                group.create_task(Caller(phone, side, Random(random.random()), told.troubles).work(turns))
    return told


if __name__ == "__main__":
    play = {"agents": agents, "callers": callers}[sys.argv[1]]
    given = msgspec.json.decode(Path(sys.argv[2]).read_bytes(), type=Side)
    sys.stdout.buffer.write(msgspec.json.encode(asyncio.run(play(given))) + b"\n")
