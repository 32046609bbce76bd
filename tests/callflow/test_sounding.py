"""What a call tells of its sound: one fact for each change, and nothing of people who hold or are held."""

from __future__ import annotations

from callflow.facts import CallEnded, EndedBy, LegMeasured, SoundChanged, SoundTrouble
from pbx.media.client import Event, LegLost, LegStatistics, MediaQuality, MediaQuiet, MediaSilent, MediaStarted
from pbx.rtp.quality import Grade
from pbx.sip.reason import cause_of
from tests.callflow.house import Dialog, House, a_house
from tests.callflow.test_transfer_races import Talk, a_talk, hang_up
from tests.pbx.switch import SDP
from tests.support.virtual_time import virtual_time

GOOD = MediaQuality(leg=0, grade=Grade.GOOD, mos=4.4, loss=0, jitter_ms=1)
POOR = MediaQuality(leg=0, grade=Grade.POOR, mos=2.1, loss=0.3, jitter_ms=1)
SILENT = MediaSilent(leg=0, seconds=5.0)


def hears(dialog: Dialog, event: Event) -> None:
    """The media worker says that of the leg."""
    on_event = dialog.media.on_event
    assert callable(on_event)
    on_event(event)


def told(house: House) -> list[tuple[str | None, SoundTrouble | None, str | None]]:
    return [(fact.grade, fact.trouble, fact.worst) for fact in house.of(SoundChanged)]


async def settled(house: House) -> Talk:
    talk = await a_talk(house)
    assert told(house) == []
    return talk


@virtual_time
async def test_a_call_sounds_as_its_worst_leg() -> None:
    async with a_house() as house:
        talk = await settled(house)
        for dialog, quality in ((talk.anna, GOOD), (talk.boris, GOOD), (talk.boris, POOR), (talk.boris, GOOD)):
            hears(dialog, quality)
        assert told(house) == [("good", None, "1001"), ("poor", None, "1002"), ("good", None, "1001")]
        assert [fact.mos for fact in house.of(SoundChanged)] == [4.4, 2.1, 4.4]
        await hang_up(house, talk.anna)


@virtual_time
async def test_a_phone_that_sends_nothing_is_heard_one_way() -> None:
    async with a_house() as house:
        talk = await settled(house)
        hears(talk.boris, SILENT)
        hears(talk.anna, SILENT)
        hears(talk.anna, MediaStarted(leg=0))
        hears(talk.boris, MediaStarted(leg=0))
        assert told(house) == [
            (None, SoundTrouble.ONE_WAY, "1002"),
            (None, SoundTrouble.NO_SOUND, None),
            (None, SoundTrouble.ONE_WAY, "1002"),
            (None, None, None),
        ]
        await hang_up(house, talk.anna)


@virtual_time
async def test_a_long_silence_is_one_of_both_sides() -> None:
    async with a_house() as house:
        talk = await settled(house)
        hears(talk.anna, MediaQuiet(leg=0, seconds=20))
        assert told(house) == [], "she listens"
        hears(talk.boris, MediaQuiet(leg=0, seconds=20))
        hears(talk.anna, MediaQuiet(leg=0, seconds=0, over=True))
        assert told(house) == [(None, SoundTrouble.LONG_SILENCE, None), (None, None, None)]
        await hang_up(house, talk.anna)


@virtual_time
async def test_nobody_on_hold_is_in_trouble() -> None:
    async with a_house() as house:
        talk = await settled(house)
        hears(talk.boris, SILENT)
        on_hold = SDP.replace("a=sendrecv", "a=sendonly") if "a=sendrecv" in SDP else SDP + "a=sendonly\r\n"
        reinvite = talk.anna.text("INVITE", body=on_hold)
        house.at_once((talk.anna.phone, reinvite))
        await house.settles()
        assert told(house) == [(None, SoundTrouble.ONE_WAY, "1002"), (None, None, None)]
        ack = talk.anna.text("ACK").replace(f"CSeq: {talk.anna.cseq}", f"CSeq: {talk.anna.cseq - 1}")
        house.at_once((talk.anna.phone, ack))
        await hang_up(house, talk.anna)


@virtual_time
async def test_each_leg_is_measured_once_at_its_end() -> None:
    async with a_house() as house:
        talk = await settled(house)
        anna, boris = talk.anna.media, talk.boris.media
        anna.figures = LegStatistics(received=500, lost=5, codec="pcma", mos=4.2, joined_seconds=10, silence_seconds=3)
        boris.figures = LegStatistics(received=100, codec="pcmu", remote_mos=3.0)
        await hang_up(house, talk.anna)
        await house.settles()
        legs = {fact.extension: fact for fact in house.of(LegMeasured)}
        assert len(house.of(LegMeasured)) == 2
        assert (legs["1001"].received, legs["1001"].lost, legs["1001"].mos) == (500, 5, 4.2)
        assert (legs["1001"].silence_seconds, legs["1001"].codec) == (3, "pcma")
        assert (legs["1002"].mos, legs["1002"].remote_mos) == (None, 3.0)


@virtual_time
async def test_a_phone_that_only_rang_leaves_no_figures() -> None:
    async with a_house() as house:
        anna = await house.phones["1001"].dials("1002")
        for leg in house.switch.media.legs:
            leg.figures = LegStatistics(codec="pcma")
        await house.phones["1002"].says(486)
        assert house.phones["1001"].answer_to(anna).status == 486
        await house.settles()
        assert len(house.of(CallEnded)) == 1
        assert house.of(LegMeasured) == []


@virtual_time
async def test_both_sides_are_told_why_when_their_media_worker_has_died() -> None:
    async with a_house() as house:
        talk = await settled(house)
        for number, dialog in enumerate((talk.anna, talk.boris)):
            hears(dialog, LegLost(number))
        await house.settles()
        for dialog in (talk.anna, talk.boris):
            (bye,) = [request for request in dialog.heard if request.method == "BYE"]
            cause = cause_of(bye)
            assert cause is not None
            assert (cause.protocol, cause.code) == ("Q.850", 41)
        assert [fact.ended_by for fact in house.of(CallEnded)] == [EndedBy.SYSTEM]
        assert house.of(LegMeasured) == [], "its figures died with it"


@virtual_time
async def test_a_side_that_was_lost_is_told_why() -> None:
    async with a_house() as house:
        talk = await settled(house)
        hears(talk.boris, MediaSilent(leg=0, seconds=60, lost=True))
        await house.settles()
        (bye,) = [request for request in talk.boris.heard if request.method == "BYE"]
        cause = cause_of(bye)
        assert cause is not None
        assert (cause.protocol, cause.code) == ("Q.850", 102)
        assert talk.anna.is_hung_up
