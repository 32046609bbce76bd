"""Numbers, times and amounts as people say them, in uk, en, ru: as names of prompts to play one after the other. Pure.

A name is `LANGUAGE/say/WORD`, say `uk/say/2_f` ("дві"); the words themselves are in `callflow.saying_words`. What is
said stands in the nominative, as after "the amount is:", so that a number needs only its gender, and what is counted
only its form: one (21 hours), few (2 to 4) or many.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import time
from enum import StrEnum
from typing import Final

LARGEST: Final = 999_999_999
"""A greater number is said digit by digit: nobody understands it otherwise."""
MOST_DIGITS: Final = 32


class Language(StrEnum):
    UK = "uk"
    EN = "en"
    RU = "ru"


class Gender(StrEnum):
    MASCULINE = "m"
    FEMININE = "f"


class Currency(StrEnum):
    UAH = "UAH"
    RUB = "RUB"
    USD = "USD"
    EUR = "EUR"


@dataclass(frozen=True, slots=True)
class Noun:
    """What is counted. In Russian an hour is masculine ("один час"), in Ukrainian feminine ("одна година")."""

    word: str
    uk: Gender
    ru: Gender

    def gender(self, language: Language) -> Gender:
        return self.ru if language is Language.RU else self.uk


_M, _F = Gender.MASCULINE, Gender.FEMININE
HOUR, MINUTE, SECOND = Noun("hour", _F, _M), Noun("minute", _F, _F), Noun("second", _F, _F)
THOUSAND, MILLION = Noun("thousand", _F, _F), Noun("million", _M, _M)
MONEY: Final = {
    Currency.UAH: (Noun("hryvnia", _F, _F), Noun("kopeck", _F, _F)),
    Currency.RUB: (Noun("ruble", _M, _M), Noun("kopeck", _F, _F)),
    Currency.USD: (Noun("dollar", _M, _M), Noun("cent", _M, _M)),
    Currency.EUR: (Noun("euro", _M, _M), Noun("cent", _M, _M)),
}


def number(value: int, language: Language, gender: Gender = Gender.MASCULINE) -> list[str]:
    """A cardinal number. Beyond ±`LARGEST` its digits."""
    return _named(language, _number(value, language, gender))


def digits(text: str, language: Language) -> list[str]:
    """A telephone number or a code, digit by digit; what is no digit is passed over, as is all after 32 digits."""
    found = [each for each in text if each in "0123456789"]
    return _named(language, found[:MOST_DIGITS])


def time_of_day(at: time, language: Language) -> list[str]:
    """ "чотирнадцята година п'ять хвилин", "two oh five p m", "четырнадцать часов пять минут"."""
    if language is Language.EN:
        oh = ("oh",) if 0 < at.minute < 10 else ()
        minute = (*oh, *_number(at.minute, language, _M)) if at.minute else ()
        return _named(language, [*_number(at.hour % 12 or 12, language, _M), *minute, "am" if at.hour < 12 else "pm"])
    hour = [f"hour_{at.hour}"] if language is Language.UK else _counted(at.hour, HOUR, language)
    return _named(language, [*hour, *(_counted(at.minute, MINUTE, language) if at.minute else ())])


def duration(seconds: int, language: Language) -> list[str]:
    """Hours and minutes, rounded up to whole minutes from one minute on; below that seconds. A negative one is 0."""
    seconds = max(0, seconds)
    if seconds < 60:
        return _named(language, _counted(seconds, SECOND, language))
    hours, minutes = divmod(-(-seconds // 60), 60)
    return _named(
        language,
        [
            *(_counted(hours, HOUR, language) if hours else ()),
            *(_counted(minutes, MINUTE, language) if minutes else ()),
        ],
    )


def minutes(count: int, language: Language) -> list[str]:
    """ "двадцять одна хвилина", never as hours."""
    return _named(language, _counted(max(0, count), MINUTE, language))


def amount(hundredths: int, currency: Currency, language: Language) -> list[str]:
    """Money, given in its smallest unit (kopecks, cents), which is left out when there is none of it."""
    whole, part = divmod(abs(hundredths), 100)
    unit, small = MONEY[currency]
    words = ["minus"] if hundredths < 0 else []
    if whole or not part:
        words += _counted(whole, unit, language)
    if part:
        words += _counted(part, small, language)
    return _named(language, words)


def position(place: int, language: Language) -> list[str]:
    """ "Your place in the line: five"."""
    return _named(language, ["position", *_number(place, language, _M)])


def expected_wait(count: int, language: Language) -> list[str]:
    """ "The expected waiting time: five minutes"."""
    return _named(language, ["expected_wait", *_counted(max(1, count), MINUTE, language)])


def form(count: int, language: Language) -> str:
    """`one`, `few` or `many`: how a noun ends after that number."""
    if language is Language.EN:
        return "one" if count == 1 else "many"
    tens, ones = count // 10 % 10, count % 10
    if tens == 1:
        return "many"
    return "one" if ones == 1 else "few" if 2 <= ones <= 4 else "many"


def _counted(count: int, noun: Noun, language: Language) -> list[str]:
    return [*_number(count, language, noun.gender(language)), f"{noun.word}_{form(count, language)}"]


def _number(value: int, language: Language, gender: Gender) -> list[str]:
    if value < 0:
        return ["minus", *_number(-value, language, gender)]
    if value > LARGEST:
        return list(str(value))[:MOST_DIGITS]
    if value == 0:
        return ["0"]
    millions, rest = divmod(value, 1_000_000)
    thousands, units = divmod(rest, 1000)
    words: list[str] = []
    for count, noun in ((millions, MILLION), (thousands, THOUSAND)):
        if count:
            words += [*_below_thousand(count, language, noun.gender(language)), _scale(noun, count, language)]
    if units and words and units < 100 and language is Language.EN:
        words.append("and")  # two thousand and five
    return words + _below_thousand(units, language, gender)


def _scale(noun: Noun, count: int, language: Language) -> str:
    """English has no "five thousands"."""
    return f"{noun.word}_{'one' if language is Language.EN else form(count, language)}"


def _below_thousand(value: int, language: Language, gender: Gender) -> list[str]:
    hundreds, rest = divmod(value, 100)
    words: list[str] = []
    if hundreds and language is Language.EN:
        words += [str(hundreds), "hundred", *(("and",) if rest else ())]
    elif hundreds:
        words.append(str(hundreds * 100))
    if rest >= 20:
        words.append(str(rest // 10 * 10))
        rest %= 10
    if rest:
        words.append(f"{rest}_f" if rest <= 2 and gender is _F and language is not Language.EN else str(rest))
    return words


def _named(language: Language, words: Iterable[str]) -> list[str]:
    return [f"{language}/say/{word}" for word in words]
