"""SIP URIs and name-addr values: RFC 3261 §19.1, §20.10, §25.1."""

import pytest

from pbx.sip.errors import RemoteProtocolError
from pbx.sip.uri import NameAddr, SipUri, split_list


def test_all_the_parts() -> None:
    uri = SipUri.parse(
        "SIPS:al%69ce:se%3Acret@Example.COM:5071;Transport=TCP;lr?Subject=hi%20there&Replaces=a%40b%3Bto-tag%3D1"
    )
    assert (uri.scheme, uri.user, uri.password, uri.host, uri.port) == ("sips", "alice", "se:cret", "Example.COM", 5071)
    assert uri.parameters == {"transport": "TCP", "lr": None}
    assert uri.transport == "tcp"
    assert uri.headers == (("Subject", "hi there"), ("Replaces", "a@b;to-tag=1"))
    assert uri.header("replaces") == "a@b;to-tag=1"
    assert uri.header("absent") is None


def test_ipv6_hosts_are_kept_without_brackets() -> None:
    uri = SipUri.parse("sip:a@[2001:db8::10]:5070")
    assert (uri.host, uri.port) == ("2001:db8::10", 5070)
    assert str(uri) == "sip:a@[2001:db8::10]:5070"


def test_a_number_inside_the_brackets_is_part_of_the_address() -> None:
    assert SipUri.parse("sip:[2001:db8::10:5070]").port is None


@pytest.mark.parametrize(
    ("text", "user"),
    [
        (
            "sip:1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*:pw@example.com",
            "1_unusual.URI~(to-be!sure)&isn't+it$/crazy?,/;;*",
        ),
        ("sip:user;par=u%40example.net@example.com", "user;par=u@example.net"),
        ("sip:sips%3Auser%40example.com@example.net", "sips:user@example.com"),
        ("sip:*43#@example.com", "*43#"),
        ("sip:Їжак@example.com", "Їжак"),
        ("sip:null-%00-null@example.com", "null-\x00-null"),
        ("sip:%zz@example.com", "%zz"),
    ],
)
def test_user_parts(text: str, user: str) -> None:
    uri = SipUri.parse(text)
    assert uri.user == user
    assert SipUri.parse(str(uri)) == uri


def test_what_must_be_escaped_is_escaped() -> None:
    assert str(SipUri(user="*43#", host="example.com")) == "sip:*43%23@example.com"
    assert str(SipUri(user="a@b", host="example.com")) == "sip:a%40b@example.com"


@pytest.mark.parametrize(
    "text",
    ["", "sip", "sip:", "sip:@b", "sip:a@", "sip:a b@c", "sip:a@b:", "sip:a@b:65536", "sip:a@b:x", "<sip:a@b>", "1x:y",
     "sip:a@b@c", "sip:a@[::1", "sip:a@b\r\n", 'sip:a"@b', "tel:", "sip:a@b:123456", "sip:exa/mple.com"],
)  # fmt: skip
def test_what_is_no_uri(text: str) -> None:
    with pytest.raises(RemoteProtocolError):
        SipUri.parse(text)


def test_tel_uris() -> None:
    uri = SipUri.parse("tel:+380-44-123;phone-context=x")
    assert (uri.scheme, uri.user, uri.host) == ("tel", "+380-44-123", "")
    assert uri.parameters == {"phone-context": "x"}
    assert str(uri) == "tel:+380-44-123;phone-context=x"
    assert not uri.is_sip


def test_other_schemes_are_kept_whole() -> None:
    uri = SipUri.parse("urn:uuid:f81-7dec;x?y")
    assert (uri.scheme, uri.opaque) == ("urn", "uuid:f81-7dec;x?y")
    assert str(uri) == "urn:uuid:f81-7dec;x?y"


# RFC 3261 §19.1.4: "The URIs within each of the following sets are equivalent".
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("sip:%61lice@atlanta.com;transport=TCP", "sip:alice@AtLanTa.CoM;Transport=tcp"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;newparam=5"),
        ("sip:carol@chicago.com", "sip:carol@chicago.com;security=on"),
        (
            "sip:biloxi.com;transport=tcp;method=REGISTER?to=sip:bob%40biloxi.com",
            "sip:biloxi.com;method=REGISTER;transport=tcp?to=sip:bob%40biloxi.com",
        ),
        (
            "sip:alice@atlanta.com?subject=project%20x&priority=urgent",
            "sip:alice@atlanta.com?priority=urgent&subject=project%20x",
        ),
        ("tel:+1", "tel:+1"),
    ],
)
def test_equivalent_uris(one: str, other: str) -> None:
    assert SipUri.parse(one).matches(SipUri.parse(other))
    assert SipUri.parse(other).matches(SipUri.parse(one))


# "The URIs within each of the following sets are not equivalent".
@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("SIP:ALICE@AtLanTa.CoM;Transport=udp", "sip:alice@AtLanTa.CoM;Transport=UDP"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:5060"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;transport=udp"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com:6000;transport=tcp"),
        ("sip:bob@biloxi.com", "sip:bob@biloxi.com;user=phone"),
        ("sip:bob@biloxi.com:6000", "sip:bob@biloxi.com:6001"),
        ("sip:carol@chicago.com?Subject=next%20meeting", "sip:carol@chicago.com"),
        ("sip:bob@phone21.boxesbybob.com", "sip:bob@192.0.2.4"),
        ("sip:carol@chicago.com;security=on", "sip:carol@chicago.com;security=off"),
        ("sip:a@b", "sips:a@b"),
        ("sip:a@b;maddr=1.2.3.4", "sip:a@b"),
        ("sip:a:x@b", "sip:a@b"),
        ("tel:+1", "tel:+2"),
    ],
)
def test_different_uris(one: str, other: str) -> None:
    assert not SipUri.parse(one).matches(SipUri.parse(other))
    assert not SipUri.parse(other).matches(SipUri.parse(one))


def test_equality_is_not_transitive() -> None:
    plain, on, off = (SipUri.parse(f"sip:carol@chicago.com{more}") for more in ("", ";security=on", ";security=off"))
    assert plain.matches(on)
    assert plain.matches(off)
    assert not on.matches(off)


@pytest.mark.parametrize(
    ("text", "name", "uri", "parameters"),
    [
        ('"J Rosenberg \\\\\\"" <sip:j@x> ; tag = 98', 'J Rosenberg \\"', "sip:j@x", {"tag": "98"}),
        ("Bob Smith <sip:b@x;a=1>;tag=2", "Bob Smith", "sip:b@x;a=1", {"tag": "2"}),
        ("sip:b@x;tag=2", "", "sip:b@x", {"tag": "2"}),
        ("<sip:b@x?Replaces=a%40b>", "", "sip:b@x?Replaces=a%40b", {}),
        ('<sip:b@x>;+sip.instance="<urn:u:1>";ob', "", "sip:b@x", {"+sip.instance": "<urn:u:1>", "ob": None}),
        ('sip:b@x;p="<"', "", "sip:b@x", {"p": "<"}),
        ("< sip:b@x >", "", "sip:b@x", {}),
        ('""<sip:b@x>', "", "sip:b@x", {}),
        ("<isbn:2983792873>", "", "isbn:2983792873", {}),
    ],
)  # fmt: skip
def test_addresses(text: str, name: str, uri: str, parameters: dict[str, str | None]) -> None:
    address = NameAddr.parse(text)
    assert (address.display_name, str(address.uri), address.parameters) == (name, uri, parameters)
    assert NameAddr.parse(str(address)) == address


@pytest.mark.parametrize(
    "text",
    ["", '"open <sip:a@b>', "<sip:a@b", "<sip:a@b> x", '"a" sip:a@b', "Bob <>", '"a"b<sip:a@b>', "*", "sip:a@b?x=y"],
)
def test_what_is_no_address(text: str) -> None:
    with pytest.raises(RemoteProtocolError):
        NameAddr.parse(text)


def test_an_address_gives_its_uri_back_as_it_came() -> None:
    assert str(NameAddr.parse("<sip:%61@B;X=y;OB>;tag=1")) == "<sip:%61@B;X=y;OB>;tag=1"


def test_split_list_is_offered_here() -> None:
    assert split_list("<sip:a,b@c>, <sip:d>") == ["<sip:a,b@c>", "<sip:d>"]
