"""Rooms as a core has them: through the pool, a real worker and its socket."""

from __future__ import annotations

import asyncio
import wave
from pathlib import Path

import pytest
from uuid_utils.compat import uuid7

from pbx.media.client import MediaLeg, MediaPool, NoMedia, Room, RoomRefused
from pbx.media.codec_libraries import why_not
from pbx.media.engine_control import CODEC_NUMBERS
from pbx.media.engine_numbers import MEMBERS
from pbx.media.handles import WorkerBooks
from tests.pbx.media.linear import Coder, amplitude_of
from tests.pbx.media.linear import tone as linear_tone
from tests.pbx.media.rig import HOST, Phone, rig
from tests.pbx.media.test_relay import is_continuous
from tests.pbx.media.tones import frames, level, pcm_tone, tone
from tests.pbx.media.workers import TIMEOUT, NewPhone, joined, paced, worker_process

TONES = (800, 1000, 470)


@pytest.fixture
def prompt(tmp_path: Path) -> str:
    path = tmp_path / "prompt.wav"
    with wave.open(str(path), "wb") as file:
        file.setframerate(8000)
        file.setnchannels(1)
        file.setsampwidth(2)
        file.writeframes(pcm_tone(2100, 0.4))
    return str(path)


async def legs_and_phones(pool: MediaPool, new_phone: NewPhone, count: int) -> tuple[list[MediaLeg], list[Phone]]:
    call_id = uuid7()
    legs = [await pool.open(call_id=call_id, address=HOST)]
    legs += [await pool.open(call_id=call_id, address=HOST, near=legs[0]) for _ in range(count - 1)]
    phones = [new_phone() for _ in legs]
    for leg, phone in zip(legs, phones, strict=True):
        await joined(leg, phone)
    return legs, phones


async def settles_on(phones: list[Phone], expected: list[list[bool]]) -> bool:
    """Whether that is what they hear, as soon as the machine lets real time be real."""
    for _ in range(10):
        if await hear(phones) == expected:
            return True
    return False


async def hear(phones: list[Phone], seconds: float = 0.5) -> list[list[bool]]:
    """All talk at once; whose tones each of them hears for most of the time."""
    await asyncio.sleep(0.06)  # what is under way is no part of it
    for phone in phones:
        phone.listen()
        phone.heard.clear()
    await paced([(phone, frames(tone(TONES[number], seconds))) for number, phone in enumerate(phones)])
    sounds = [phone.sound() for phone in phones]
    whole = 2 * 8000 * seconds
    return [
        [level(sound, frequency) * len(sound) / whole > 4000 for frequency in TONES[: len(phones)]] for sound in sounds
    ]


async def test_listen_whisper_barge_and_take_over_on_a_live_call(
    tmp_path: Path, kind: str, new_phone: NewPhone
) -> None:
    async with worker_process(tmp_path, kind=kind) as worker, MediaPool([worker.socket], epoch=1) as pool:
        (customer, agent, supervisor), phones = await legs_and_phones(pool, new_phone, 3)
        customer.bridge(agent)
        assert await settles_on(phones, [[False, True, False], [True, False, False], [False, False, False]])
        room = await pool.open_room(near=customer)
        room.join(customer)
        room.join(agent)
        room.join(supervisor, heard=0.0)
        assert await settles_on(phones, [[False, True, False], [True, False, False], [True, True, False]])
        room.set_gain(1.0, listener=agent, talker=supervisor)
        assert await settles_on(phones, [[False, True, False], [True, False, True], [True, True, False]])
        room.set_gain(1.0, talker=supervisor)
        assert await settles_on(phones, [[False, True, True], [True, False, True], [True, True, False]])
        room.leave(agent)
        assert await settles_on(phones, [[False, False, True], [False, False, False], [True, False, False]])
        room.mute(customer)
        assert await settles_on(phones, [[False, False, True], [False, False, False], [False, False, False]])
        for phone in phones[:1]:
            assert is_continuous(phone.heard)


async def test_a_locked_room_takes_nobody_in(tmp_path: Path, new_phone: NewPhone) -> None:
    async with worker_process(tmp_path) as worker, MediaPool([worker.socket], epoch=1) as pool:
        (first, second), _ = await legs_and_phones(pool, new_phone, 2)
        room = await pool.open_room(near=first)
        room.join(first)
        room.lock()
        with pytest.raises(RoomRefused, match="locked"):
            room.join(second)
        room.join(first, heard=0.0)  # who is in may change how
        room.lock(False)
        room.join(second)
        assert room.members == [first, second]


async def test_a_leg_of_another_worker_cannot_join(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    async with (
        worker_process(tmp_path) as one,
        worker_process(tmp_path / "other") as two,
        MediaPool([one.socket, two.socket], epoch=1) as pool,
    ):
        first = await pool.open(call_id=uuid7(), address=HOST)
        second = await pool.open(call_id=uuid7(), address=HOST)
        assert first.worker is not second.worker, "the least loaded one is taken"
        room = await pool.open_room(near=first)
        with pytest.raises(ValueError, match="two workers"):
            room.join(second)


async def test_playing_to_a_room_ends_in_every_way(tmp_path: Path, kind: str, prompt: str, new_phone: NewPhone) -> None:
    async with worker_process(tmp_path, kind=kind) as worker, MediaPool([worker.socket], epoch=1) as pool:
        legs, phones = await legs_and_phones(pool, new_phone, 2)
        room = await pool.open_room(near=legs[0])
        for leg in legs:
            room.join(leg)
        async with asyncio.timeout(TIMEOUT):
            assert await room.play([prompt, prompt], only=legs[1]).ended == "done"
        assert level(phones[1].sound(), 2100) > 5000
        assert level(phones[0].sound(), 2100) < 50
        missing = room.play([str(tmp_path / "nothing.wav")])
        async with asyncio.timeout(TIMEOUT):
            assert await missing.ended == "failed"
        stopped = room.play([prompt], loop=True)
        rest = [room.play([prompt], loop=True) for _ in range(4)]
        room.stop(stopped)
        async with asyncio.timeout(TIMEOUT):
            assert await stopped.ended == "stopped"
            assert await rest[-1].ended == "failed", "four at once are enough"
            room.close()
            assert [await playback.ended for playback in rest[:-1]] == ["closed"] * 3
            assert await room.play([prompt]).ended == "closed"
        assert await legs[0].report() is not None, "the legs live on"


async def test_a_room_goes_with_its_last_leg_and_its_number_comes_back(tmp_path: Path) -> None:
    async with worker_process(tmp_path, "--legs", "4") as worker, MediaPool([worker.socket], epoch=1) as pool:
        for _ in range(8):  # of two rooms that there are
            leg = await pool.open(call_id=uuid7(), address=HOST)
            room = await pool.open_room(near=leg)
            room.join(leg)
            await leg.close()
            assert room.is_closed
            with pytest.raises(RoomRefused, match="closed"):
                room.join(leg)
        leg = await pool.open(call_id=uuid7(), address=HOST)
        rooms = [await pool.open_room(near=leg) for _ in range(2)]
        with pytest.raises(NoMedia, match="no rooms"):
            await pool.open_room(near=leg)
        rooms[0].close()
        rooms[0].close()
        async with asyncio.timeout(TIMEOUT):
            while True:  # the engine has to have done with it first
                try:
                    await pool.open_room(near=leg)
                except NoMedia:
                    await asyncio.sleep(0.01)
                else:
                    break


async def test_the_next_core_is_told_who_shares_a_room_and_empty_ones_are_closed(
    tmp_path: Path, new_phone: NewPhone
) -> None:
    async with worker_process(tmp_path, "--legs", "4") as worker:
        async with MediaPool([worker.socket], epoch=1) as pool:
            legs, phones = await legs_and_phones(pool, new_phone, 2)
            room = await pool.open_room(near=legs[0])
            for leg in legs:
                room.join(leg)
            await pool.open_room(near=legs[0])  # nobody is in it, and nobody will close it
            assert await legs[0].report() is not None
        async with MediaPool([worker.socket], epoch=2) as pool:
            assert [adopted.room for adopted in pool.adopted] == [room.room, room.room]
            assert await settles_on(phones, [[False, True], [True, False]])
            await pool.open_room(near=pool.adopted[0].leg)


async def test_a_lost_worker_ends_its_rooms(tmp_path: Path, prompt: str) -> None:
    async with worker_process(tmp_path) as worker, MediaPool([worker.socket], epoch=1) as pool:
        leg = await pool.open(call_id=uuid7(), address=HOST)
        room = await pool.open_room(near=leg)
        room.join(leg)
        music = room.play([prompt], loop=True)
        worker.kill()
        async with asyncio.timeout(TIMEOUT):
            assert await music.ended == "lost"
        assert room.is_closed
        with pytest.raises(NoMedia):
            await pool.open_room(near=leg)


async def test_a_bridge_takes_legs_out_of_their_room(tmp_path: Path, new_phone: NewPhone) -> None:
    async with worker_process(tmp_path) as worker, MediaPool([worker.socket], epoch=1) as pool:
        legs, phones = await legs_and_phones(pool, new_phone, 3)
        room = await pool.open_room(near=legs[0])
        for leg in legs:
            room.join(leg)
        legs[0].bridge(legs[1])
        assert room.members == [legs[2]]
        assert await settles_on(phones, [[False, True, False], [True, False, False], [False, False, False]])


@pytest.mark.skipif(why_not(CODEC_NUMBERS["g722"]) is not None, reason=str(why_not(CODEC_NUMBERS["g722"])))
@pytest.mark.parametrize("wideband", [True, False])
async def test_a_room_is_as_wide_as_was_asked(tmp_path: Path, new_phone: NewPhone, wideband: bool) -> None:
    async with worker_process(tmp_path) as worker, MediaPool([worker.socket], epoch=1) as pool:
        legs, phones = await legs_and_phones(pool, new_phone, 3)
        room = await pool.open_room(near=legs[0], wideband=wideband)
        for leg, phone in zip(legs, phones, strict=True):
            phone.payload_type = 9
            leg.update(remote_address=HOST, remote_port=phone.port, codec="g722", payload_type=9, sources=(HOST,))
            room.join(leg)
        with rig("interpreted") as other:
            coder = Coder(other.control.engine.codecs, CODEC_NUMBERS["g722"])
            payloads = coder.encode(linear_tone(5000, 1.0, 16000), 16000)
            await paced([(phones[0], payloads)])
            sound = coder.decode([packet.payload for packet in phones[1].listen()], 16000)
            coder.close()
        loud = max(amplitude_of(sound[at : at + 1600], 5000, 16000) for at in range(0, len(sound) - 1600, 1600))
        assert (loud > 4000) if wideband else (loud < 400)


def test_a_full_room_is_refused_at_once() -> None:
    class Sending:
        is_open = True

        def next_id(self) -> int:
            return 1

        def send(self, command: object) -> None:
            pass

    worker, books = Sending(), WorkerBooks()
    room = Room(worker, books, 0)  # type: ignore[arg-type]  # as much of a connection as a room needs
    legs = [MediaLeg(worker, books, leg=number, address=HOST, port=2) for number in range(MEMBERS + 1)]  # type: ignore[arg-type]
    for leg in legs[:-1]:
        room.join(leg)
    with pytest.raises(RoomRefused, match="full"):
        room.join(legs[-1])
