"""Are packets lost when the core has much to do? `python -m tests.bench.media.lossless --calls 300 --seconds 60`.

One media worker carries and records the calls; this process is their core and computes 20 ms of every 50, so that
Python's lock is held nearly half of the time; a third process is all the phones. Each phone sends a packet every 20 ms
and must hear every packet of its partner.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import select
import socket
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from uuid_utils.compat import uuid7

from pbx.media.client import MediaLeg, MediaPool
from tests.pbx.media.rig import HOST
from tests.pbx.media.workers import joined_to, path_of, worker_process

PACE = 0.02  # seconds
PERIOD, COMPUTING = 0.05, 0.02  # seconds: how the core spends its time
BATCHES = 10  # in which the phones send within one pace, as a crowd of phones would
FIRST_PORT = 10000  # below what the system gives to the phones
PCMU = 0  # payload type
DRAIN = 1.0  # seconds for what is under way at the end


@dataclass(frozen=True, slots=True)
class Outcome:
    calls: int
    sent: int
    heard: int
    cut: int  # recordings that lost sound
    shortest: float  # seconds of the shortest recording

    @property
    def lost(self) -> int:
        return self.sent - self.heard


async def run(calls: int, seconds: float) -> Outcome:
    """Raises TimeoutError when the phones do not start or end."""
    with tempfile.TemporaryDirectory() as folder:
        legs = str(2 * calls + 2)
        ports = f"{FIRST_PORT}-{FIRST_PORT + 4 * calls + 399}"
        async with (
            worker_process(Path(folder), "--legs", legs, "--ports", ports) as worker,
            MediaPool([worker.socket], epoch=1) as pool,
        ):
            pairs = [await _a_call(pool) for _ in range(calls)]
            recordings = []
            phones = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "tests.bench.media.lossless", "--phones", str(seconds)),
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            )  # fmt: skip
            try:
                assert phones.stdin is not None
                assert phones.stdout is not None
                phones.stdin.write(json.dumps([leg.port for pair in pairs for leg in pair]).encode() + b"\n")
                theirs = iter(json.loads(await asyncio.wait_for(phones.stdout.readline(), 60)))
                for left, right in pairs:
                    for leg in (left, right):
                        joined_to(leg, next(theirs))
                    left.bridge(right)
                    recording_id = uuid7()
                    recordings.append(left.record(recording_id, right, path_of(worker, recording_id)))
                assert await pairs[-1][0].report() is not None  # all is carried out
                phones.stdin.write(b"go\n")
                told = asyncio.ensure_future(phones.stdout.readline())
                await _compute_until(told, seconds + 60)
                sent, heard = json.loads(told.result())
            finally:
                if phones.returncode is None:
                    phones.kill()
                await phones.wait()
            closed = [await recording.stop() for recording in recordings]
            for pair in pairs:
                for leg in pair:
                    await leg.close()
    cut = sum(each.cut for each in closed)
    return Outcome(calls, sent, heard, cut, min(each.seconds for each in closed))


async def _a_call(pool: MediaPool) -> tuple[MediaLeg, MediaLeg]:
    call_id = uuid7()
    left = await pool.open(call_id=call_id, address=HOST)
    return left, await pool.open(call_id=call_id, address=HOST, near=left)


async def _compute_until(done: asyncio.Future[bytes], seconds: float) -> None:
    loop = asyncio.get_running_loop()
    until = loop.time() + seconds
    while not done.done():
        if loop.time() > until:
            raise TimeoutError("the phones do not end")
        end = time.perf_counter() + COMPUTING
        while time.perf_counter() < end:
            sum(range(100))
        await asyncio.sleep(PERIOD - COMPUTING)


# ---- the phones ------------------------------------------------------------------------------------------------------


def phones(seconds: float) -> None:
    """All phones. A line of ports in, a line of ports out; a line `go` in, a line of packets sent and heard out."""
    targets = [(HOST, port) for port in json.loads(sys.stdin.readline())]
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for _ in targets]
    poll = select.epoll()
    for sock in sockets:
        sock.setblocking(False)
        sock.bind((HOST, 0))
        poll.register(sock, select.EPOLLIN)
    by_number = {sock.fileno(): sock for sock in sockets}
    print(json.dumps([sock.getsockname()[1] for sock in sockets]), flush=True)
    sys.stdin.readline()
    sent = heard = 0
    begun = time.monotonic()
    for number in range(round(seconds / PACE)):
        header = b"\x80\x00" + number.to_bytes(2, "big") + (160 * number).to_bytes(4, "big")
        for batch in range(BATCHES):
            for at in range(batch, len(sockets), BATCHES):
                sent += sockets[at].sendto(header + at.to_bytes(4, "big") + b"\x55" * 160, targets[at]) > 0
            heard += _hear(poll, by_number, begun + number * PACE + (batch + 1) * PACE / BATCHES)
    heard += _hear(poll, by_number, time.monotonic() + DRAIN)
    print(json.dumps([sent, heard]), flush=True)
    for sock in sockets:
        sock.close()


def _hear(poll: select.epoll, sockets: dict[int, socket.socket], until: float) -> int:
    """Packets of sound that come until then. Reports come too: the phones' ports are no pairs, but neighbours."""
    heard = 0
    while True:
        left = until - time.monotonic()
        ready = poll.poll(max(0.0, left))
        for number, _ in ready:
            try:
                while True:
                    heard += sockets[number].recv(2048)[1] & 0x7F == PCMU
            except BlockingIOError:
                pass
        if left <= 0:
            return heard


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.media.lossless", description=__doc__)
    parser.add_argument("--calls", type=int, default=300)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--phones", type=float, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.phones is not None:
        phones(given.phones)
        return 0
    outcome = asyncio.run(run(given.calls, given.seconds))
    print(f"{outcome}: {outcome.lost} packets lost")
    return int(outcome.lost != 0 or outcome.cut != 0)


if __name__ == "__main__":
    sys.exit(main())
