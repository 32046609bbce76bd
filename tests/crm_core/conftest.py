"""Every test of the CRM core runs against a real PostgreSQL."""

from __future__ import annotations

from tests.support.database import conn, database_server, database_url, pool

__all__ = ["conn", "database_server", "database_url", "pool"]
