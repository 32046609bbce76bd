"""docs/security.md: every promise has proofs, and every test that it names exists."""

from __future__ import annotations

import pytest

from tests.test_sip_rules import PROOF, TESTS, names_in

PAGE = (TESTS.parent / "docs" / "security.md").read_text(encoding="utf-8")
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| promise")]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split(" | ")[0].strip("| "))
def test_every_promise_has_proofs_that_exist(row: str) -> None:
    proofs = PROOF.findall(row.rpartition(" | ")[2])
    assert proofs, "a promise without a proof"
    assert [f"{file}::{name}" for file, name in proofs if name not in names_in(TESTS / file)] == []


def test_a_row_says_what_how_and_where() -> None:
    assert len(ROWS) > 30
    assert {row.count(" | ") for row in ROWS} == {2}
