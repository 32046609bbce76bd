"""G.711, against its definition and, where Python still has it, against the standard library's."""

from __future__ import annotations

import sys

import pytest

from pbx.rtp.g711 import (
    ALAW_TO_ULAW,
    SILENCE,
    ULAW_TO_ALAW,
    Law,
    alaw_to_linear,
    decode,
    encode,
    linear_to_alaw,
    linear_to_ulaw,
    ulaw_to_linear,
)

EVERY_CODE = bytes(range(256))
EVERY_SAMPLE = b"".join(value.to_bytes(2, "little", signed=True) for value in range(-32768, 32768))


def test_silence_is_the_smallest_sample() -> None:
    assert encode(bytes(2), Law.ULAW)[0] == SILENCE[Law.ULAW]
    assert encode(bytes(2), Law.ALAW)[0] == SILENCE[Law.ALAW]
    assert ulaw_to_linear(SILENCE[Law.ULAW]) == 0
    assert alaw_to_linear(SILENCE[Law.ALAW]) == 8


@pytest.mark.parametrize("law", list(Law))
def test_a_code_survives_the_way_to_samples_and_back(law: Law) -> None:
    there_and_back = encode(decode(EVERY_CODE, law), law)
    # µ-law has two zeros, and 0x7F, the negative one, comes back as the positive.
    assert [a for a, b in zip(EVERY_CODE, there_and_back, strict=True) if a != b] == ([0x7F] if law is Law.ULAW else [])


@pytest.mark.parametrize("law", list(Law))
def test_the_error_is_small_where_sound_is_small(law: Law) -> None:
    linear, code = (ulaw_to_linear, linear_to_ulaw) if law is Law.ULAW else (alaw_to_linear, linear_to_alaw)
    for sample in range(-32768, 32768, 7):
        assert abs(linear(code(sample)) - sample) <= max(16, abs(sample) // 16)


def test_one_law_to_the_other_and_back_changes_little() -> None:
    for code in range(256):
        there = alaw_to_linear(ULAW_TO_ALAW[code])
        assert abs(there - ulaw_to_linear(code)) <= max(16, abs(ulaw_to_linear(code)) // 16)
        back = ulaw_to_linear(ALAW_TO_ULAW[ULAW_TO_ALAW[code]])
        assert abs(back - ulaw_to_linear(code)) <= max(32, abs(ulaw_to_linear(code)) // 8)


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="audioop left the standard library")
def test_the_standard_library_agrees() -> None:
    import audioop

    assert decode(EVERY_CODE, Law.ULAW) == audioop.ulaw2lin(EVERY_CODE, 2)
    assert decode(EVERY_CODE, Law.ALAW) == audioop.alaw2lin(EVERY_CODE, 2)
    assert encode(EVERY_SAMPLE, Law.ALAW) == audioop.lin2alaw(EVERY_SAMPLE, 2)
    # audioop cuts negative samples to 14 bits before it looks for the step: off by one code at the borders.
    ours, theirs = encode(EVERY_SAMPLE, Law.ULAW), audioop.lin2ulaw(EVERY_SAMPLE, 2)
    assert sum(a != b for a, b in zip(ours, theirs, strict=True)) < 400
