"""What an outside server's rows mean, as real servers write them: doubled, odd, late, in the hour that comes twice."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest

from callflow.facts import Direction, Outcome
from crm_core.outside_pbx import asterisk, contract
from crm_core.outside_pbx.calls import BadRecord, Flaw, OutsideCall
from crm_core.outside_pbx.folding import LONGEST_WAIT, SETTLED, Folded, fold
from crm_core.outside_pbx.sources import Page, Row
from crm_core.settings import Settings

KYIV = ZoneInfo("Europe/Kyiv")
BEGAN = datetime(2030, 1, 7, 7, 30, tzinfo=UTC)
EVENING = datetime(2030, 1, 7, 20, tzinfo=UTC)
ASTERISK = Settings(telephony_internal_digits=4)
CALLS = Settings(telephony_kind="calls")


def cdr(**values: str) -> Row:
    """A caller whom the queue 7000 did not bring to anybody."""
    usual = {"uniqueid": "1.1", "linkedid": "1.1", "src": "0501112233", "dst": "7000", "channel": "PJSIP/life-00000001",
             "lastapp": "Queue", "disposition": "NO ANSWER", "calldate": "2030-01-07 09:30:00", "duration": "40",
             "billsec": "0"}  # fmt: skip
    return {**usual, **values}


def folded(*rows: Row, now: datetime = EVENING, is_full: bool = False, parameters: Settings = ASTERISK) -> Folded:
    return fold(Page(rows=rows, is_full=is_full), [], parameters, now)


def the_call(*rows: Row) -> OutsideCall:
    (call,) = folded(*rows).calls
    return call


def test_a_queue_that_rings_by_local_channels_is_one_call_of_the_agent_who_answered() -> None:
    """All rows begin in one second and come in any order: the caller's own says where the call went."""
    rows = [
        cdr(uniqueid="1.4", channel="Local/1003@from-queue-0000000a;2", dst="1003", lastapp="Dial",
            dstchannel="PJSIP/1003-00000005", disposition="ANSWERED", duration="90", billsec="60"),
        cdr(uniqueid="1.2", channel="Local/1002@from-queue-00000009;2", dst="1002", lastapp="Dial",
            dstchannel="PJSIP/1002-00000004", duration="15"),
        cdr(dstchannel="Local/1003@from-queue-0000000a;1", disposition="ANSWERED", duration="90", billsec="60"),
    ]  # fmt: skip
    for order in (rows, rows[::-1], [rows[1], rows[2], rows[0]]):
        call = the_call(*order)
        assert (call.direction, call.number, call.line, call.extension) == (
            Direction.INBOUND, "0501112233", "7000", "1003"
        )  # fmt: skip
        assert (call.outcome, call.answered_at) == (Outcome.ANSWERED, BEGAN + timedelta(seconds=30))


def test_a_local_channel_that_answered_names_the_agent_when_no_device_does() -> None:
    answered = cdr(dstchannel="Local/1003@from-queue-0000000a;1", disposition="ANSWERED", billsec="10")
    assert the_call(answered).extension == "1003"


def test_legs_that_are_written_first_are_no_missed_call_while_the_caller_waits_on() -> None:
    leg = cdr(uniqueid="1.2", channel="Local/1003@from-queue-00000009;2", dst="1003", duration="15")
    own = cdr(dstchannel="PJSIP/1003-00000004", disposition="ANSWERED", duration="900", billsec="300")
    waiting = folded(leg, now=BEGAN + timedelta(minutes=10))
    assert (waiting.calls, len(waiting.open)) == ([], 1)
    assert the_call(leg, own).outcome is Outcome.ANSWERED
    # Whose own row never comes is taken in the end.
    assert len(folded(leg, now=BEGAN + timedelta(seconds=15) + LONGEST_WAIT).calls) == 1


def test_a_call_that_goes_on_at_the_end_of_a_page_is_made_with_the_rows_of_the_next() -> None:
    first = cdr(dstchannel="PJSIP/1002-00000004", duration="20")
    other = cdr(uniqueid="2.1", linkedid="2.1", calldate="2030-01-07 09:30:30")
    second = cdr(dstchannel="PJSIP/1003-00000005", calldate="2030-01-07 09:30:20", disposition="ANSWERED", billsec="9")
    page = folded(first, other, is_full=True)
    assert (page.calls, page.last) == ([], BEGAN + timedelta(seconds=30))
    calls = fold(Page(rows=[other, second]), page.open, ASTERISK, EVENING).calls
    assert [(call.key, call.outcome) for call in calls] == [("1.1", Outcome.ANSWERED), ("2.1", Outcome.NO_ANSWER)]


def test_an_extension_that_shows_the_companys_number_calls_out() -> None:
    call = the_call(cdr(src="0442223344", dst="0931112233", channel="PJSIP/1003-00000006", lastapp="Dial"))
    assert (call.direction, call.number, call.extension) == (Direction.OUTBOUND, "0931112233", "1003")


def test_of_rows_that_began_in_one_second_the_callers_own_says_who_called() -> None:
    own = cdr(src="1003", dst="0931112233", channel="PJSIP/1003-00000006", lastapp="Dial")
    leg = cdr(uniqueid="1.2", src="0442223344", dst="0931112233", channel="Local/out@dial-00000001;2", lastapp="Dial")
    for rows in ([own, leg], [leg, own]):
        call = the_call(*rows)
        assert (call.direction, call.extension) == (Direction.OUTBOUND, "1003")


@pytest.mark.parametrize("shown", ["anonymous", "Restricted", ""])
def test_a_withheld_number_is_none(shown: str) -> None:
    assert the_call(cdr(src=shown)).number == ""


@pytest.mark.parametrize(
    "row",
    [
        cdr(src="1003", dst="1002", channel="PJSIP/1003-00000006"),
        cdr(src="1003", dst="s", channel="PJSIP/1003-00000006"),
        cdr(src="1003", dst="*97", channel="PJSIP/1003-00000006", lastapp="VoiceMailMain"),
        cdr(linkedid="", uniqueid="1.2", channel="Local/1003@from-queue-00000009;2", dst="1003"),
    ],
    ids=["inside", "no number", "a code", "a leg by itself"],
)
def test_what_is_no_call_of_somebody_outside_is_left_out(row: Row) -> None:
    assert folded(row).calls == []


@pytest.mark.parametrize(
    ("written", "meant"),
    [("0", Outcome.NO_ANSWER), ("2", Outcome.FAILED), ("4", Outcome.BUSY), ("8", Outcome.ANSWERED),
     ("16", Outcome.FAILED), ("answered", Outcome.ANSWERED), ("", Outcome.NO_ANSWER)],
)  # fmt: skip
def test_dispositions_may_be_numbers(written: str, meant: Outcome) -> None:
    assert the_call(cdr(disposition=written, dstchannel="PJSIP/1003-00000005")).outcome is meant


def test_seconds_may_have_a_fraction() -> None:
    call = the_call(cdr(duration="40.25", billsec="10.5", dstchannel="SIP/1003-5", disposition="ANSWERED"))
    assert (call.ended_at - BEGAN).total_seconds() == 40.25
    assert call.answered_at == BEGAN + timedelta(seconds=29.75)


def test_a_call_over_the_change_of_the_clock_lasts_as_long_as_it_did() -> None:
    """At 04:00 on 2030-10-27 the clocks of Kyiv go back to 03:00."""
    record = asterisk.record_of(cdr(calldate="2030-10-27 03:50:00", duration="1200"), KYIV)
    assert (record.started_at, record.ended_at) == (
        datetime(2030, 10, 27, 0, 50, tzinfo=UTC),
        datetime(2030, 10, 27, 1, 10, tzinfo=UTC),
    )


@pytest.mark.parametrize("passed", [0, 1])
def test_in_the_hour_that_comes_twice_the_uniqueid_says_which(passed: int) -> None:
    began = datetime(2030, 10, 27, passed, 30, tzinfo=UTC)
    for uniqueid in (f"{began.timestamp():.0f}.17", f"pbx-1-{began.timestamp():.0f}.17"):
        row = cdr(calldate="2030-10-27 03:30:00", uniqueid=uniqueid)
        assert asterisk.record_of(row, KYIV).started_at == began


def test_a_time_with_an_offset_is_taken_at_its_word() -> None:
    row = cdr(calldate="2030-10-27 03:30:00+02", uniqueid="1919284200.1")
    assert asterisk.record_of(row, KYIV).started_at == datetime(2030, 10, 27, 1, 30, tzinfo=UTC)


def test_rows_that_make_no_sense_are_set_aside_by_name_and_the_others_pass() -> None:
    bad = [
        (cdr(uniqueid="", linkedid=""), "? 2030-01-07 09:30:00", Flaw.NO_KEY),
        (cdr(calldate="infinity"), "1.1 infinity", Flaw.NO_TIME),
        (cdr(duration="-1"), "1.1 2030-01-07 09:30:00", Flaw.NO_SECONDS),
        (cdr(duration="nan"), "1.1 2030-01-07 09:30:00", Flaw.NO_SECONDS),
        (cdr(billsec="41"), "1.1 2030-01-07 09:30:00", Flaw.NO_SECONDS),
    ]
    found = folded(*(row for row, _, _ in bad), cdr(uniqueid="2.1", linkedid="2.1"))
    assert [(name, error.flaw) for name, error in found.bad] == [(name, flaw) for _, name, flaw in bad]
    assert [call.key for call in found.calls] == ["2.1"]


def view(**values: str) -> Row:
    usual = {"key": "a", "direction": "inbound", "number": "0501112233", "started_at": "2030-01-07T09:30:00",
             "answered_at": "", "ended_at": "2030-01-07T09:30:40"}  # fmt: skip
    return {**usual, **values}


def test_a_call_of_the_view_is_not_taken_before_it_has_ended() -> None:
    assert folded(view(ended_at=""), parameters=CALLS) == Folded()
    assert folded(view(ended_at=""), is_full=True, parameters=CALLS).last == BEGAN
    ended = BEGAN + timedelta(seconds=40)
    assert folded(view(), now=ended + SETTLED - timedelta(seconds=1), parameters=CALLS).calls == []
    assert len(folded(view(), now=ended + SETTLED, parameters=CALLS).calls) == 1


@pytest.mark.parametrize(
    ("wrong", "flaw"),
    [({"key": ""}, Flaw.NO_KEY), ({"direction": "in"}, Flaw.NO_DIRECTION), ({"started_at": ""}, Flaw.NO_TIME),
     ({"ended_at": "soon"}, Flaw.NO_TIME), ({"ended_at": "2030-01-07T09:29:00"}, Flaw.BACKWARDS),
     ({"answered_at": "2030-01-07T09:31:00"}, Flaw.BACKWARDS)],
)  # fmt: skip
def test_a_row_of_the_view_that_makes_no_sense_is_set_aside(wrong: dict[str, str], flaw: Flaw) -> None:
    found = folded(view(**wrong), parameters=CALLS)
    assert (found.calls, [error.flaw for _, error in found.bad]) == ([], [flaw])


def test_whatever_stands_in_a_row_it_is_a_call_or_set_aside() -> None:
    random = Random(5)
    odd = ["", "0", "-1", "1e400", "NaN", "٣٤", "😀", "9999-12-31 23:59:59", "2030-10-27 03:30:00", "2030-02-30",
           "PJSIP/-0", "Local/@-0;1", "8", "x" * 600, "1.1", "0501112233", "24:00", "2030-W01-1"]  # fmt: skip
    columns = {*asterisk.COLUMNS, *contract.COLUMNS}
    rows = [{name: random.choice(odd) for name in columns if random.random() < 0.9} for _ in range(3000)]
    rows += [cdr(**{random.choice(asterisk.COLUMNS): random.choice(odd)}) for _ in range(1000)]
    for parameters in (ASTERISK, CALLS):
        found = folded(*rows, parameters=parameters)
        assert found.bad
        assert all(isinstance(error, BadRecord) for _, error in found.bad)
