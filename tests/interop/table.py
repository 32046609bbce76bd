"""The table of `docs/interop.md`, made by a run of the tests: `make interop`, or pytest with `--interop-table=FILE`.

Each test that `tries` a capability with a phone fills a cell. The file is written when no cell was left out, and says
what was found; it is never edited by hand.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.interop.capabilities import Capability
from tests.interop.foreign_phone import ForeignPhone
from tests.interop.phones.known import PHONES

PROPERTY = "foreign phone"
FILE = Path(__file__).parents[2] / "docs" / "interop.md"
YES, FAILS, NOT_TRIED = "yes", "**fails**", "not tried"
Cell = tuple[str, str]  # a phone's NAME, a Capability's name
HEAD = """# Foreign phones

<!-- Made by `make interop`. Change the tests in tests/interop, not this file. -->

Programs that nobody of this project wrote, each with the product as a whole: what they were seen to do, version by
version. Each cell is a test in `tests/interop`. Where there is sound, each side speaks a tone of its own and must hear
the other's, and not its own, after every step; who is held must hear music, and not who holds.
"""


@dataclass(frozen=True, slots=True)
class Found:
    """`versions`: by a phone's NAME. `passed`: whether all tests of a cell did."""

    versions: Mapping[str, str]
    passed: Mapping[Cell, bool]


def to_try() -> set[Cell]:
    return {
        (kind.NAME, what.name)
        for kind in PHONES
        for what in Capability
        if what not in {**kind.CANNOT, **kind.NOT_TRIED}
    }


def render(found: Found) -> str:
    notes: dict[str, int] = {}

    def cell(kind: type[ForeignPhone], what: Capability) -> str:
        if what in kind.CANNOT:
            told, note = "–", kind.CANNOT[what]
        elif what in kind.NOT_TRIED:
            told, note = NOT_TRIED, kind.NOT_TRIED[what]
        else:
            told, note = YES if found.passed[kind.NAME, what.name] else FAILS, kind.NOTES.get(what, "")
        if not note:
            return told
        return f"{told} [{notes.setdefault(f'{kind.NAME}: {note}', len(notes) + 1)}]"

    lines = [[what.value, *(cell(kind, what) for kind in PHONES)] for what in Capability]
    head = ["", *(f"{kind.NAME} {found.versions[kind.NAME]}" for kind in PHONES)]
    rows = [head, ["---"] * len(head), *lines]
    table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    told = "\n".join(f"{number}. {note}." for note, number in notes.items())
    sources = "\n".join(f"- {kind.NAME}: {kind.WHERE_FROM}" for kind in PHONES)
    return f"{HEAD}\n{table}\n\n–: the phone itself cannot.\n\n{told}\n\nWhere they come from:\n\n{sources}\n"


def read(text: str) -> Found:
    """What a table that was rendered says. Raises ValueError for what is none."""
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line[:1] == "|"]
    if len(rows) < 3:
        raise ValueError("no table")
    names = {kind.NAME: kind for kind in PHONES}
    heads = [re.fullmatch(r"(\S+) (\S+)", head) for head in rows[0][1:]]
    versions = {head[1]: head[2] for head in heads if head is not None}
    by_words = {what.value: what for what in Capability}
    passed = {
        (name, by_words[row[0]].name): cell.startswith(YES)
        for row in rows[2:]
        for name, cell in zip(versions, row[1:], strict=True)
        if row[0] in by_words and name in names and not cell.startswith(("–", NOT_TRIED))
    }
    return Found(versions, passed)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--interop-table", metavar="FILE", help="write what foreign phones were seen to do in this run")


def pytest_configure(config: pytest.Config) -> None:
    file = config.getoption("interop_table")
    if file and not hasattr(config, "workerinput"):  # with xdist, reports meet in the process that distributes
        config.pluginmanager.register(_Collector(Path(file)))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        mark = item.get_closest_marker("capability")
        if mark is not None and isinstance(item, pytest.Function):
            kind = item.callspec.params["kind"]
            if isinstance(kind, type) and issubclass(kind, ForeignPhone):  # else no phone can
                item.user_properties.append((PROPERTY, f"{kind.NAME} {mark.args[0].name}"))


@dataclass(slots=True, eq=False)
class _Collector:
    file: Path
    passed: dict[Cell, bool] = field(default_factory=dict)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped or (report.when != "call" and report.passed):
            return
        for name, value in report.user_properties:
            if name == PROPERTY:
                phone, what = str(value).split()
                self.passed[phone, what] = report.passed and self.passed.get((phone, what), True)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        left_out = sorted(to_try() - self.passed.keys())
        if left_out:
            terminalreporter.write_line(f"{self.file} was not written; not tried: {left_out}", red=True)
            return
        versions = {kind.NAME: kind.version() for kind in PHONES}
        self.file.write_text(render(Found(versions, self.passed)), encoding="utf-8")
        terminalreporter.write_line(f"{self.file} was written")
