"""An installation of its own for these scenarios: short times, pick-up groups, people who want to be reached so."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.server import ACCEPTANCE, Server, running_dzvin

CALLS = """
lines = 0
park_timeout = 6
recall_timeout = 15
pickup_groups = [["1001", "1002", "1003"], ["1001", "1004"]]
"""
DEAR = {"DZVIN_SECURITY__PREMIUM_PREFIXES": "+380900"}  # numbers that nobody may call
MORE = """
# Forwards by the file, until the person changes it.
[[extensions]]
number = "1004"
password = "pw-1004"
forward_busy = "1003"
lines = 1

[[extensions]]
number = "1005"
password = "pw-1005"
do_not_disturb = true

[[extensions]]
number = "1006"
password = "pw-1006"

[[users]]
login = "chief"
full_name = "Ірина Мельник"
role = "supervisor"
password = "chief-pass-1"
extension = "1006"

[[users]]
login = "agent4"
full_name = "Марко Лисенко"
password = "agent4-pass-1"
extension = "1004"

[[users]]
login = "agent5"
full_name = "Леся Тиха"
password = "agent5-pass-1"
extension = "1005"
"""


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("call-control")
    file = folder / "company.toml"
    file.write_text(ACCEPTANCE.read_text().replace("\nlines = 0", CALLS) + MORE)
    with running_dzvin(folder / "data", config=file, overrides=DEAR) as server:
        yield server
