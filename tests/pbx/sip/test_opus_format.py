"""What a peer wants to receive in Opus: RFC 7587 §6.1."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pbx.sip.opus_format import OpusFormat, parse


def test_what_is_not_said_has_its_default() -> None:
    assert parse(None) == parse("") == OpusFormat(rate=48000, bitrate=None, repeats=False, pauses=False)


def test_everything_can_be_wished_for() -> None:
    text = "maxplaybackrate=8000; maxaveragebitrate=12000;useinbandfec=1; usedtx=1;stereo=0;sprop-stereo=0;cbr=0"
    assert parse(text) == OpusFormat(rate=8000, bitrate=12000, repeats=True, pauses=True)


def test_names_are_case_insensitive_and_spaces_are_none() -> None:
    """RFC 4855 §3: parameter names are case-insensitive."""
    assert parse(" UseInbandFEC = 1 ") == OpusFormat(repeats=True)


@pytest.mark.parametrize(
    "text", ["maxplaybackrate=7999", "maxplaybackrate=96000", "maxplaybackrate=x", "stereo=1", ";;="]
)
def test_what_is_wrong_or_of_no_use_to_us_changes_nothing(text: str) -> None:
    assert parse(text) == OpusFormat()


@given(st.text())
def test_nothing_is_too_odd(text: str) -> None:
    found = parse(text)
    assert 8000 <= found.rate <= 48000
