from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.pbx.media.rig import KINDS, Phone, Rig, rig


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Compiled, where the engine was compiled, and interpreted."""
    return str(request.param)


@pytest.fixture
def engine(kind: str) -> Iterator[Rig]:
    with rig(kind) as made:
        yield made


@pytest.fixture
def new_phone() -> Iterator[Callable[..., Phone]]:
    """Makes phones, and closes their sockets at the end."""
    phones: list[Phone] = []

    def make(*, payload_type: int = 0, event_type: int = 101, host: str = "127.0.0.1") -> Phone:
        phones.append(Phone(payload_type=payload_type, event_type=event_type, host=host))
        return phones[-1]

    yield make
    for phone in phones:
        phone.close()
