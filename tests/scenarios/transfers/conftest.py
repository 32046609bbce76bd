"""An installation of its own for these scenarios: it gives up soon, has a fallback, its provider carries any call."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.scenarios.transfers.people import FALLBACK
from tests.support.server import ACCEPTANCE, Server, running_dzvin

IMPATIENT = {
    "DZVIN_CALLS__TRANSFER_TIMEOUT": "4",
    "DZVIN_CALLS__RECALL_TIMEOUT": "3",
    "DZVIN_CALLS__FALLBACK": FALLBACK,
}


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("transfers")
    file = folder / "company.toml"
    file.write_text(ACCEPTANCE.read_text().replace('prefixes = ["+380"]', 'prefixes = ["+"]'))
    with running_dzvin(folder / "data", config=file, overrides=IMPATIENT) as server:
        yield server
