"""A thousand callers give up while agents' phones ring; see README.md beside this file."""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path
from random import Random
from urllib.parse import urlencode

from dzvin.clock import SystemClock
from pbx.sip.message import Request
from tests.live import office
from tests.live.judge import Verdict
from tests.live.legs import Wire
from tests.live.wire import captured, read
from tests.support.database import remove_cluster
from tests.support.deadlines import NotInTime, deadline, eventually
from tests.support.phone import FakePhone, Refused
from tests.support.phone_call import Call
from tests.support.server import Server, running_dzvin

AT_ONCE = 30
PORTS = "10000-29999"  # a port rests for half a minute after its call
SLOWEST = 0.1  # seconds from the caller's word to the agent's phone
RINGS_WITHIN = 15.0
SETTLES = 60.0  # seconds until what RFC 3261 §17 keeps is forgotten too
EMPTY = ("dzvin_calls", "dzvin_sip_legs", "dzvin_media_legs", "dzvin_waiting", "dzvin_sip_transactions")
"""What the product holds of calls: nothing when all are over."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.live.give_ups", description=__doc__)
    parser.add_argument("--calls", type=int, default=1000, help="given up while somebody rings")
    parser.add_argument("--agents", type=int, default=AT_ONCE)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    agents = [office.agent(number) for number in range(given.agents)]
    callers = [office.caller(number) for number in range(given.agents)]
    with tempfile.TemporaryDirectory(prefix="dzvin-give-ups-") as folder:
        place = Path(folder)
        config = place / "office.toml"
        config.write_text(office.configuration(len(agents), len(callers), wraps_up=False))
        try:
            with running_dzvin(place / "data", config=config, overrides={"DZVIN_MEDIA__PORTS": PORTS}) as server:
                wrong = asyncio.run(GiveUps(server, agents, callers, given.calls, given.seed).run(place / "wire"))
        finally:
            remove_cluster(place / "data")
    for line in wrong[:40]:
        print(f"WRONG {line}")
    print(f"seed {given.seed}: {len(wrong)} rules broken")
    sys.exit(1 if wrong else 0)


class Crossing(Call):
    """Of an agent who takes it in the moment in which the caller gives up: the 200 of the INVITE and the CANCEL cross
    on their way. RFC 3261 §9.1: such a CANCEL has no effect, so the phone is to be acknowledged and hung up."""

    crosses = False

    def _heard_cancel(self, cancel: Request) -> None:
        if not self.crosses or self._final.done():
            super()._heard_cancel(cancel)
            return
        self.phone.answer(cancel, 200, to_tag=self.local_tag)
        self.take()


class AgentPhone(FakePhone):
    CALL = Crossing


class GiveUps:
    def __init__(self, server: Server, agents: Sequence[str], callers: Sequence[str], calls: int, seed: int) -> None:
        self._server = server
        self._agents, self._callers = agents, callers
        self._wanted = calls
        self._random = Random(seed)
        self._placed: dict[str, list[Call]] = {line: [] for line in (office.LINE, office.QUIET)}
        self._rung: dict[str, list[Call]] = {caller: [] for caller in callers}  # by the caller that they show
        self._rings: dict[str, asyncio.Event] = {caller: asyncio.Event() for caller in callers}
        self._tasks: set[asyncio.Task[None]] = set()
        self._gave_up: dict[str, float] = {}  # when, by the caller's Call-ID
        self.counts: Counter[str] = Counter()
        self.wrong: list[str] = []
        self._cancelled: list[tuple[str, str]] = []  # Call-IDs of a caller, and of the phone that rang

    async def run(self, file: Path) -> list[str]:
        """Every rule that was broken. `file`: for what passed on the wire."""
        since = time.monotonic()
        async with AsyncExitStack() as stack:
            for number in self._agents:
                phone = await self._phone(stack, AgentPhone, number)
                phone.on_call = self._rang
            phones = [await self._phone(stack, FakePhone, number) for number in self._callers]
            with captured(file, self._server.sip[1]):
                async with asyncio.TaskGroup() as group:
                    for phone in phones:
                        group.create_task(self._chain(phone))
                lasted = time.monotonic() - since
                await asyncio.gather(*self._tasks)
            await self._nothing_is_left()
            await self._figures_agree()
        print(f"{lasted:.0f} s: {dict(self.counts)}")
        self._soon_enough(file)
        return self.wrong

    def _soon_enough(self, file: Path) -> None:
        """By the kernel's times: a test that is busy with sixty phones reads its own late."""
        wire = Wire(self._server.sip[1])
        wire.take(read(file))
        took = []
        for caller, offer in self._cancelled:
            begun, told = wire.legs[caller].over, wire.legs[offer].cancelled
            assert told is not None
            took.append(told - begun)
        verdict = Verdict(self.wrong)
        verdict.within("caller's word to CANCEL", took, SLOWEST)
        print(*verdict.told)
        if max(took, default=0.0) > SLOWEST:
            self.wrong.append(f"the longest took {max(took):.3f} s")

    async def _phone(self, stack: AsyncExitStack, kind: type[FakePhone], number: str) -> FakePhone:
        phone = kind(number, server=self._server.sip, password=office.password(number))
        stack.push_async_callback(phone.close)
        await phone.register(3600)
        return phone

    def _rang(self, incoming: Call) -> None:
        incoming.ring()
        self._rung[incoming.caller].append(incoming)
        self._rings[incoming.caller].set()
        task = asyncio.get_running_loop().create_task(self._agent(incoming))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _agent(self, incoming: Call) -> None:
        """Most let it ring; some answer or refuse, which may cross the caller's word, and some do surely."""
        does = self._random.choices(("ring", "answer", "refuse", "cross"), (14, 3, 2, 2))[0]
        assert isinstance(incoming, Crossing)
        incoming.crosses = does == "cross"
        await asyncio.sleep(self._random.uniform(0.0, 1.2))
        if incoming.is_over or does in ("ring", "cross"):
            return
        try:
            await (incoming.answer() if does == "answer" else incoming.refuse(486))
        except (NotInTime, AssertionError) as error:
            self.wrong.append(f"an agent's phone that wanted to {does}: {str(error).splitlines()[0]}")

    async def _chain(self, phone: FakePhone) -> None:
        while self.counts["CANCEL"] < self._wanted:
            line = self._random.choice(tuple(self._placed))
            self._rings[phone.user].clear()
            call = await phone.dial(line)
            self._placed[line].append(call)
            try:
                await self._one(call)
            except (NotInTime, AssertionError, Refused) as error:
                self.wrong.append(f"{phone.user} to {line}: {str(error).splitlines()[0]}")
                await call.drop()
            call.audio.close()

    async def _one(self, call: Call) -> None:
        rings = self._rings[call.phone.user]
        async with deadline("an agent's phone rings", RINGS_WITHIN):
            await rings.wait()
        await asyncio.sleep(self._random.uniform(0.0, 1.0))
        offers = self._offers(call)
        ringing = [each for each in offers if not each.is_over and not self._has_answered(each)]
        self._gave_up[call.sip_call_id] = time.time()
        if not call.is_up:
            await call.send_cancel()
        if await call.final() < 300:  # it hears music, or the answer was quicker
            await call.hang_up()
        for each in self._offers(call):
            await each.released(RINGS_WITHIN)
        self._judge(call, ringing)

    def _judge(self, call: Call, ringing: Sequence[Call]) -> None:
        self.counts["given up"] += 1
        said = [e.at for what in ("CANCEL", "BYE") for e in call.phone.log.sent(what, call.sip_call_id)]
        if not said:
            self.wrong.append(f"{call.sip_call_id}: the caller said nothing")
            return
        for each in ringing:
            cancels = each.phone.log.received("CANCEL", each.sip_call_id)
            byes = each.phone.log.received("BYE", each.sip_call_id)
            refused = each.phone.log.sent("486 INVITE", each.sip_call_id)
            if cancels:
                self.counts["CANCEL"] += 1
                self.counts["answered all the same"] += self._has_answered(each)
                self._cancelled.append((call.sip_call_id, each.sip_call_id))
            elif byes:
                self.counts["answered in the same moment"] += 1
            elif refused:
                self.counts["refused in the same moment"] += 1
            else:
                self.wrong.append(f"{call.sip_call_id}: {each.phone.user} was not told\n{each.phone.log.ladder()}")
        if not ringing:
            self.counts["nobody rang just then"] += 1

    def _offers(self, call: Call) -> list[Call]:
        """Calls of one caller come one after the other: what came between this one's INVITE and the next."""
        invites = [entry.at for entry in call.phone.log.sent("INVITE")]
        begun = call.phone.log.sent("INVITE", call.sip_call_id)
        over = min((at for at in invites if at > begun[-1].at), default=float("inf"))
        return [each for each in self._rung[call.phone.user] if begun[0].at <= self._began(each) < over]

    def _has_answered(self, offer: Call) -> bool:
        return bool(offer.phone.log.sent("200 INVITE", offer.sip_call_id))

    async def _nothing_is_left(self) -> None:
        for offers in self._rung.values():
            self.wrong += [f"rings on: {offer.phone.log.ladder()}" for offer in offers if not offer.is_over]
        for calls in self._placed.values():
            for call in calls:
                gone = self._gave_up.get(call.sip_call_id, float("inf"))
                late = [each for each in self._offers(call) if self._began(each) > gone + SLOWEST]
                self.wrong += [f"rang after the caller had gone: {each.phone.log.ladder()}" for each in late]
        try:
            await eventually("the product holds nothing", self._held, lambda held: not held, SETTLES)
        except NotInTime as error:
            self.wrong.append(str(error))
        metrics = await self._server.metrics()
        for name in ("dzvin_ghost_seconds_total", "dzvin_escaped_exceptions_total"):
            if metrics[name]:
                self.wrong.append(f"{name} {metrics[name]:g}")

    def _began(self, offer: Call) -> float:
        return offer.phone.log.received("INVITE", offer.sip_call_id)[0].at

    async def _held(self) -> dict[str, float]:
        metrics = await self._server.metrics()
        return {name: metrics[name] for name in EMPTY if metrics[name]}

    async def _figures_agree(self) -> None:
        """What the report counts is what the phones saw; who was answered in the same moment may count as either."""
        await self._server.settled()
        today = SystemClock().now().date()
        days = {"since": str(today - timedelta(days=1)), "until": str(today + timedelta(days=1))}
        async with self._server.sign_in("supervisor") as panel:
            rows = (await panel.ask("GET", f"/api/reports/lines?{urlencode(days)}")).json()
        figures = {row["line"]: row for row in rows}
        for line, calls in self._placed.items():
            counts, left = figures[line]["counts"], {why: many for why, many in figures[line]["left"].items() if many}
            acked = sum(any(self._is_talk(each) for each in self._offers(call)) for call in calls)
            ended = counts["answered"] + counts["abandoned"] + sum(left.values())
            told = f"line {line}: {counts}, {left}; phones: {len(calls)} calls, {acked} heard an agent"
            print(told)
            surely = sum(any(self._is_talk(each, 0.2) for each in self._offers(call)) for call in calls)
            if counts["offered"] != len(calls) or ended != len(calls) or not surely <= counts["answered"] <= acked:
                self.wrong.append(told)

    def _is_talk(self, offer: Call, seconds: float = 0.0) -> bool:
        """The agent answered before the caller gave up, and the call lasted."""
        if offer.phone.log.received("CANCEL", offer.sip_call_id):
            return False
        acks = offer.phone.log.received("ACK", offer.sip_call_id)
        answers = offer.phone.log.sent("200 INVITE", offer.sip_call_id)
        byes = offer.phone.log.received("BYE", offer.sip_call_id)
        return bool(answers and acks) and (not byes or byes[0].at - answers[0].at >= seconds)


if __name__ == "__main__":
    main()
