"""Where traces lie, how they are found, and what goes when there are too many."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import pytest

from pbx.trace.file import NotATrace, Trace, pack, place, unpack
from pbx.trace.shelf import Ambiguous, Keeping, Shelf, find, read

DAY = 86_400.0
NOON = datetime(2030, 1, 7, 12, tzinfo=UTC).timestamp()
PLENTY = Keeping(days=14, calls=1000, bytes=1_000_000)


def a_call(number: int, at: float = NOON) -> UUID:
    """As UUIDv7 makes them: the moment first."""
    return UUID(int=(int(at * 1000) << 80) | (7 << 76) | (2 << 62) | number)


def a_trace(call_id: UUID, text: str = "") -> Trace:
    return Trace(1, str(call_id), NOON, [], [text], [])


def a_shelf(folder: Path, keeping: Keeping = PLENTY, now: float = NOON) -> Shelf:
    shelf = Shelf(folder, keeping)
    shelf.open(now)
    return shelf


def kept(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_a_trace_lies_in_the_folder_of_its_day_and_is_read_again(tmp_path: Path) -> None:
    call = a_call(1)
    a_shelf(tmp_path).write(a_trace(call))
    assert (tmp_path / "2030/01/07" / f"{call}.trace").stat().st_mode & 0o777 == 0o600
    assert read(tmp_path, call) == a_trace(call)


def test_a_call_is_found_by_how_its_id_begins(tmp_path: Path) -> None:
    first, second = a_call(1), a_call(2, NOON + 60)
    shelf = a_shelf(tmp_path)
    for call in (first, second):
        shelf.write(a_trace(call))
    assert find(tmp_path, str(first)) == first
    assert find(tmp_path, str(second)[:13]) == second
    with pytest.raises(Ambiguous, match="2 calls begin with"):
        find(tmp_path, str(first)[:4])
    for nothing in ("ffff", "", "../../etc"):
        with pytest.raises(FileNotFoundError):
            find(tmp_path, nothing)


def test_what_is_too_old_goes_and_its_folders_with_it(tmp_path: Path) -> None:
    old, new = a_call(1), a_call(2, NOON + 20 * DAY)
    shelf = a_shelf(tmp_path)
    for call in (old, new):
        shelf.write(a_trace(call))
    shelf.clear(NOON + 14 * DAY)
    assert len(kept(tmp_path)) == 2  # the fourteenth day after is kept still
    shelf.clear(NOON + 15 * DAY)
    assert kept(tmp_path) == [f"{new}.trace"]
    assert not (tmp_path / "2030/01/07").exists()


def test_of_too_many_the_oldest_goes(tmp_path: Path) -> None:
    shelf = a_shelf(tmp_path, Keeping(days=14, calls=3, bytes=1_000_000))
    calls = [a_call(number, NOON + number) for number in range(5)]
    for call in calls:
        shelf.write(a_trace(call))
    assert kept(tmp_path) == [f"{call}.trace" for call in calls[2:]]


def test_of_too_much_the_oldest_goes(tmp_path: Path) -> None:
    size = len(pack(a_trace(a_call(0))))
    shelf = a_shelf(tmp_path, Keeping(days=14, calls=1000, bytes=3 * size))
    for number in range(5):
        shelf.write(a_trace(a_call(number, NOON + number)))
    assert len(kept(tmp_path)) <= 3


def test_a_new_writer_counts_what_an_earlier_one_left(tmp_path: Path) -> None:
    for number in range(3):
        a_shelf(tmp_path).write(a_trace(a_call(number, NOON + number)))
    a_shelf(tmp_path, Keeping(days=14, calls=2, bytes=1_000_000))
    assert len(kept(tmp_path)) == 2


def test_what_was_never_finished_is_removed(tmp_path: Path) -> None:
    a_shelf(tmp_path).write(a_trace(a_call(1)))
    (tmp_path / "2030/01/07/x.trace.new").write_bytes(b"half")
    a_shelf(tmp_path)
    assert kept(tmp_path) == [f"{a_call(1)}.trace"]


def test_a_disk_that_takes_nothing_leaves_nothing_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shelf = a_shelf(tmp_path)

    def full(self: Path, target: Path) -> Path:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space"):
        shelf.write(a_trace(a_call(1)))
    assert kept(tmp_path) == []


@pytest.mark.parametrize("content", [b"", b"nonsense", b"DZVINTR1", b"DZVINTR1nonsense", b"DZVINTR1x\x9c"])
def test_what_is_no_trace_is_told(content: bytes) -> None:
    with pytest.raises(NotATrace):
        unpack(content)


def test_a_damaged_trace_is_told_and_never_half_read() -> None:
    whole = pack(a_trace(a_call(1), os.urandom(500).hex()))
    for cut in (len(whole) - 1, len(whole) // 2):
        with pytest.raises(NotATrace):
            unpack(whole[:cut])


def test_a_trace_of_a_later_version_is_told() -> None:
    with pytest.raises(NotATrace, match="version 2"):
        unpack(pack(Trace(2, str(a_call(1)), NOON, [], [], [])))


def test_the_place_follows_from_the_id() -> None:
    assert str(place(a_call(1))) == f"2030/01/07/{a_call(1)}.trace"
