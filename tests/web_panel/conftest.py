from __future__ import annotations

import pytest

from crm_core.database import Pool
from tests.support.database import conn, database_server, database_url, pool
from tests.web_panel.house import House, a_house

__all__ = ["conn", "database_server", "database_url", "house", "pool"]


@pytest.fixture
async def house(pool: Pool) -> House:
    return await a_house(pool)
