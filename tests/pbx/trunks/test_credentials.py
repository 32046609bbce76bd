"""Our password answers the trunk's own realm at the trunk's own address, and nothing else."""

from __future__ import annotations

import pytest

from pbx.net.transport import Flow
from pbx.sip import digest
from pbx.sip.digest import Algorithm, challenge, ha1, verify
from pbx.sip.message import Request, Response, parse
from pbx.sip.reply import reply
from pbx.trunks.credentials import Credentials, again
from tests.pbx.switch import TRUNK, a_request

STRANGER = Flow("UDP", "192.0.2.66", 5060)


def credentials(realm: str = "provider.example") -> Credentials:
    return Credentials(
        trunk="city", username="380441112233", password="s3cret", realm=realm, is_ours=lambda flow: flow == TRUNK
    )


def a(method: str, to_tag: str = "") -> Request:
    request = parse(a_request(method, "sip:0671112233@provider.example", to_tag=to_tag).encode())
    assert isinstance(request, Request)
    return request


def challenged(request: Request, *values: str, status: int = 407, header: str = "Proxy-Authenticate") -> Response:
    return reply(request, status, headers=[(header, value) for value in values])


def nonce(realm: str = "provider.example", algorithm: Algorithm = Algorithm.MD5, *, stale: bool = False) -> str:
    return challenge(realm, "n0nce", algorithm, stale=stale)


@pytest.mark.parametrize(
    ("status", "asks", "answers"),
    [(401, "WWW-Authenticate", "Authorization"), (407, "Proxy-Authenticate", "Proxy-Authorization")],
)
@pytest.mark.parametrize("algorithm", list(Algorithm))
def test_a_challenge_of_the_trunk_is_answered_rightly(
    status: int, asks: str, answers: str, algorithm: Algorithm
) -> None:
    request = a("INVITE")
    response = challenged(request, nonce(algorithm=algorithm), status=status, header=asks)
    proof = credentials().proof(request, response, TRUNK)
    assert proof is not None
    assert proof[0] == answers
    given = digest.Credentials.parse(proof[1])
    assert given.uri == request.uri
    assert verify(given, "INVITE", ha1("380441112233", "provider.example", "s3cret", algorithm))


@pytest.mark.parametrize("method", ["INVITE", "BYE", "REGISTER"])
def test_another_realm_gets_no_answer(method: str) -> None:
    mine = credentials()
    request = a(method)
    assert mine.proof(request, challenged(request, nonce("evil.example")), TRUNK) is None
    assert mine.withheld == 1


def test_another_address_gets_no_answer_even_with_our_realm() -> None:
    mine = credentials()
    request = a("BYE", to_tag="callee")
    assert mine.proof(request, challenged(request, nonce()), STRANGER) is None
    assert mine.proof(request, challenged(request, nonce()), None) is None
    assert mine.withheld == 2


def test_among_several_challenges_the_first_of_our_realm_that_we_speak_is_answered() -> None:
    request = a("INVITE")
    values = [nonce("other.example"), 'Digest realm="provider.example", nonce="x", algorithm=ROT13', nonce(
        algorithm=Algorithm.SHA_256), nonce()]  # fmt: skip
    proof = credentials().proof(request, challenged(request, *values), TRUNK)
    assert proof is not None
    assert digest.Credentials.parse(proof[1]).algorithm is Algorithm.SHA_256


def test_an_unset_realm_is_learned_from_the_first_new_call_and_then_holds() -> None:
    mine = credentials(realm="")
    bye, invite = a("BYE", to_tag="callee"), a("INVITE")
    assert mine.proof(bye, challenged(bye, nonce("evil.example")), TRUNK) is None
    assert mine.proof(invite, challenged(invite, nonce("provider.example")), TRUNK) is not None
    assert mine.proof(invite, challenged(invite, nonce("evil.example")), TRUNK) is None
    assert mine.proof(bye, challenged(bye, nonce("provider.example")), TRUNK) is not None


def test_a_refused_password_is_not_tried_again_but_a_stale_nonce_is() -> None:
    mine = credentials()
    request = a("INVITE")
    proof = mine.proof(request, challenged(request, nonce()), TRUNK)
    assert proof is not None
    second = again(request, proof, via="SIP/2.0/UDP 203.0.113.1;branch=z9hG4bKsecond", cseq=2)
    assert mine.proof(second, challenged(second, nonce()), TRUNK) is None
    assert mine.proof(second, challenged(second, nonce(stale=True)), TRUNK) is not None


def test_a_nonce_that_is_used_again_is_counted() -> None:
    mine = credentials()
    request = a("INVITE")
    counts = []
    for _ in range(3):
        proof = mine.proof(request, challenged(request, nonce()), TRUNK)
        assert proof is not None
        counts.append(digest.Credentials.parse(proof[1]).nc)
    assert counts == [1, 2, 3]


def test_the_second_request_differs_only_in_branch_number_and_proof() -> None:
    request = a("INVITE")
    second = again(request, ("Proxy-Authorization", "Digest x"), via="SIP/2.0/UDP 203.0.113.1;branch=z9hG4bKb", cseq=2)
    assert second.via.branch == "z9hG4bKb"
    assert len(second.vias) == 1
    assert (second.cseq.number, second.cseq.method) == (2, "INVITE")
    assert second.headers.get("proxy-authorization") == "Digest x"
    for name in ("From", "To", "Call-ID", "Contact"):
        assert second.headers.get(name) == request.headers.get(name)
    third = again(second, ("Proxy-Authorization", "Digest y"), via="SIP/2.0/UDP 203.0.113.1;branch=z9hG4bKc", cseq=3)
    assert third.headers.all("proxy-authorization") == ["Digest y"]


@pytest.mark.parametrize("value", ["", "Basic realm=x", 'Digest realm="provider.example"', "Digest " + "a=b," * 2000])
def test_a_challenge_that_is_none_gets_no_answer(value: str) -> None:
    request = a("INVITE")
    assert credentials().proof(request, challenged(request, value), TRUNK) is None


def test_without_a_password_nothing_is_answered() -> None:
    nobody = Credentials(trunk="t", username="", password="", realm="", is_ours=lambda _: True)
    request = a("INVITE")
    assert nobody.proof(request, challenged(request, nonce()), TRUNK) is None
    assert nobody.realm == ""
