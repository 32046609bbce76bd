"""What `say` says: a text taken for a number, a time or an amount, as names of prompts. Pure."""

from __future__ import annotations

from datetime import time
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation

from callflow import saying
from callflow.flows.model import Spoken
from callflow.saying import Currency, Language

LARGEST = Decimal(10) ** 15


def spoken(what: Spoken, value: str, currency: Currency, language: Language) -> list[str]:
    """[] when the text is none of that kind: a flow goes on without it."""
    if what is Spoken.DIGITS:
        return saying.digits(value, language)
    if what is Spoken.TIME:
        at = _time(value)
        return saying.time_of_day(at, language) if at is not None else []
    number = _number(value)
    if number is None:
        return []
    match what:
        case Spoken.AMOUNT:
            return saying.amount(int((number * 100).to_integral_value(ROUND_HALF_UP)), currency, language)
        case Spoken.DURATION:
            return saying.duration(int(number.to_integral_value(ROUND_HALF_UP)), language)
        case _:
            return saying.number(int(number.to_integral_value(ROUND_HALF_UP)), language)


def _number(text: str) -> Decimal | None:
    try:
        number = Decimal(text.strip().replace(",", "."))
    except InvalidOperation:
        return None
    return number if number.is_finite() and abs(number) < LARGEST else None


def _time(text: str) -> time | None:
    try:
        return time.fromisoformat(text.strip())
    except ValueError:
        return None
