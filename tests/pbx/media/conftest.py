from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.pbx.media.rig import KINDS, Rig, rig


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Compiled, where the engine was compiled, and interpreted."""
    return str(request.param)


@pytest.fixture
def engine(kind: str) -> Iterator[Rig]:
    with rig(kind) as made:
        yield made
