"""A real PostgreSQL for the tests of this room that need one."""

from __future__ import annotations

from tests.support.database import conn, database_server, database_url, pool

__all__ = ["conn", "database_server", "database_url", "pool"]
