"""Digest: RFC 7616 §3.9's examples, RFC 2617 §3.5's, RFC 3261 §22, RFC 8760."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.sip.digest import Algorithm, Challenge, Credentials, authorise, challenge, ha1, verify
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
