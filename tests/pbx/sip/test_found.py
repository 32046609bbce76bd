"""Messages that the fuzzers found, each with the rule that it broke. The files also start further mutations."""

from __future__ import annotations

from pathlib import Path

import pytest

from pbx.sip.errors import RemoteProtocolError
from pbx.sip.message import Via, parse
from tests.pbx.sip import invariant
from tests.pbx.sip.messages import files, text_of

FOUND = files("found", ".bin")


@pytest.mark.parametrize("path", FOUND, ids=lambda path: path.stem)
def test_what_was_found_once_holds_now(path: Path) -> None:
    invariant.check_message(path.read_bytes())


@pytest.mark.parametrize("parameter", ["<sip:a@b?x=%3Cy%3E>", ": a", 'q"r', "п=1"])
def test_a_via_parameter_that_is_no_token_is_refused(parameter: str) -> None:
    """86a180700ff9a286: we would have quoted it into something else, and its sender could not have read it again."""
    with pytest.raises(RemoteProtocolError):
        Via.parse(f"SIP/2.0/UDP host5.example.com;branch=z9hG4bKkdjuw;{parameter}")


def test_a_to_with_no_room_for_our_tag_is_refused() -> None:
    """5247f6cdb8afe450: the answer carries one parameter more than the request, and nobody could read it."""
    with pytest.raises(RemoteProtocolError) as caught:
        parse(text_of("OPTIONS sip:a@b SIP/2.0", to="<sip:a@b>" + ";x" * 128))
    assert caught.value.status == 400
    assert parse(text_of("OPTIONS sip:a@b SIP/2.0", to="<sip:a@b>" + ";x" * 127))
    assert parse(text_of("OPTIONS sip:a@b SIP/2.0", to="<sip:a@b>;tag=t" + ";x" * 127))
