"""Every message of the call flows of RFC 3665 and RFC 7118 means the same after we have written it again."""

from pathlib import Path

import pytest

from pbx.sip.message import Request, parse
from pbx.sip.offer_answer import NotAcceptable, answer
from pbx.sip.reply import reply
from pbx.sip.sdp import Sdp
from pbx.sip.transaction import client_key
from tests.pbx.sip.messages import files

FLOWS = [*files("flows-rfc3665", ".sip"), *files("flows-rfc7118", ".sip")]


@pytest.mark.parametrize("path", FLOWS, ids=lambda path: path.stem)
def test_means_the_same_after_writing(path: Path) -> None:
    message = parse(path.read_bytes())
    again = parse(message.serialise())
    assert again == message
    for read in ("vias", "from_", "to", "cseq", "sip_call_id", "contacts", "routes", "record_routes", "max_forwards"):
        assert getattr(again, read) == getattr(message, read)


@pytest.mark.parametrize("path", FLOWS, ids=lambda path: path.stem)
def test_every_typed_value_is_written_as_it_is_read(path: Path) -> None:
    message = parse(path.read_bytes())
    for via in message.vias:
        assert type(via).parse(str(via)) == via
    for address in (message.from_, message.to, *message.contacts, *message.routes, *message.record_routes):
        assert type(address).parse(str(address)) == address
        assert type(address.uri).parse(str(address.uri)) == address.uri


@pytest.mark.parametrize("path", FLOWS, ids=lambda path: path.stem)
def test_a_request_can_be_answered(path: Path) -> None:
    message = parse(path.read_bytes())
    if isinstance(message, Request):
        response = parse(reply(message, 200, to_tag="mine").serialise())
        assert client_key(response) == client_key(message)


@pytest.mark.parametrize("path", FLOWS, ids=lambda path: path.stem)
def test_a_session_description_means_the_same_after_writing(path: Path) -> None:
    message = parse(path.read_bytes())
    if message.body and message.content_type == "application/sdp":
        sdp = Sdp.parse(message.body)
        assert Sdp.parse(sdp.serialise()) == sdp
        try:
            result = answer(sdp, address="192.0.2.1", port=40000, session_id=1, version=1)
        except NotAcceptable as error:
            pytest.fail(f"audio refused: {error}")
        assert len(result.sdp.media) == len(sdp.media)
