"""What the media worker keeps of a leg for the next core: enough to end it if we die (see `pbx.orphans`)."""

from __future__ import annotations

import json

import msgspec

from pbx.sip.message import Request

LONGEST = 4096  # octets


class Cookie(msgspec.Struct, omit_defaults=True):
    """A confirmed leg has a `dialog`. An unanswered one has the head of its INVITE, theirs or ours; `tag` is the To
    tag that we gave to theirs, `cseq` the last number that we used since ours."""

    call_id: str
    leg: str
    flow: str = ""
    dialog: dict[str, str | int | list[str]] | None = None
    invite: str = ""
    outbound: bool = False
    tag: str = ""
    cseq: int = 0

    def packed(self) -> bytes:
        try:
            data = msgspec.json.encode(self)
        except UnicodeEncodeError:
            # A header of the peer's is not UTF-8 (old phones write names in Windows-1251): JSON can say its bytes too,
            # as escaped lone surrogates, which only the standard library reads and writes.
            data = json.dumps(msgspec.to_builtins(self)).encode()
        if len(data) > LONGEST:  # a peer with huge headers: the call can still be told as interrupted
            data = msgspec.json.encode(Cookie(self.call_id, self.leg))
        return data

    @classmethod
    def unpacked(cls, data: bytes) -> Cookie:
        """Raises ValueError for what `packed` did not make."""
        try:
            return msgspec.json.decode(data, type=cls)
        except msgspec.DecodeError:
            return msgspec.convert(json.loads(data), cls)


def head_of(request: Request) -> str:
    """A request without its body, as text."""
    return Request(request.method, request.uri, request.headers).serialise().decode("utf-8", "surrogateescape")
