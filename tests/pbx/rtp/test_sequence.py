"""Losses and jitter: RFC 3550 appendices A.1, A.3, A.8."""

from __future__ import annotations

from pbx.rtp.sequence import Reception, fraction_lost


def received(numbers: list[int], spacing: int = 160) -> Reception:
    reception = Reception()
    for number in numbers:
        reception.receive(number & 0xFFFF, number * spacing & 0xFFFFFFFF, number * spacing)
    return reception


def test_nothing_is_lost_of_a_whole_stream() -> None:
    reception = received(list(range(65000, 66000)))
    assert (reception.received, reception.expected, reception.lost) == (1000, 1000, 0)
    assert reception.jitter == 0


def test_gaps_are_lost_and_wrapping_is_no_gap() -> None:
    reception = received([number for number in range(65530, 65550) if number % 5])
    assert (reception.expected, reception.lost) == (19, 3)


def test_reordering_is_no_loss() -> None:
    assert received([1, 2, 4, 3, 5, 7, 6]).lost == 0


def test_doubles_do_not_make_a_negative_loss() -> None:
    assert received([1, 1, 1, 2, 2, 3]).lost == 0


def test_a_restart_counts_on() -> None:
    reception = received([10, 11, 12, 30000, 30001, 30003])
    assert (reception.expected, reception.lost) == (7, 1)


def test_jitter_is_a_sixteenth_of_each_difference() -> None:
    reception = Reception()
    reception.receive(1, 0, 0)
    reception.receive(2, 160, 160 + 160)
    assert reception.jitter == 10
    for number in range(3, 200):
        reception.receive(number, 160 * (number - 1), 160 * (number - 1) + (160 if number % 2 == 0 else 0))
    assert 140 <= reception.jitter <= 160


def test_the_fraction_is_of_256_and_never_negative() -> None:
    assert fraction_lost(100, 25) == 64
    assert fraction_lost(100, -5) == 0
    assert fraction_lost(0, 0) == 0
    assert fraction_lost(1, 1) == 255
