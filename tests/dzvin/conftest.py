"""What the tests of this room share: a real PostgreSQL, and a place for sockets that is gone afterwards."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator

import pytest

from tests.support.database import conn, database_server, database_url, pool

__all__ = ["conn", "database_server", "database_url", "pool", "socket_folders"]


@pytest.fixture
def socket_folders(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Runtime folders of this process and of its children go below one that is removed; pytest's names are too long."""
    tmp_path_factory.getbasetemp()  # pytest chooses its place once: before ours
    folder = tempfile.mkdtemp(prefix="dz-")
    monkeypatch.setattr(tempfile, "tempdir", folder)
    monkeypatch.setenv("TMPDIR", folder)
    yield
    shutil.rmtree(folder)
