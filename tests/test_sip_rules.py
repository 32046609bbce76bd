"""docs/sip.md: every test that it names as a proof exists, and no RFC of the design is missing."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PAGE = (TESTS.parent / "docs" / "sip.md").read_text(encoding="utf-8")
ROWS = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith(("| RFC", "| rule"))]
PROOF = re.compile(r"`([a-z0-9_/]+\.py)::(test_[a-z0-9_]+)`")
DESIGN = (
    3261, 3262, 3264, 3311, 3323, 3325, 3326, 3515, 3581, 3842, 3856, 3891, 3903, 4028, 4235, 4488, 4733, 5373, 5389,
    5626, 5627, 6026, 7118, 7332, 7616, 8760, 8866,
)  # fmt: skip


@cache
def names_in(path: Path) -> frozenset[str]:
    functions = ast.FunctionDef | ast.AsyncFunctionDef
    tree = ast.parse(path.read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, functions))


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[:60])
def test_every_rule_has_a_proof_that_exists(row: str) -> None:
    proofs = PROOF.findall(row.rpartition(" | ")[2])
    assert proofs, "a rule without a proof"
    assert [f"{file}::{name}" for file, name in proofs if name not in names_in(TESTS / file)] == []


def test_no_rfc_of_the_design_is_missing() -> None:
    named = {int(number) for row in ROWS for number in re.findall(r"\b\d{4}\b", row.split(" | ")[0])}
    assert set(DESIGN) - named == set()
