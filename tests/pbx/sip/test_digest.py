"""Digest: RFC 7616 §3.9's examples, RFC 2617 §3.5's, RFC 3261 §22, RFC 8760; nonces and replays."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.sip.digest import Algorithm, Challenge, Credentials, Freshness, Nonces, authorise, challenge, ha1, verify
from pbx.sip.errors import LocalProtocolError, RemoteProtocolError

RFC7616 = (
    'Digest realm="http-auth@example.org", qop="auth, auth-int", algorithm={}, '
    'nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
)


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_examples_of_rfc_7616(algorithm: str, response: str) -> None:
    value = authorise(
        RFC7616.format(algorithm),
        method="GET",
        uri="/dir/index.html",
        username="Mufasa",
        password="Circle of Life",
        cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ",
    )
    credentials = Credentials.parse(value)
    assert credentials.response == response
    assert credentials.opaque == "FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"


def test_the_example_of_rfc_2617() -> None:
    credentials = Credentials.parse(
        'Digest username="Mufasa", realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", '
        'uri="/dir/index.html", qop=auth, nc=00000001, cnonce="0a4f113b", '
        'response="6629fae49393a05397450978507c4ef1", opaque="5ccc069c403ebaf9f0171e9517f40e41"'
    )
    secret = ha1("Mufasa", "testrealm@host.com", "Circle Of Life", Algorithm.MD5)
    assert verify(credentials, "GET", secret)
    assert not verify(credentials, "PUT", secret)


def test_an_answer_without_qop_is_understood() -> None:
    asked = 'Digest realm="r", nonce="n"'
    credentials = Credentials.parse(
        authorise(asked, method="REGISTER", uri="sip:r", username="u", password="p", cnonce="c")
    )
    assert (credentials.qop, credentials.nc, credentials.cnonce) == (None, None, "")
    assert verify(credentials, "REGISTER", ha1("u", "r", "p", Algorithm.MD5))


@pytest.mark.parametrize("algorithm", Algorithm)
def test_both_ends_agree(algorithm: Algorithm) -> None:
    value = authorise(
        challenge('the "realm"', "n", algorithm),
        method="INVITE",
        uri="sip:a@b",
        username="ю\\z",
        ha1=ha1("ю\\z", 'the "realm"', "p", algorithm),
        cnonce="c",
        nc=0x1F,
    )
    credentials = Credentials.parse(value)
    assert (credentials.username, credentials.realm) == ("ю\\z", 'the "realm"')
    assert (credentials.algorithm, credentials.nc, credentials.nc_text) == (algorithm, 31, "0000001f")
    assert verify(credentials, "INVITE", ha1("ю\\z", 'the "realm"', "p", algorithm))
    assert not verify(credentials, "INVITE", ha1("ю\\z", 'the "realm"', "q", algorithm))


def test_auth_int_covers_the_body() -> None:
    secret = ha1("u", "r", "p", Algorithm.MD5)
    hashed = Algorithm.MD5.digest
    body = hashed(b"body")
    response = hashed(f"{secret}:n:00000001:c:auth-int:{hashed(f'INVITE:sip:a@b:{body}')}")
    credentials = Credentials.parse(
        f'Digest username="u", realm="r", nonce="n", uri="sip:a@b", qop=auth-int, nc=00000001, cnonce="c", '
        f'response="{response}"'
    )
    assert verify(credentials, "INVITE", secret, b"body")
    assert not verify(credentials, "INVITE", secret, b"other")


def test_challenges() -> None:
    asked = Challenge.parse(challenge("r", "n", Algorithm.SHA_256, stale=True))
    assert asked == Challenge(realm="r", nonce="n", algorithm=Algorithm.SHA_256, qop=("auth",), stale=True)
    assert "stale" not in challenge("r", "n", Algorithm.MD5)


@pytest.mark.parametrize(
    "value",
    [
        "",
        "Digest",
        "Digest ",
        "Basic dTpw",
        'Digest username="u"',
        'Digest username="u", username="v", realm="r", nonce="n", uri="x", response="y"',
        'Digest username="u", realm="r", nonce="n", uri="x", response="y", algorithm=SHA-1',
        'Digest username="u", realm="r", nonce="n", uri="x", response="y", algorithm=MD5-sess',
        'Digest username="u", realm="r", nonce="n", uri="x", response="y", qop=auth',
        'Digest username="u", realm="r", nonce="n", uri="x", response="y", qop=auth, nc=١, cnonce="c"',
        'Digest username="u", realm="r", nonce="n", uri="x", response="y", qop=auth, nc=123456789, cnonce="c"',
        'Digest username="u", realm="r", nonce="n", uri="x", response="y", qop=token, nc=1, cnonce="c"',
        'Digest username="u, realm="r", nonce="n", uri="x", response="y"',
        'Digest username="u" realm="r"',
        "Digest =",
    ],
)
def test_broken_credentials_are_refused(value: str) -> None:
    with pytest.raises(RemoteProtocolError):
        Credentials.parse(value)


@given(st.text())
def test_any_text_parses_as_credentials_or_is_refused(text: str) -> None:
    for value in (
        text,
        f"Digest {text}",
        f'Digest username="{text}", realm="r", nonce="n", uri="x", response="{text}"',
    ):
        try:
            verify(Credentials.parse(value), "INVITE", "0" * 32)
        except RemoteProtocolError:
            pass


@pytest.mark.parametrize("asked", ['Digest realm="r"', 'Digest realm="r", nonce="n", qop="auth-int"', "Bearer x"])
def test_a_challenge_that_cannot_be_answered(asked: str) -> None:
    with pytest.raises(RemoteProtocolError):
        authorise(asked, method="INVITE", uri="sip:a", username="u", password="p", cnonce="c")


def test_to_answer_takes_a_secret() -> None:
    with pytest.raises(LocalProtocolError):
        authorise(challenge("r", "n", Algorithm.MD5), method="INVITE", uri="sip:a", username="u", cnonce="c")


def test_passwords_are_not_shown() -> None:
    value = authorise(challenge("r", "n", Algorithm.MD5), method="X", uri="u", username="u", password="p", cnonce="c")
    credentials = Credentials.parse(value)
    assert credentials.response not in repr(credentials)


@pytest.fixture
def nonces() -> Nonces:
    return Nonces(b"sixteen bytes or more", lifetime=300)


def test_a_nonce_is_fresh_for_its_lifetime(nonces: Nonces) -> None:
    nonce = nonces.make(1000.0, "r", "192.0.2.1")
    assert nonces.check(nonce, 1000.0, "r", "192.0.2.1") is Freshness.FRESH
    assert nonces.check(nonce, 1300.0, "r", "192.0.2.1") is Freshness.FRESH
    assert nonces.check(nonce, 1300.1, "r", "192.0.2.1") is Freshness.STALE


def test_a_nonce_of_another_realm_tag_or_secret_is_forged(nonces: Nonces) -> None:
    nonce = nonces.make(1000.0, "r", "tag")
    assert nonces.check(nonce, 1000.0, "s", "tag") is Freshness.FORGED
    assert nonces.check(nonce, 1000.0, "r", "other") is Freshness.FORGED
    assert Nonces(b"another secret of ours").check(nonce, 1000.0, "r", "tag") is Freshness.FORGED


def test_a_nonce_from_the_future_is_not_fresh(nonces: Nonces) -> None:
    assert nonces.check(nonces.make(2000.0, "r"), 1000.0, "r") is Freshness.STALE


def test_a_nonce_has_one_spelling(nonces: Nonces) -> None:
    nonce = nonces.make(1000.0, "r")
    for other in (nonce + "\n", nonce[:5] + "!" + nonce[5:], nonce.rstrip("="), nonce + "=", nonce[:-3] + "x=="):
        assert nonces.check(other, 1000.0, "r") is Freshness.FORGED
        assert not nonces.accept_count(other, 1)


@given(st.text())
def test_any_text_is_a_forged_nonce(text: str) -> None:
    nonces = Nonces(b"sixteen bytes or more")
    assert nonces.check(text, 0.0, "r") is Freshness.FORGED
    assert not nonces.accept_count(text, 1)


def test_no_two_nonces_are_the_same(nonces: Nonces) -> None:
    assert len({nonces.make(1000.0, "r") for _ in range(100)}) == 100


def test_a_count_is_taken_once(nonces: Nonces) -> None:
    nonce = nonces.make(1000.0, "r")
    taken = [nonces.accept_count(nonce, count) for count in (1, 1, 3, 2, 2, 3, 4)]
    assert taken == [True, False, True, True, False, False, True]


def test_a_count_far_behind_is_refused(nonces: Nonces) -> None:
    nonce = nonces.make(1000.0, "r")
    assert nonces.accept_count(nonce, 0xFFFFFFFF)
    assert nonces.accept_count(nonce, 0xFFFFFFFF - 63)
    assert not nonces.accept_count(nonce, 0xFFFFFFFF - 64)


@given(st.lists(st.integers(0, 200)))
def test_no_count_is_ever_taken_twice(counts: list[int]) -> None:
    nonces = Nonces(b"sixteen bytes or more")
    nonce = nonces.make(1000.0, "r")
    taken = [count for count in counts if nonces.accept_count(nonce, count)]
    assert len(taken) == len(set(taken))


def test_without_a_count_a_nonce_serves_once(nonces: Nonces) -> None:
    nonce = nonces.make(1000.0, "r")
    assert nonces.accept_count(nonce, None)
    assert not nonces.accept_count(nonce, None)


def test_forgetting_opens_no_way_to_a_replay() -> None:
    nonces = Nonces(b"sixteen bytes or more", remembered=2)
    first, second, third, unused = (nonces.make(1000.0, "r") for _ in range(4))
    assert all(nonces.accept_count(nonce, 1) for nonce in (second, third, unused))
    assert not nonces.accept_count(second, 1)  # forgotten, and refused for that
    assert not nonces.accept_count(first, 1)  # older still
    assert not nonces.accept_count(third, 1)  # remembered
    assert nonces.accept_count(nonces.make(1000.0, "r"), 1)


def test_expired_nonces_are_forgotten_and_stay_refused(nonces: Nonces) -> None:
    old = nonces.make(1000.0, "r")
    assert nonces.accept_count(old, 1)
    new = nonces.make(1300.1, "r")
    assert not nonces.accept_count(old, 2)
    assert nonces.accept_count(new, 1)


def test_a_short_secret_is_no_secret() -> None:
    with pytest.raises(LocalProtocolError):
        Nonces(b"short")
