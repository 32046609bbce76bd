"""The worker process over its real socket: what a core does with it in a call."""

from __future__ import annotations

import asyncio
import resource
import stat
import wave
from datetime import UTC, datetime
from pathlib import Path

import pytest
from uuid_utils.compat import uuid7

from pbx.media.client import (
    Digit,
    MediaPool,
    MediaSilent,
    MediaStarted,
    NoMedia,
)
from pbx.media.loading import is_compiled
from pbx.rtp.g711 import Law
from recordings.crypto import load_or_create_key_ring
from recordings.export import open_recording
from tests.pbx.media.rig import HOST
from tests.pbx.media.test_digits import presses
from tests.pbx.media.test_relay import is_continuous
from tests.pbx.media.tones import frames, level, pcm_tone, tone
from tests.pbx.media.workers import (
    TIMEOUT,
    Heard,
    NewPhone,
    call,
    joined,
    paced,
    path_of,
    two_legs,
    worker_process,
)


@pytest.mark.req("R-PHONE-16")
async def test_two_phones_hear_each_other_through_a_worker(tmp_path: Path, kind: str, new_phone: NewPhone) -> None:
    async with worker_process(tmp_path, kind=kind) as worker, MediaPool([worker.socket], epoch=1) as pool:
        left, right, alice, bob = await call(pool, new_phone)
        heard = Heard(left)
        await paced([(alice, frames(tone(440, 0.5))), (bob, frames(tone(1000, 0.5)))])
        alice.press("7")
        (digit,) = await heard.wait(Digit)
        assert (digit.digit, digit.milliseconds) == ("7", 100)
        await heard.wait(MediaStarted)
        assert level(bob.sound(), 440) > 4000
        assert level(alice.sound(), 1000) > 4000
        statistics = await left.close()
        assert statistics is not None
        assert (statistics.received, statistics.lost, statistics.digits) == (32, 0, 1)
        assert (statistics.remote_address, statistics.remote_port) == (HOST, alice.port)
        await right.close()
        assert worker.ready["compiled"] is (kind == "compiled")


@pytest.mark.parametrize("encrypted", [True, False])
async def test_a_call_is_recorded_with_a_party_a_channel(
    tmp_path: Path, kind: str, encrypted: bool, new_phone: NewPhone
) -> None:
    keys = load_or_create_key_ring(tmp_path / "master.key") if encrypted else None
    options = ("--key-file", str(tmp_path / "master.key")) if encrypted else ()
    recording_id = uuid7()
    async with worker_process(tmp_path, *options, kind=kind) as worker, MediaPool([worker.socket], epoch=1) as pool:
        left, right, alice, bob = await call(pool, new_phone)
        path = path_of(worker, recording_id)
        recording = left.record(recording_id, right, path)
        await paced([(alice, frames(tone(440, 1.2))), (bob, frames(tone(1000, 1.2)))])
        closed = await recording.stop()
        assert (closed.recording_id, closed.path, closed.cut) == (recording_id, path, False)
        kept = open_recording(worker.recordings / path, keys)
        assert kept.recording_id == recording_id
        assert kept.seconds == pytest.approx(closed.seconds)
        assert kept.seconds > 1.1
        assert abs((datetime.fromtimestamp(kept.started_at.timestamp(), UTC) - kept.started_at).total_seconds()) < 1
        sound = [channel[4000:16000] for channel in kept.channels]
        assert level(sound[0], 440) > 4000
        assert level(sound[0], 1000) < 200
        assert level(sound[1], 1000) > 4000
        assert level(sound[1], 440) < 200
        assert stat.S_IMODE((worker.recordings / path).stat().st_mode) == 0o600
        assert (await recording.stop()) == closed, "stopping twice is harmless"


async def test_ports_rest_and_descriptors_come_back(tmp_path: Path, kind: str) -> None:
    async with (
        worker_process(tmp_path, "--quarantine", "3600", kind=kind) as worker,
        MediaPool([worker.socket], epoch=1) as pool,
    ):
        await (await pool.open(call_id=uuid7(), address=HOST)).close()
        before = worker.descriptors()
        ports = []
        for _ in range(20):
            legs = await two_legs(pool)
            ports += [leg.port for leg in legs]
            for leg in legs:
                assert await leg.close() is not None
        assert worker.descriptors() == before
        assert len(set(ports)) == 40, "no port is used twice while it rests"


async def test_when_ports_are_spent_the_call_is_refused(tmp_path: Path) -> None:
    async with (
        worker_process(tmp_path, "--ports", "30002-30005", "--quarantine", "3600") as worker,
        MediaPool([worker.socket], epoch=1) as pool,
    ):
        refused = 0
        for _ in range(3):
            try:
                await pool.open(call_id=uuid7(), address=HOST)
            except NoMedia as error:
                assert "no ports" in str(error)
                refused += 1
        assert refused >= 1
        with pytest.raises(NoMedia):
            await pool.open(call_id=uuid7(), address="192.0.2.1")


@pytest.fixture
def prompt(tmp_path: Path) -> str:
    path = tmp_path / "prompt.wav"
    with wave.open(str(path), "wb") as file:
        file.setframerate(8000)
        file.setnchannels(1)
        file.setsampwidth(2)
        file.writeframes(pcm_tone(600, 0.4))
    return str(path)


async def test_prompts_are_played_and_their_ends_told(
    tmp_path: Path, kind: str, prompt: str, new_phone: NewPhone
) -> None:
    async with worker_process(tmp_path, kind=kind) as worker, MediaPool([worker.socket], epoch=1) as pool:
        leg = await pool.open(call_id=uuid7(), address=HOST)
        phone = new_phone(payload_type=8)
        await joined(leg, phone)
        async with asyncio.timeout(TIMEOUT):
            assert await leg.play([prompt, prompt]).ended == "done"
        assert level(phone.sound(Law.ALAW), 600) > 7000
        assert len(phone.heard) == 40
        music = leg.play([prompt], loop=True)
        again = leg.play([prompt], loop=True)
        leg.stop_playing()
        missing = leg.play([str(tmp_path / "nothing.wav")])
        last = leg.play([prompt], loop=True)
        async with asyncio.timeout(TIMEOUT):
            assert await music.ended in ("replaced", "done")
            assert await again.ended == "stopped"
            assert await missing.ended in ("failed", "replaced")
            await leg.close()
            assert await last.ended == "closed"
            assert await leg.play([prompt]).ended == "closed"
        assert is_continuous(phone.heard)


async def test_a_prompt_that_cannot_be_read_fails_and_harms_nothing(tmp_path: Path, prompt: str) -> None:
    (tmp_path / "wide.wav").write_bytes(Path(prompt).read_bytes().replace(b"\x40\x1f\x00\x00", b"\x80\x3e\x00\x00", 1))
    async with worker_process(tmp_path) as worker, MediaPool([worker.socket], epoch=1) as pool:
        leg = await pool.open(call_id=uuid7(), address=HOST)
        for name in ("wide.wav", "nothing.wav", "."):
            async with asyncio.timeout(TIMEOUT):
                assert await leg.play([str(tmp_path / name)]).ended == "failed"
        async with asyncio.timeout(TIMEOUT):
            assert await leg.play([prompt]).ended == "done"


@pytest.mark.req("R-PHONE-16")
async def test_digits_are_sent(tmp_path: Path, kind: str, new_phone: NewPhone) -> None:
    async with worker_process(tmp_path, kind=kind) as worker, MediaPool([worker.socket], epoch=1) as pool:
        leg = await pool.open(call_id=uuid7(), address=HOST)
        phone = new_phone()
        await joined(leg, phone)
        leg.send_digits("1x")  # refused as a whole
        leg.send_digits("42#", milliseconds=60)
        async with asyncio.timeout(TIMEOUT):
            while len(presses(phone.heard)) < 3:
                phone.listen()
                await asyncio.sleep(0.02)
        assert [press.digit for press in presses(phone.heard)] == ["4", "2", "#"]
        await leg.close()


async def test_a_silent_leg_is_told_and_then_lost(tmp_path: Path, new_phone: NewPhone) -> None:
    options = ("--silent-after", "0.2", "--lost-after", "0.5")
    async with worker_process(tmp_path, *options) as worker, MediaPool([worker.socket], epoch=1) as pool:
        leg = await pool.open(call_id=uuid7(), address=HOST)
        heard = Heard(leg)
        await joined(leg, new_phone())
        told = await heard.wait(MediaSilent, 2)
        assert [event.lost for event in told] == [False, True]


async def test_a_recording_outside_of_its_folder_is_refused(tmp_path: Path) -> None:
    async with worker_process(tmp_path) as worker, MediaPool([worker.socket], epoch=1) as pool:
        left, right = await two_legs(pool)
        recording = left.record(uuid7(), right, "../outside.dzr")
        closed = await asyncio.wait_for(asyncio.shield(recording.closed), TIMEOUT)
        assert (closed.cut, closed.seconds) == (True, 0.0)
        assert not (tmp_path / "outside.dzr").exists()


async def test_where_few_files_may_be_open_few_legs_are_taken(tmp_path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < 8192:
        pytest.skip(f"the hard limit of open files is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (400, hard))
    try:
        async with worker_process(tmp_path) as worker:
            assert worker.ready["legs"] == (2048 if is_compiled() else 200), "what the hard limit allows is taken"
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


async def test_an_interpreted_worker_takes_a_hundred_calls(tmp_path: Path) -> None:
    async with worker_process(tmp_path, kind="interpreted") as worker, MediaPool([worker.socket], epoch=1) as pool:
        assert worker.ready["legs"] == pool.status()[0].capacity == 200
