"""Shared grammar: RFC 3261 §25.1."""

import pytest

from pbx.sip import lexical
from pbx.sip.errors import RemoteProtocolError


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("a, b,,c ,", ["a", "b", "c"]),
        ('"a, b" <sip:a,b@c>, d', ['"a, b" <sip:a,b@c>', "d"]),
        (r'"a \", b" <sip:x>, "c"', [r'"a \", b" <sip:x>', '"c"']),
        ('a;x=",;", b', ['a;x=",;"', "b"]),
        ("", []),
        (" , ", []),
        (" a ", ["a"]),
    ],
)
def test_lists_split_at_commas_outside_quotes_and_brackets(text: str, parts: list[str]) -> None:
    assert lexical.split_list(text) == parts


@pytest.mark.parametrize("text", ['"open', "<open", 'a, "b\\"'])
def test_an_open_quote_or_bracket_is_refused(text: str) -> None:
    with pytest.raises(RemoteProtocolError):
        lexical.split_list(text)


def test_parameters() -> None:
    assert lexical.parse_parameters(' ; a = 1 ;B;c="x;\\"y";a=2;;=z') == {"a": "1", "b": None, "c": 'x;"y'}


def test_parameters_are_written_as_they_can_be_read() -> None:
    parameters = {"a": "1.0", "flag": None, "q": 'x "y"', "received": "2001:db8::1", "empty": ""}
    text = lexical.format_parameters(parameters)
    assert text == ';a=1.0;flag;q="x \\"y\\"";received=2001:db8::1;empty=""'
    assert lexical.parse_parameters(text) == parameters


@pytest.mark.parametrize("text", ["", "-1", "+1", "1.0", "1_0", "١٢", " 1", "1 ", "²", "99", "9" * 5000])
def test_integers_are_short_ascii_digits_in_range(text: str) -> None:
    with pytest.raises(RemoteProtocolError):
        lexical.integer(text, 98, "number")


def test_integers() -> None:
    assert lexical.integer("000", 98, "number") == 0
    assert lexical.integer("0098", 98, "number") == 98


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Олена", "Олена"),
        ("Олена".encode("cp1251").decode("utf-8", "surrogateescape"), "Олена"),
        ("a\x00b\x1b[0m", "a b [0m"),
        ("\u202eevil", "evil"),
    ],
)
def test_readable_text_is_safe_to_store_and_show(text: str, shown: str) -> None:
    assert lexical.readable(text) == shown
    lexical.readable(text).encode()


def test_quote_and_unquote() -> None:
    assert lexical.unquote(lexical.quote('a "b" \\ c')) == 'a "b" \\ c'
    assert lexical.unquote("plain") == "plain"
    assert lexical.unquote('"') == '"'
