"""PUBLISH, RFC 3903 §6 step by step."""

from __future__ import annotations

import pytest

from pbx.sip.errors import RemoteProtocolError
from pbx.sip.pidf import Published
from pbx.sip.publication import Accepted, Publication, merged, publish
from pbx.sip.subscription import Limits
from tests.pbx.sip.messages import a_request
from tests.pbx.sip.test_presence_documents import a_presence

NOW = 1000.0
AWAY = Published(is_away=True)
KNOWN = Publication(tag="old", expires_at=1500.0, said_at=900.0, says=AWAY)
TYPE = "Content-Type: application/pidf+xml"


def accepted(*more: str, body: bytes = b"", known: tuple[Publication, ...] = ()) -> Accepted:
    request = a_request("PUBLISH", more=("Event: presence", *more), body=body)
    return publish(known, request, now=NOW, tag="new", limits=Limits(), most=3)


def refused(*more: str, body: bytes = b"", known: tuple[Publication, ...] = ()) -> RemoteProtocolError:
    with pytest.raises(RemoteProtocolError) as caught:
        accepted(*more, body=body, known=known)
    return caught.value


def test_a_first_publication_is_given_a_tag_and_a_time() -> None:
    result = accepted(TYPE, "Expires: 120", body=a_presence("<r:away/>"))
    assert result.headers == (("SIP-ETag", "new"), ("Expires", "120"))
    (publication,) = result.publications
    assert (publication.expires_at, publication.says) == (NOW + 120, AWAY)


def test_a_refresh_has_no_body_and_gets_a_new_tag() -> None:
    result = accepted("SIP-If-Match: old", known=(KNOWN,))
    (publication,) = result.publications
    assert (publication.tag, publication.says, publication.said_at) == ("new", AWAY, KNOWN.said_at)


def test_a_change_takes_the_place_of_what_it_names() -> None:
    result = accepted("SIP-If-Match: old", TYPE, body=a_presence("<r:busy/>"), known=(KNOWN,))
    assert [publication.says for publication in result.publications] == [Published(do_not_disturb=True)]


def test_zero_seconds_take_it_back() -> None:
    assert accepted("SIP-If-Match: old", "Expires: 0", known=(KNOWN,)).publications == ()


@pytest.mark.parametrize("known", [(), (Publication(tag="old", expires_at=NOW - 1, said_at=1.0, says=AWAY),)])
def test_a_tag_that_names_nothing_gets_412(known: tuple[Publication, ...]) -> None:
    assert refused("SIP-If-Match: old", known=known).status == 412


def test_what_cannot_be_published() -> None:
    assert refused().status == 400
    assert refused("Expires: 0").status == 400
    brief = refused(TYPE, "Expires: 5", body=a_presence())
    assert (brief.status, brief.headers) == (423, (("Min-Expires", "60"),))
    other = refused("Content-Type: text/plain", body=b"away")
    assert (other.status, other.headers) == (415, (("Accept", "application/pidf+xml"),))
    with pytest.raises(RemoteProtocolError) as caught:
        publish((), a_request("PUBLISH", more=("Event: dialog",)), now=NOW, tag="t", limits=Limits())
    assert (caught.value.status, caught.value.headers) == (489, (("Allow-Events", "presence"),))


def test_beyond_the_bound_the_oldest_word_goes() -> None:
    known = tuple(Publication(tag=str(at), expires_at=2000.0, said_at=float(at), says=AWAY) for at in range(3))
    tags = [each.tag for each in accepted(TYPE, body=a_presence(), known=known).publications]
    assert tags == ["1", "2", "new"]


def test_whoever_said_something_last_has_said_it_for_all() -> None:
    busy = Publication(tag="b", expires_at=2000.0, said_at=950.0, says=Published(do_not_disturb=True))
    assert merged((KNOWN, busy), NOW) == busy.says
    assert merged((KNOWN, busy), 1999.0) == busy.says
    assert merged((KNOWN,), 1600.0) is None
