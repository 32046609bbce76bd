"""Every message of the call flows of RFC 3665 and RFC 7118 means the same after we have written it again."""

import re
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


COMPACT = {
    "v": "via",
    "f": "from",
    "t": "to",
    "i": "call-id",
    "m": "contact",
    "c": "content-type",
    "l": "content-length",
}


def lines_of(data: bytes) -> list[tuple[str, bytes]]:
    """The header as anybody reads it who knows nothing of our parser; Content-Length is of the message, not in it."""
    head = re.sub(rb"\r\n[ \t]+", b" ", data.lstrip(b"\r\n").partition(b"\r\n\r\n")[0])
    pairs = [line.partition(b":") for line in head.split(b"\r\n")[1:]]
    named = [(name.decode().strip().lower(), value.strip()) for name, _, value in pairs]
    full = [(COMPACT.get(name, name), value) for name, value in named]
    return [pair for pair in full if pair[0] != "content-length"]


@pytest.mark.parametrize("path", FLOWS, ids=lambda path: path.stem)
def test_no_header_is_lost_or_changed(path: Path) -> None:
    data = path.read_bytes()
    written = parse(data).serialise()
    assert lines_of(written) == lines_of(data)
    assert written.split(b"\r\n")[0] == data.lstrip(b"\r\n").split(b"\r\n")[0]
    assert written.partition(b"\r\n\r\n")[2] == data.partition(b"\r\n\r\n")[2]


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
