"""What phones publish of their users: RFC 3903 §6, for presence.

Pure: publications in, publications out. Who publishes, and for whom, has been seen to by the caller.
"""

from __future__ import annotations

from dataclasses import dataclass

from pbx.sip import pidf
from pbx.sip.errors import RemoteProtocolError
from pbx.sip.message import Request
from pbx.sip.pidf import Published
from pbx.sip.subscription import Limits

PACKAGE = "presence"


@dataclass(frozen=True, slots=True, kw_only=True)
class Publication:
    """One phone's word, good until `expires_at`. `tag` names it; each change gives it another."""

    tag: str
    expires_at: float
    said_at: float
    says: Published


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """What there is afterwards, the newest last, and what the 200 tells: the tag, and the seconds it is good for."""

    publications: tuple[Publication, ...]
    tag: str
    expires: int

    @property
    def headers(self) -> tuple[tuple[str, str], ...]:
        return ("SIP-ETag", self.tag), ("Expires", str(self.expires))


def publish(
    publications: tuple[Publication, ...], request: Request, *, now: float, tag: str, limits: Limits, most: int = 10
) -> Accepted:
    """What this PUBLISH makes of an account's publications; beyond `most` the oldest goes.

    tag: a fresh one. Raises RemoteProtocolError: 400, 412, 413, 415, 423 with Min-Expires, 489 with Allow-Events.
    """
    # Step 2: a package that we do not take publications for gets a 489.
    package = (request.headers.get("event") or "").partition(";")[0].strip().lower()
    if package != PACKAGE:
        raise RemoteProtocolError("not published here", 489, headers=[("Allow-Events", PACKAGE)])
    live = tuple(publication for publication in publications if publication.expires_at > now)
    # Step 3: SIP-If-Match must name a publication that lives, or the answer is 412 (Conditional Request Failed).
    known = request.headers.get("sip-if-match")
    before = next((publication for publication in live if publication.tag == known), None)
    if known is not None and before is None:
        raise RemoteProtocolError("no such publication", 412)
    expires = _expires(request, limits)
    others = tuple(publication for publication in live if publication is not before)
    if expires == 0:
        if before is None:
            raise RemoteProtocolError("nothing is published, and nothing is to be removed")
        return Accepted(publications=others, tag=tag, expires=0)
    # Steps 5 and 6: without a body the publication is refreshed, and only one that exists can be.
    if request.body:
        says = _says(request)
    elif before is not None:
        says = before.says
    else:
        raise RemoteProtocolError("a first publication without a document")
    said_at = before.said_at if before is not None and says == before.says else now
    ours = Publication(tag=tag, expires_at=now + expires, said_at=said_at, says=says)
    kept = sorted((*others, ours), key=lambda publication: publication.said_at)[-most:]
    return Accepted(publications=tuple(kept), tag=tag, expires=expires)


def merged(publications: tuple[Publication, ...], now: float) -> Published | None:
    """What all of an account's phones say together: whoever said something last has said it for all. None: nothing
    is said."""
    live = [publication for publication in publications if publication.expires_at > now]
    return max(live, key=lambda publication: publication.said_at).says if live else None


def _expires(request: Request, limits: Limits) -> int:
    asked = request.expires if request.expires is not None else limits.default
    # Step 4: an interval under our minimum gets a 423 (Interval Too Brief).
    if 0 < asked < limits.minimum:
        raise RemoteProtocolError("expires too soon", 423, headers=[("Min-Expires", str(limits.minimum))])
    return min(asked, limits.maximum)


def _says(request: Request) -> Published:
    if request.content_type != pidf.MEDIA_TYPE:
        raise RemoteProtocolError("not a presence document", 415, headers=[("Accept", pidf.MEDIA_TYPE)])
    return pidf.read(request.body)
