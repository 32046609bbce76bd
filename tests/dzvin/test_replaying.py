"""`dzvin replay`, as a person and as a program meet it."""

from __future__ import annotations

import re
from pathlib import Path
from uuid import UUID

import msgspec
import pytest
from typer.testing import CliRunner

from dzvin.call_traces import FOLDER
from dzvin.cli import app
from pbx.trace.file import DialogMark, LegHead, Made, Received, Sent, Step, Trace
from pbx.trace.shelf import Keeping, Shelf
from tests.pbx.switch import SDP, a_request
from web_panel.call_ladder import CallLadder

cli = CliRunner()
CALL = UUID("0191b2c3-0000-7000-8000-000000000001")
OTHER = UUID("0191b2c3-0000-7000-8000-000000000002")
INVITE = a_request("INVITE", body=SDP).encode()
BUSY = a_request("INVITE").replace("INVITE sip:1002@example.com SIP/2.0", "SIP/2.0 486 Busy Here")


def answer(status: str) -> bytes:
    """What the switch says to INVITE."""
    head = a_request("INVITE").partition("\r\n")[2].partition("Contact")[0].replace("Max-Forwards: 70\r\n", "")
    head = head.replace("branch=z9hG4bKone;rport", "branch=z9hG4bKone;rport=5062;received=192.0.2.11")
    return f"SIP/2.0 {status}\r\n{head}Content-Length: 0\r\n\r\n".encode()


def a_refused_call(call: UUID = CALL, state: str = "COMPLETED") -> Trace:
    return Trace(
        1,
        str(call),
        1_900_000_000.0,
        [LegHead("leg", "sip-call-id", False)],
        ["udp:192.0.2.11:5062"],
        [
            Received(0.0, 0, 0, INVITE),
            Made(0.001, 0, 1, "IS", False),
            Step(0.001, 0, 1, "respond 486", state, "send +H32.0 +G0.5"),
            Sent(0.002, 0, 0, answer("486 Busy Here"), 1),
            Step(0.503, 0, 1, "G", state, "send +G1.0"),
            Sent(0.503, 0, 0, answer("486 Busy Here"), 1),
        ],
    )


@pytest.fixture
def data(tmp_path: Path) -> Path:
    shelf = Shelf(tmp_path / FOLDER, Keeping(days=100_000, calls=100, bytes=1_000_000))
    shelf.open(0.0)
    shelf.write(a_refused_call())
    return tmp_path


def invoke(data: Path, *arguments: str) -> tuple[int, str]:
    result = cli.invoke(app, ["replay", "--data", str(data), *arguments])
    return result.exit_code, result.output


def test_a_call_is_drawn_and_judged(data: Path) -> None:
    status, output = invoke(data, str(CALL))
    assert status == 0
    assert output.splitlines()[0] == f"call {CALL}, 2030-03-17 17:46:40 UTC"
    ladder = [re.sub("─+", "─", line).strip() for line in output.splitlines() if "dzvin" in line]
    assert ladder == [
        "0.000            1001 [1] ─ INVITE + SDP ─▶ dzvin",
        "0.002            1001 [1] ◀─ 486 Busy Here (INVITE) ─ dzvin",
        "0.503            1001 [1] ◀─ 486 Busy Here (INVITE) (again) ─ dzvin",
    ]
    assert "replay: the same, 6 steps compared" in output


def test_the_beginning_of_an_id_is_enough(data: Path) -> None:
    assert invoke(data, str(CALL)[:8])[0] == 0


def test_an_ambiguous_or_unknown_call_is_told(data: Path) -> None:
    shelf = Shelf(data / FOLDER, Keeping(days=100_000, calls=100, bytes=1_000_000))
    shelf.write(a_refused_call(OTHER))
    status, output = invoke(data, str(CALL)[:8])
    assert (status, "2 calls begin with" in output) == (2, True)
    status, output = invoke(data, "ffff")
    assert (status, "no trace of a call ffff" in output) == (2, True)


def test_a_difference_is_told_and_is_the_exit_status(data: Path) -> None:
    shelf = Shelf(data / FOLDER, Keeping(days=100_000, calls=100, bytes=1_000_000))
    shelf.write(a_refused_call(state="CONFIRMED"))
    status, output = invoke(data, str(CALL))
    assert status == 1
    assert "replay: DIFFERENT at 0.000, INVITE + SDP" in output
    assert "in the call: CONFIRMED" in output
    assert "this time:   COMPLETED" in output


def test_messages_are_printed_when_asked_for(data: Path) -> None:
    assert "CSeq: 1 INVITE" not in invoke(data, str(CALL))[1]
    assert "            CSeq: 1 INVITE" in invoke(data, str(CALL), "--messages")[1]


def test_programs_get_json(data: Path) -> None:
    status, output = invoke(data, str(CALL), "--json")
    ladder = msgspec.json.decode(output, type=CallLadder)
    assert (status, ladder.call_id, ladder.verdict.same, len(ladder.rows)) == (0, CALL, True, 3)
    assert ladder.rows[2].again


def test_a_difference_that_quotes_odd_text_is_told_all_the_same(data: Path) -> None:
    odd = DialogMark(0.6, 0, "early", None, 1, "sip:\udcff\x1b[2J@example.com", "caller")
    trace = a_refused_call()
    trace.records.append(odd)
    Shelf(data / FOLDER, Keeping(days=100_000, calls=100, bytes=1_000_000)).write(trace)
    for arguments in ((), ("--json",)):
        status, output = invoke(data, str(CALL), *arguments)
        assert status == 1
        assert "dialog" in output
        assert "\x1b" not in output


def test_a_damaged_trace_is_told(data: Path) -> None:
    (file,) = (data / FOLDER).rglob("*.trace")
    file.write_bytes(file.read_bytes()[:-10])
    status, output = invoke(data, str(CALL))
    assert (status, "cannot be read" in output) == (2, True)
