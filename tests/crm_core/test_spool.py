"""The spool: one write, nothing lost by a kill, a bound that says so."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from uuid_utils.compat import uuid7

from callflow.facts import Fact, PartyIntroduced, PhoneOnline
from crm_core import fact_codec, spool
from crm_core.fact_codec import AnyFact, UnknownKind, UnreadableRecord
from crm_core.spool import Spool, SpoolFull
from queue_engine.facts import TicketCalled
from tests.crm_core.company import MORNING, answered_call

FACTS: list[Fact] = answered_call("+380501112233").facts


def facts_in(opened: Spool, limit: int = 1000) -> list[AnyFact]:
    return [fact_codec.decode(entry.record) for entry in opened.read(limit)]


def an_online(number: int = 0) -> PhoneOnline:
    return PhoneOnline(id=uuid7(), at=MORNING, extension=f"{number}")


async def test_what_was_appended_is_read_in_order_until_acknowledged(tmp_path: Path) -> None:
    opened = Spool(tmp_path)
    for fact in FACTS:
        opened.append(fact)
    assert facts_in(opened) == FACTS
    assert facts_in(opened, 3) == FACTS[:3]
    opened.acknowledge(opened.read(3))
    assert facts_in(opened) == FACTS[3:]
    assert opened.pending == len(FACTS) - 3
    opened.close()


async def test_a_fact_is_one_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[bytes] = []
    write = os.write

    def counted(descriptor: int, data: bytes) -> int:
        written.append(data)
        return write(descriptor, data)

    opened = Spool(tmp_path)
    monkeypatch.setattr("crm_core.spool.os.write", counted)
    for fact in FACTS:
        opened.append(fact)
    assert len(written) == len(FACTS)
    monkeypatch.undo()
    opened.close()


async def test_everything_unacknowledged_is_read_again_after_a_kill(tmp_path: Path) -> None:
    first = Spool(tmp_path)
    for fact in FACTS:
        first.append(fact)
    second = Spool(tmp_path)  # the first was never closed
    assert facts_in(second) == FACTS
    assert second.pending == len(FACTS)
    second.append(an_online())
    assert len(facts_in(second)) == len(FACTS) + 1
    first.close()
    second.close()


def test_kill_9_loses_nothing_that_was_appended(tmp_path: Path) -> None:
    script = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from crm_core.spool import Spool\n"
        "from tests.crm_core.test_spool import an_online\n"
        "opened = Spool(Path(sys.argv[1]))\n"
        "for number in range(1000):\n"
        "    opened.append(an_online(number))\n"
        "os.kill(os.getpid(), 9)\n"
    )
    killed = subprocess.run([sys.executable, "-c", script, str(tmp_path)], cwd=Path(__file__).parents[2], check=False)
    assert killed.returncode == -9
    opened = Spool(tmp_path)
    assert [getattr(fact, "extension", None) for fact in facts_in(opened)] == [str(number) for number in range(1000)]
    opened.close()


@pytest.mark.parametrize("torn", range(1, 40, 3))
async def test_a_torn_tail_is_ignored(tmp_path: Path, torn: int) -> None:
    first = Spool(tmp_path)
    for fact in FACTS[:5]:
        first.append(fact)
    first.close()
    (segment,) = tmp_path.iterdir()
    os.truncate(segment, segment.stat().st_size - torn)
    second = Spool(tmp_path)
    assert facts_in(second) == FACTS[:4]
    second.append(FACTS[4])  # never behind the torn record
    assert facts_in(second) == FACTS[:5]
    second.close()


@pytest.mark.parametrize("filler", [b"\0" * 300, b"\xff" * 300, bytes(range(1, 255))], ids=["zeros", "ones", "noise"])
async def test_what_a_power_cut_leaves_behind_the_last_record_is_ignored(tmp_path: Path, filler: bytes) -> None:
    first = Spool(tmp_path)
    first.append(FACTS[0])
    first.close()
    (segment,) = tmp_path.iterdir()
    with segment.open("ab") as file:
        file.write(filler)
    second = Spool(tmp_path)
    read = second.read(10)
    assert [entry.record for entry in read][:1] == [fact_codec.encode(FACTS[0])]
    second.close()


async def test_segments_go_when_everything_in_them_is_acknowledged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "SEGMENT_BYTES", 2000)
    opened = Spool(tmp_path)
    for number in range(100):
        opened.append(an_online(number))
    files = len(list(tmp_path.iterdir()))
    assert files >= 5
    opened.acknowledge(opened.read(50))
    assert len(list(tmp_path.iterdir())) < files
    assert [getattr(fact, "extension", None) for fact in facts_in(opened)] == [str(number) for number in range(50, 100)]
    opened.acknowledge(opened.read(100))
    assert len(list(tmp_path.iterdir())) == 1
    opened.close()
    assert list(tmp_path.iterdir()) == []


async def test_at_its_bound_it_says_so_and_keeps_what_it_has(tmp_path: Path) -> None:
    opened = Spool(tmp_path, limit=4)
    for number in range(4):
        assert opened.level == number / 4
        opened.append(an_online(number))
    with pytest.raises(SpoolFull):
        opened.append(an_online(5))
    opened.acknowledge(opened.read(1))
    opened.append(an_online(4))
    assert opened.pending == 4
    opened.close()


async def test_a_full_disk_is_a_full_spool_and_leaves_no_torn_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = Spool(tmp_path)
    opened.append(an_online(1))
    write = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, data: write(descriptor, data[:20]))
    with pytest.raises(SpoolFull):
        opened.append(an_online(2))
    monkeypatch.undo()
    opened.append(an_online(3))
    assert [getattr(fact, "extension", None) for fact in facts_in(opened)] == ["1", "3"]
    opened.close()


async def test_listeners_hear_of_a_fact_after_it_was_written(tmp_path: Path) -> None:
    opened = Spool(tmp_path)
    heard: list[tuple[AnyFact, int]] = []

    def broken(fact: AnyFact) -> None:
        raise RuntimeError("a listener's own fault")

    opened.subscribe(broken)
    stop = opened.subscribe(lambda fact: heard.append((fact, opened.pending)))
    opened.append(FACTS[0])
    stop()
    opened.append(FACTS[1])
    assert heard == [(FACTS[0], 1)]
    opened.close()


@pytest.mark.parametrize("text", ["a\0b", "a\udc80b", "\ud800", "a" * 8000])
async def test_hostile_text_can_be_kept(tmp_path: Path, text: str) -> None:
    opened = Spool(tmp_path)
    opened.append(PartyIntroduced(id=uuid7(), at=MORNING, party=uuid7(), number="1", name=text))
    (kept,) = facts_in(opened)
    assert isinstance(kept, PartyIntroduced)
    assert "\0" not in kept.name
    assert kept.name.encode()
    opened.close()


def test_every_kind_survives_the_way_through_bytes() -> None:
    ticket = TicketCalled(
        id=uuid7(), at=MORNING, ticket=uuid7(), service=uuid7(), number="A001", window="2", user=uuid7()
    )
    every: list[AnyFact] = [*FACTS, ticket]
    for fact in every:
        assert fact_codec.decode(fact_codec.encode(fact)) == fact


def test_a_newer_programs_fact_is_an_unknown_kind() -> None:
    record = fact_codec.encode(FACTS[0]).replace(b"PartyIntroduced", b"PartyTransmuted")
    with pytest.raises(UnknownKind, match="PartyTransmuted"):
        fact_codec.decode(record)


@pytest.mark.parametrize("record", [b"", b"\x93", b"\x92\xa5hello", bytes(range(50))], ids=str)
def test_other_bytes_are_unreadable(record: bytes) -> None:
    with pytest.raises((UnreadableRecord, UnknownKind)):
        fact_codec.decode(record)
