"""Which rows of the requirements have a passing test: `@pytest.mark.req("R-PHONE-39")` in, one line for each row out.

With `--requirements=FILE` the run leaves FILE behind (with the sign: pytest takes a word that names a file for tests to
run). `python -m tests.requirements_plugin FILE` prints it as `R-PHONE-39 pass tests/…::test_name`. A row with a failing
test is not proven: it is told on standard error instead.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest

ROW = re.compile(r"R-[A-Z]+-[0-9]{2,3}|O-[0-9]{2}", re.ASCII)
PROPERTY = "requirement"

Results = dict[str, dict[str, str]]  # row -> test -> "passed" | "failed" | "skipped"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--requirements", metavar="FILE", help="write which requirement rows the tests of this run prove")


def pytest_configure(config: pytest.Config) -> None:
    file = config.getoption("requirements")
    if file and not hasattr(config, "workerinput"):  # with xdist, reports meet in the process that distributes
        config.pluginmanager.register(_Collector(Path(file)))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        for mark in item.iter_markers("req"):
            for row in mark.args:
                if not ROW.fullmatch(str(row)):
                    raise pytest.UsageError(f'{item.nodeid}: expected a row such as "R-PHONE-39", got "{row}"')
                item.user_properties.append((PROPERTY, row))  # travels with each report, over processes too


@dataclass(slots=True, eq=False)
class _Collector:
    file: Path
    results: Results = field(default_factory=dict)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.when != "call" and report.passed:
            return  # a set-up that works says nothing yet
        for name, row in report.user_properties:
            if name == PROPERTY:
                tests = self.results.setdefault(str(row), {})
                if tests.get(report.nodeid) != "failed":  # a failing tear-down comes after a passing call
                    tests[report.nodeid] = report.outcome

    def pytest_sessionfinish(self) -> None:
        self.file.parent.mkdir(parents=True, exist_ok=True)
        self.file.write_text(json.dumps(self.results, indent=1, sort_keys=True) + "\n")


def lines(results: Results) -> tuple[list[str], list[str]]:
    """Proven rows, one line each, and the failures of the others."""
    proven, failing = [], []
    for row in sorted(results):
        tests = results[row]
        broken = sorted(test for test, outcome in tests.items() if outcome == "failed")
        passed = sorted(test for test, outcome in tests.items() if outcome == "passed")
        failing += [f"{row} fail {test}" for test in broken]
        if passed and not broken:
            proven.append(f"{row} pass {passed[0]}")
    return proven, failing


def main(arguments: Sequence[str]) -> None:
    proven, failing = lines(json.loads(Path(arguments[0]).read_text()))
    for line in proven:
        print(line)
    for line in failing:
        print(line, file=sys.stderr)


if __name__ == "__main__":
    main(sys.argv[1:])
