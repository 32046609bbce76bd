"""What is said is what a person would say; and every word of it has its text."""

from __future__ import annotations

import re
from datetime import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callflow import saying
from callflow.saying import Currency, Gender, Language
from callflow.saying_words import words

UK, EN, RU = Language.UK, Language.EN, Language.RU


def heard(names: list[str]) -> str:
    """As text. A word without one fails the test."""
    found = []
    for name in names:
        language, folder, word = name.split("/")
        assert folder == "say"
        found.append(words(language)[word].replace("\u00a0", " "))
    return " ".join(found)


@pytest.mark.parametrize(
    ("value", "language", "text"),
    [
        (0, UK, "нуль"),
        (21, UK, "двадцять один"),
        (115, RU, "сто пятнадцать"),
        (105, EN, "one hundred and five"),
        (2005, EN, "two thousand and five"),
        (2_000_100, EN, "two million one hundred"),
        (2001, UK, "дві тисячі один"),
        (5000, RU, "пять тысяч"),
        (1000, UK, "одна тисяча"),
        (21_342, RU, "двадцать одна тысяча триста сорок два"),
        (3_000_000, UK, "три мільйони"),
        (12_000_011, RU, "двенадцать миллионов одиннадцать"),
        (-7, EN, "minus seven"),
    ],
)
def test_a_number(value: int, language: Language, text: str) -> None:
    assert heard(saying.number(value, language)) == text


def test_a_number_takes_the_gender_of_what_is_counted() -> None:
    assert heard(saying.number(42, UK, Gender.FEMININE)) == "сорок дві"
    assert heard(saying.number(12, UK, Gender.FEMININE)) == "дванадцять"
    assert saying.number(42, EN, Gender.FEMININE) == saying.number(42, EN)


def test_a_number_that_nobody_would_understand_is_said_digit_by_digit() -> None:
    assert heard(saying.number(1_234_567_890, EN)) == "one two three four five six seven eight nine zero"


@pytest.mark.parametrize(
    ("hundredths", "currency", "language", "text"),
    [
        (100, Currency.UAH, UK, "одна гривня"),
        (2250, Currency.UAH, UK, "двадцять дві гривні п'ятдесят копійок"),
        (1_100_00, Currency.UAH, UK, "одна тисяча сто гривень"),
        (101, Currency.RUB, RU, "один рубль одна копейка"),
        (22_02, Currency.RUB, RU, "двадцать два рубля две копейки"),
        (12_00, Currency.RUB, RU, "двенадцать рублей"),
        (2_00, Currency.UAH, RU, "две гривны"),
        (1_01, Currency.USD, EN, "one dollar one cent"),
        (0, Currency.USD, EN, "zero dollars"),
        (99, Currency.USD, UK, "дев'яносто дев'ять центів"),
        (-5_00, Currency.EUR, RU, "минус пять евро"),
    ],
)
def test_an_amount(hundredths: int, currency: Currency, language: Language, text: str) -> None:
    assert heard(saying.amount(hundredths, currency, language)) == text


@pytest.mark.parametrize(
    ("at", "language", "text"),
    [
        (time(14, 5), UK, "чотирнадцята година п'ять хвилин"),
        (time(21, 0), UK, "двадцять перша година"),
        (time(1, 1), RU, "один час одна минута"),
        (time(22, 0), RU, "двадцать два часа"),
        (time(14, 5), EN, "two oh five p m"),
        (time(0, 30), EN, "twelve thirty a m"),
        (time(12, 0), EN, "twelve p m"),
    ],
)
def test_a_time_of_day(at: time, language: Language, text: str) -> None:
    assert heard(saying.time_of_day(at, language)) == text


@pytest.mark.parametrize(
    ("seconds", "language", "text"),
    [
        (1, UK, "одна секунда"),
        (61, RU, "две минуты"),
        (3600, RU, "один час"),
        (3600, UK, "одна година"),
        (5 * 3600 + 60, EN, "five hours one minute"),
        (-3, EN, "zero seconds"),
    ],
)
def test_a_duration_is_rounded_up_to_minutes(seconds: int, language: Language, text: str) -> None:
    assert heard(saying.duration(seconds, language)) == text


def test_a_place_in_the_line_and_the_wait() -> None:
    assert heard(saying.position(21, UK)) == "Ваш номер у черзі: двадцять один"
    assert heard(saying.expected_wait(2, RU)) == "Примерное время ожидания: две минуты"
    assert heard(saying.expected_wait(0, EN)) == "The expected waiting time: one minute"
    assert heard(saying.minutes(91, UK)) == "дев'яносто одна хвилина"


def test_only_digits_of_a_telephone_number_are_said_and_not_more_than_somebody_can_follow() -> None:
    assert heard(saying.digits("+38 (044) 7", EN)) == "three eight zero four four seven"
    assert len(saying.digits("9" * 100, UK)) == saying.MOST_DIGITS


@given(st.integers(-(10**12), 10**12), st.sampled_from(Language), st.sampled_from(Gender), st.sampled_from(Currency))
def test_whatever_is_said_has_its_words(value: int, language: Language, gender: Gender, currency: Currency) -> None:
    assert heard(saying.number(value, language, gender))
    assert heard(saying.amount(value, currency, language))
    assert heard(saying.duration(value, language))
    assert heard(saying.time_of_day(time(value % 24, value // 24 % 60), language))


@given(st.integers(0, 10**8), st.sampled_from([UK, RU]))
def test_eleven_to_fourteen_are_many_whatever_stands_before_them(hundreds: int, language: Language) -> None:
    assert {saying.form(hundreds * 100 + rest, language) for rest in range(11, 15)} == {"many"}


@pytest.mark.parametrize("language", Language)
def test_names_of_words_are_fit_for_files(language: Language) -> None:
    assert all(re.fullmatch(r"[a-z0-9_]+", name) for name in words(language))
