"""`kill -9` of worker and core at random moments: every recording plays to within half a second of it.

A handful here; `make kills` does it fifty times.
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

import pytest
from uuid_utils.compat import uuid7

from pbx.media.client import MediaPool, RecordingClosed
from recordings.crypto import KeyRing, load_or_create_key_ring
from recordings.export import open_recording
from tests.pbx.media.rig import Phone
from tests.pbx.media.test_worker_survival import CORE
from tests.pbx.media.tones import frames, loudness, tone
from tests.pbx.media.workers import TIMEOUT, NewPhone, WorkerProcess, call, paced, path_of, worker_process

OFTEN = 25
KEPT = 0.5  # seconds that may be missing
KEPT_ON_A_BUSY_MACHINE = 1.5  # and what comes more than 200 ms late there is left out: silence stands for it
PIECE = 320  # octets: 20 ms


@pytest.fixture
def dice() -> Iterator[random.Random]:
    seed = random.randrange(1 << 32)
    print("seed", seed)
    yield random.Random(seed)


async def talk(phones: tuple[Phone, Phone], seconds: float) -> float:
    """How many seconds of sound went out."""
    pieces = [frames(tone(pitch, seconds)) for pitch in (440, 1000)]
    await paced(list(zip(phones, pieces, strict=True)))
    return 0.02 * len(pieces[0])


def check(file: Path, keys: KeyRing, spoken: float, missing: float) -> None:
    kept = open_recording(file, keys)
    assert kept.seconds > spoken - missing
    for channel, pitch in zip(kept.channels, (440, 1000), strict=True):
        whole = channel[6400:-6400]  # without what a slow machine has sent late, and its last 0.4 s
        pieces = [piece for piece in frames(whole, PIECE) if missing == KEPT or any(piece)]
        assert len(pieces) < 10 or loudness(b"".join(pieces), pitch) > (4000 if missing == KEPT else 2000)


async def kill_a_worker(folder: Path, phone: NewPhone, seconds: float, missing: float) -> None:
    keys = load_or_create_key_ring(folder / "master.key")
    recording_id = uuid7()
    async with (
        worker_process(folder, "--key-file", str(folder / "master.key")) as worker,
        MediaPool([worker.socket], epoch=1) as pool,
    ):
        left, right, alice, bob = await call(pool, phone)
        recording = left.record(recording_id, right, path_of(worker, recording_id))
        spoken = await talk((alice, bob), seconds)
        worker.kill()
        assert (await asyncio.wait_for(asyncio.shield(recording.closed), TIMEOUT)).cut
        check(worker.recordings / recording.path, keys, spoken, missing)


async def kill_a_core(folder: Path, phone: NewPhone, seconds: float, missing: float) -> None:
    """Its worker goes on; the next core ends the call, and the file is whole."""
    keys = load_or_create_key_ring(folder / "master.key")
    async with worker_process(folder, "--key-file", str(folder / "master.key")) as worker:
        alice, bob = phone(), phone()
        recording_id = uuid7()
        spoken = await _until_killed(worker, recording_id, (alice, bob), seconds)
        closed: asyncio.Future[RecordingClosed] = asyncio.get_running_loop().create_future()
        async with MediaPool([worker.socket], epoch=2, on_recording_closed=closed.set_result) as pool:
            for adopted in pool.adopted:
                await adopted.leg.close()
            told = await asyncio.wait_for(closed, TIMEOUT)
        assert (told.recording_id, told.cut) == (recording_id, False)
        check(worker.recordings / told.path, keys, spoken, missing)


async def _until_killed(
    worker: WorkerProcess, recording_id: UUID, phones: tuple[Phone, Phone], seconds: float
) -> float:
    core = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", CORE, str(worker.socket), str(recording_id), *(str(phone.port) for phone in phones)),
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        assert core.stdout is not None
        async with asyncio.timeout(TIMEOUT):
            while len(ports := (await core.stdout.readline()).split()) != 2 or not ports[0].isdigit():
                assert core.returncode is None  # what it logs comes first
        for phone, port in zip(phones, ports, strict=True):
            phone.target = ("127.0.0.1", int(port))
        return await talk(phones, seconds)
    finally:
        core.kill()
        await core.communicate()


@pytest.mark.parametrize("victim", [kill_a_worker, kill_a_core])
async def test_a_recording_plays_to_just_before_a_kill(
    tmp_path: Path, new_phone: NewPhone, dice: random.Random, victim: object
) -> None:
    for number in range(2):
        (folder := tmp_path / str(number)).mkdir()
        assert callable(victim)
        await victim(folder, new_phone, dice.uniform(0.9, 1.6), KEPT_ON_A_BUSY_MACHINE)


@pytest.mark.minutes
@pytest.mark.parametrize("victim", [kill_a_worker, kill_a_core])
@pytest.mark.parametrize("number", range(OFTEN))
async def test_a_recording_plays_to_half_a_second_before_a_kill(
    tmp_path: Path, new_phone: NewPhone, dice: random.Random, victim: object, number: int
) -> None:
    assert callable(victim)
    await victim(tmp_path, new_phone, dice.uniform(0.7, 2.5), KEPT)
