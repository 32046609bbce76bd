"""The process that keeps traces, as the core runs it."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable
from pathlib import Path
from uuid import UUID

import pytest

from pbx.trace import keeper as keeper_module
from pbx.trace.file import Received, Trace, encode
from pbx.trace.keeper import Keeper
from pbx.trace.shelf import Keeping, read
from tests.pbx.switch import a_request
from tests.pbx.trace.test_shelf import NOON, a_call, a_trace

LONG = Keeping(days=100_000, calls=1000, bytes=1_000_000)


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not true():
            await asyncio.sleep(0.01)


def is_kept(folder: Path, call: UUID) -> bool:
    try:
        return read(folder, call).call_id == str(call)
    except FileNotFoundError:
        return False


async def test_what_is_handed_in_is_on_disk_when_the_keeper_is_closed(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path, LONG)
    await keeper.start()
    calls = [a_call(number, NOON + number) for number in range(100)]
    for call in calls:
        keeper.keep(call, encode(a_trace(call, "x" * 1000)))
    await keeper.close()
    assert all(is_kept(tmp_path, call) for call in calls)
    assert keeper.lost == 0


async def test_what_is_kept_holds_no_secrets(tmp_path: Path) -> None:
    call = a_call(1)
    secret = a_request("MESSAGE", headers='Authorization: Digest response="4711f00d"\r\n', body="my pin is 0815")
    trace = Trace(1, str(call), NOON, [], ["udp:192.0.2.1:5060"], [Received(0.0, 0, 0, secret.encode())])
    keeper = Keeper(tmp_path, LONG)
    await keeper.start()
    keeper.keep(call, encode(trace))
    await keeper.close()
    (record,) = read(tmp_path, call).records
    assert isinstance(record, Received)
    assert b"4711f00d" not in record.data
    assert b"0815" not in record.data
    assert record.data.startswith(b"MESSAGE sip:1002@example.com")


async def test_a_folder_that_cannot_be_written_costs_traces_and_is_counted(tmp_path: Path) -> None:
    (tmp_path / "traces").write_text("a file where a folder should be")
    keeper = Keeper(tmp_path / "traces", LONG)
    await keeper.start()
    for number in range(3):
        keeper.keep(a_call(number), encode(a_trace(a_call(number))))
    await until(lambda: keeper.lost > 0)
    await keeper.close()


async def test_nonsense_costs_itself_only(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path, LONG)
    await keeper.start()
    keeper.keep(a_call(1), b"nonsense")
    keeper.keep(a_call(2), encode(a_trace(a_call(2))))
    await until(lambda: keeper.lost == 1 and is_kept(tmp_path, a_call(2)))
    await keeper.close()


async def test_a_writer_that_dies_is_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeper_module, "AGAIN_AFTER", 0.01)
    keeper = Keeper(tmp_path, LONG)
    await keeper.start()
    first = keeper.process_id
    assert first is not None
    os.kill(first, signal.SIGKILL)
    await until(lambda: keeper.process_id not in (None, first))
    await until(lambda: keeper.takes)
    keeper.keep(a_call(1), encode(a_trace(a_call(1))))
    await keeper.close()
    assert is_kept(tmp_path, a_call(1))


async def test_without_a_writer_traces_are_lost_and_counted(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path, LONG)
    keeper.keep(a_call(1), encode(a_trace(a_call(1))))
    assert keeper.lost == 1
    await keeper.close()


async def test_a_writer_that_falls_behind_costs_traces_and_no_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeper_module, "UNSENT", 10_000)
    keeper = Keeper(tmp_path, LONG)
    await keeper.start()
    assert keeper.process_id is not None
    os.kill(keeper.process_id, signal.SIGSTOP)
    large = encode(a_trace(a_call(1), "x" * 100_000))
    for _ in range(50):
        keeper.keep(a_call(1), large)
    assert 0 < keeper.lost < 50
    os.kill(keeper.process_id, signal.SIGCONT)
    await keeper.close()
    assert is_kept(tmp_path, a_call(1))


async def test_signals_of_a_terminal_do_not_end_it_but_the_end_of_the_core_does(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path, LONG)
    await keeper.start()
    keeper.keep(a_call(1), encode(a_trace(a_call(1))))
    await until(lambda: is_kept(tmp_path, a_call(1)))
    assert keeper.process_id is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        os.kill(keeper.process_id, number)
    keeper.keep(a_call(2), encode(a_trace(a_call(2))))
    process = keeper.process_id
    await keeper.close()
    assert is_kept(tmp_path, a_call(2))
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
