"""`docs/interop.md` is what a run of these very tests has written."""

from __future__ import annotations

from tests.interop.capabilities import Capability
from tests.interop.phones.known import PHONES
from tests.interop.table import FILE, Found, read, render, to_try


def test_the_table_is_not_edited_by_hand() -> None:
    text = FILE.read_text(encoding="utf-8")
    assert render(read(text)) == text, "run `make interop`"


def test_the_table_holds_what_is_tried_now_and_nothing_fails() -> None:
    found = read(FILE.read_text(encoding="utf-8"))
    assert found.passed.keys() == to_try(), "run `make interop`"
    assert [cell for cell, passed in found.passed.items() if not passed] == []


def test_a_failure_is_told() -> None:
    cells = dict.fromkeys(to_try(), True)
    cells[PHONES[0].NAME, Capability.CALLS.name] = False
    found = Found({kind.NAME: "1.0" for kind in PHONES}, cells)
    assert render(found).count("**fails**") == 1
    assert read(render(found)) == found
