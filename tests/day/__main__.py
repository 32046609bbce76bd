"""Plays a random day and says what was lost, doubled or wrong; see README.md beside this file."""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from pathlib import Path
from random import Random

from tests.day.faults import Fault, Faults, plan
from tests.day.judge import CLOCKS, Verdict, judge
from tests.day.plays import Stage, play_one
from tests.day.town import PROVIDER, Block, configuration, password
from tests.support.database import remove_cluster
from tests.support.deadlines import eventually
from tests.support.phone import FakePhone
from tests.support.phone_call import Call
from tests.support.server import Server, running_dzvin

REGISTERED_FOR = 3600  # seconds: nobody has to sign on again during the day
SHOWN = 40  # lines
PORTS = "10000-29999"  # a port rests for half a minute after its call


def main() -> None:
    given = arguments()
    with tempfile.TemporaryDirectory(prefix="dzvin-day-") as folder:
        place = Path(folder)
        blocks = [Block(index) for index in range(given.at_once)]
        config = place / "town.toml"
        config.write_text(configuration(blocks))
        try:
            with running_dzvin(place / "data", config=config, overrides={"DZVIN_MEDIA__PORTS": PORTS}) as server:
                wrong = asyncio.run(Day(server, blocks, given).run())
                if wrong and given.log:
                    given.log.write_text(server.log)
        finally:
            remove_cluster(place / "data")
    sys.exit(1 if wrong else 0)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.day", description=__doc__)
    parser.add_argument("--calls", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--kills", type=int, default=4, help="of the core")
    parser.add_argument("--database-kills", type=int, default=1)
    parser.add_argument("--refusals", type=int, default=1, help="of the database")
    parser.add_argument("--both", type=int, default=0, help="kills of the core while the database refuses")
    parser.add_argument("--refusal", type=float, default=10, help="seconds that each lasts")
    parser.add_argument("--at-once", type=int, default=16, help="calls at one time")
    parser.add_argument("--log", type=Path, help="where the product's log goes when something is wrong")
    return parser.parse_args()


class Day:
    def __init__(self, server: Server, blocks: Sequence[Block], given: argparse.Namespace) -> None:
        self._server = server
        self._blocks = blocks
        self._given = given
        self._stages: list[Stage] = []
        self._begun = 0

    async def run(self) -> int:
        """How many rules were broken."""
        given, random = self._given, Random(self._given.seed)
        faults = Faults(self._server, given.refusal)
        counts = {
            Fault.CORE_KILLED: given.kills,
            Fault.DATABASE_KILLED: given.database_kills,
            Fault.DATABASE_REFUSES: given.refusals,
            Fault.BOTH: given.both,
        }
        since = time.monotonic()
        async with AsyncExitStack() as stack:
            await self._sign_on(stack, random)
            ours = time.process_time()
            async with asyncio.TaskGroup() as group:
                group.create_task(faults.follow(plan(random, given.calls, counts), lambda: self._begun))
                for stage in self._stages:
                    group.create_task(self._play(stage))
            lasted = time.monotonic() - since
            ours = time.process_time() - ours
            await eventually("the books are closed", self._is_settled, seconds=120)
            stories = [story for stage in self._stages for story in stage.stories]
            for story in stories:
                story.read()
            async with self._server.database() as conn:
                verdict = await judge(conn, stories, faults.kills)
        self._report(verdict, faults, lasted, ours)
        return len(verdict.wrong)

    async def _sign_on(self, stack: AsyncExitStack, random: Random) -> None:
        server = self._server
        provider = FakePhone("city", server=server.sip, port=server.peer(PROVIDER))
        stack.push_async_callback(provider.close)
        for block in self._blocks:
            stage = Stage(block, {}, provider, Random(random.random()))
            for place in (1, 2, 3, 4, 6, 6):
                number = block.extension(place)
                phone = FakePhone(number, server=server.sip, password=password(number))
                stack.push_async_callback(phone.close)
                phone.on_call = stage.rang
                await phone.register(REGISTERED_FOR)
                stage.phones[number] = phone
            self._stages.append(stage)
        stage_of = {stage.block.index: stage for stage in self._stages}

        def called(call: Call) -> None:
            assert call.invite
            number = call.invite.request_uri.user or ""
            stage_of[int(number.removeprefix("+38050")[:2])].rang(call)

        provider.on_call = called
        kept = 6 * len(self._blocks)
        async with server.database() as conn:
            await eventually(
                "registrations are kept", lambda: conn.fetchval("SELECT count(*) FROM sip_binding"),
                lambda count: count == kept,
            )  # fmt: skip

    async def _play(self, stage: Stage) -> None:
        while self._begun < self._given.calls:
            self._begun += 1
            await play_one(stage)

    async def _is_settled(self) -> bool:
        metrics = await self._server.metrics()
        async with self._server.database() as conn:
            unfinished = await conn.fetchval("SELECT count(*) FROM call WHERE ended_at IS NULL")
        return metrics["dzvin_spool_facts"] == 0 and unfinished == 0

    def _report(self, verdict: Verdict, faults: Faults, lasted: float, ours: float) -> None:
        for line in verdict.wrong[:SHOWN]:
            print(f"WRONG {line}")
        for name, count in verdict.counts.most_common():
            print(f"{count:7} {name}")
        troubles = sum(bool(story.trouble) for stage in self._stages for story in stage.stories)
        down = [each.over - each.at for each in faults.kills]
        clocks = sorted(verdict.clocks)
        print(f"{troubles} calls could not go on as they were meant to, because of a kill or by a fault named above")
        print(f"faults: {[f'{each.fault} {each.over - each.at:.1f} s' for each in faults.happened]}")
        if down:
            print(f"{len(down)} kills of the core; the next one was ready after {max(down):.1f} s at most")
        if clocks:
            print(
                f"clocks: 99 % within {clocks[int(0.99 * len(clocks))]:.3f} s, all within {clocks[-1]:.3f} s "
                f"(allowed {CLOCKS:g} s)"
            )
        print(f"{lasted:.0f} s; processor: {ours:.0f} s the phones, {processor_time(self._server):.0f} s the product")
        print(f"seed {self._given.seed}: {len(verdict.wrong)} rules broken")


def processor_time(server: Server) -> float:
    """Seconds that the product has worked, with the start, with what was killed and is no more."""
    pid = server.process.pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    stats = (Path(f"/proc/{each}/stat").read_text().rpartition(")")[2].split() for each in (pid, *children))
    return sum(int(ticks) for fields in stats for ticks in fields[11:15]) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
