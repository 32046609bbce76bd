"""Every text in three languages, none missing, none left over; and the names that the manuals fix."""

from __future__ import annotations

import re
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

import pytest

from callflow.facts import OfferEnd, Outcome, SoundTrouble
from callflow.line_facts import LineEnd
from callflow.room_facts import SupervisionMode
from crm_core.organisation import Role
from crm_core.outside_pbx import Failure, Flaw
from crm_core.reports import AgentCount, Count, MissedCount
from crm_core.sharing.api_keys import Scope
from pbx.rtp.quality import Grade
from queue_engine.facts import Will
from queue_engine.reasons import Why
from web_panel.statuses import AgentStatus, CallState
from web_panel.texts import LANGUAGES, accepted_language, text, texts

PANEL = Path(__file__).parents[2] / "web_panel"
PLURAL_FORMS = {"one", "few", "many", "other"}
QUOTED = re.compile(r'"([a-z_]+(?:\.[a-z_]+)*)"')
# Families of keys whose last word is worked out at run time.
FAMILIES: dict[str, type[StrEnum]] = {
    "status": AgentStatus,
    "call_state": CallState,
    "outcome": Outcome,
    "role": Role,
    "will": Will,
    "scope": Scope,
    "why": Why,
    "outside_failure": Failure,
    "outside_flaw": Flaw,
    "sound_grade": Grade,
    "sound_trouble": SoundTrouble,
    "supervision_mode": SupervisionMode,
    "supervision_hint": SupervisionMode,
    "line_end": LineEnd,
    "offer_end": OfferEnd,
    "lines_count": Count,
    "agents_count": AgentCount,
    "missed_count": MissedCount,
}
# Families whose last word comes from the server, or names a field of one of its forms.
OPEN_FAMILIES = ("event_type", "error", "field", "reason", "forward_kind")


def sources() -> Iterator[str]:
    for path in [*(PANEL / "frontend" / "src").rglob("*.ts*"), *PANEL.rglob("*.py")]:
        if "node_modules" not in path.parts:
            yield path.read_text(encoding="utf-8")


def family(key: str) -> str:
    return key.partition(".")[0]


@pytest.mark.req("R-OTHER-19")
def test_the_three_languages_have_the_same_texts() -> None:
    keys = {language: set(texts(language)) for language in LANGUAGES}
    assert keys["uk"] == keys["en"] == keys["ru"]
    assert [key for language in LANGUAGES for key, value in texts(language).items() if not value.strip()] == []


def test_a_text_holds_the_same_values_in_every_language() -> None:
    for key in texts("uk"):
        holes = {language: set(re.findall(r"\{([a-z]+)\}", texts(language)[key])) for language in LANGUAGES}
        assert holes["uk"] == holes["en"] == holes["ru"], key


def test_every_text_is_used() -> None:
    quoted = set(QUOTED.findall("\n".join(sources())))
    unused = [
        key
        for key in texts("uk")
        if key not in quoted
        and family(key) not in (*FAMILIES, *OPEN_FAMILIES)
        and not (key.rpartition(".")[2] in PLURAL_FORMS and key.rpartition(".")[0] in quoted)
    ]
    assert unused == []


@pytest.mark.parametrize("name", FAMILIES)
def test_every_value_of_an_enumeration_has_its_text(name: str) -> None:
    assert {key for key in texts("uk") if family(key) == name} == {f"{name}.{value}" for value in FAMILIES[name]}


def test_every_error_and_field_that_the_server_names_has_its_text() -> None:
    python = "\n".join(
        path.read_text(encoding="utf-8") for path in PANEL.rglob("*.py") if "node_modules" not in str(path)
    )
    keys = set(re.findall(r'(?:problem\(request, [\w.]+, |simple\(\d+, )"([a-z_]+)"', python))
    keys |= set(re.findall(r'\d{3}: "([a-z_]+)",', python))
    keys |= {"no_phone", "phone_offline", "busy", "no_route", "forbidden", "unknown_call", "failed"}  # callflow.control
    keys |= {"not_now", "same_number", "orbit_taken", "nobody_rings", "out_of_range", "no_prompt"}
    keys |= {"required", "invalid", "unknown", "in_the_past", "too_far", "reused"}  # crm_core.hall.Refused
    assert {f"error.{key}" for key in keys} <= set(texts("uk"))
    assert len(keys) > 10


@pytest.mark.req("R-SETTINGS-04")
@pytest.mark.parametrize(
    ("key", "uk", "ru", "en"),
    [
        ("incoming_call", "Вхідний дзвінок", "Входящий звонок", "Incoming call"),
        ("outgoing_call", "Вихідний дзвінок", "Исходящий звонок", "Outgoing call"),
        ("incoming_letter", "Вхідний лист", "Входящее письмо", "Incoming letter"),
        ("outgoing_letter", "Вихідний лист", "Исходящее письмо", "Outgoing letter"),
        ("incoming_email", "Вхідний електронний лист", "Входящее электронное письмо", "Incoming e-mail"),
        ("outgoing_email", "Вихідний електронний лист", "Исходящее электронное письмо", "Outgoing e-mail"),
        ("survey", "Опитування", "Опрос", "Survey"),
        ("visit", "Виїзд", "Выезд", "Visit"),
        ("phone_on", "Ввімкнення телефону", "Включение телефона", "Phone switched on"),
        ("phone_off", "Відключення телефону", "Отключение телефона", "Phone switched off"),
        ("missed_incoming_call", "Неприйнятий вхідний дзвінок", "Непринятый входящий звонок", "Missed incoming call"),
        ("missed_outgoing_call", "Неприйнятий вихідний дзвінок", "Непринятый исходящий звонок", "Missed outgoing call"),
        (
            "missed_call_answer",
            "Відповідь на неприйнятий дзвінок",
            "Ответ на непринятый звонок",
            "Answer to a missed call",
        ),
        ("callback", "Зворотній дзвінок", "Обратный звонок", "Callback"),
        ("call_forwarding", "Переадресація дзвінка", "Переадресация звонка", "Call forwarding"),
        ("queue", "Черга", "Очередь", "Queue"),
        ("electronic_queue", "Електронна черга", "Электронная очередь", "Electronic queue"),
    ],
)
def test_the_seventeen_event_types_bear_the_manuals_names(key: str, uk: str, ru: str, en: str) -> None:
    named = {language: text(f"event_type.{key}", language) for language in LANGUAGES}
    assert named == {"uk": uk, "en": en, "ru": ru}


def test_there_are_no_other_event_types() -> None:
    assert len([key for key in texts("uk") if family(key) == "event_type"]) == 17


@pytest.mark.req("R-PANEL-04")
@pytest.mark.parametrize(
    ("key", "uk", "ru", "en"),
    [
        ("status.free", "Вільний", "Свободен", "Free"),
        ("status.busy", "Зайнятий", "Занят", "Busy"),
        ("status.offline", "Не в мережі", "Не в сети", "Offline"),
        ("status.calling", "Дзвонить", "Звонит", "Calling"),
        ("status.waiting", "В Очікуванні", "В ожидании", "Waiting"),
        ("ticket_title", "Ваш номер в черзі", "Ваш номер в очереди", "Your number in the queue"),
        ("book_site", "Через сайт", "Через сайт", "Through the website"),
        ("book_hall", "Через адміністратора залу", "Через администратора зала", "Through the hall administrator"),
        ("module_events", "Події", "События", "Events"),
        ("tab_content", "Зміст", "Содержание", "Content"),
    ],
)
def test_names_that_the_manuals_fix_are_kept(key: str, uk: str, ru: str, en: str) -> None:
    assert {language: text(key, language) for language in LANGUAGES} == {"uk": uk, "en": en, "ru": ru}


def test_the_second_facet_says_online_and_offline() -> None:
    assert [text("phone.online", language).split(": ")[1] for language in LANGUAGES] == ["В мережі", "Online", "В сети"]


@pytest.mark.parametrize(
    ("header", "language"),
    [("en-US,en;q=0.9", "en"), ("de,ru;q=0.5", "ru"), ("fr", "uk"), ("", "uk"), ("UK", "uk"), ("," * 9000, "uk")],
)
def test_the_first_language_that_we_speak_is_taken(header: str, language: str) -> None:
    assert accepted_language(header, "uk") == language


def test_an_unknown_text_shows_its_key_and_never_fails() -> None:
    assert text("error.of_tomorrow", "xx") == "error.of_tomorrow"
