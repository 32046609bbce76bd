"""What the tests of this room share: a real PostgreSQL, and a place for sockets that is gone afterwards."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator

import pytest

from tests.support.database import conn, database_server, database_url, pool

__all__ = ["conn", "database_server", "database_url", "pool", "socket_folders"]


@pytest.fixture
def socket_folders(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Runtime folders of this process and of its children go below one that is removed; pytest's names are too long."""
    folder = tempfile.mkdtemp(prefix="dz-")
    monkeypatch.setattr(tempfile, "tempdir", folder)
    monkeypatch.setenv("TMPDIR", folder)
    yield
    shutil.rmtree(folder)
