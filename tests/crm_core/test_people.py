"""Users, sessions, settings, dictionaries, the seed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from callflow.line_settings import LineSettings
from crm_core import dictionaries, organisation, seed, sessions, settings, telephony
from crm_core.access import Forbidden
from crm_core.database import Connection
from crm_core.dictionaries import Dictionary, EntryTaken
from crm_core.organisation import LoginTaken, NewUser, NumberTaken, Role, User
from crm_core.seed import Seed, SeedLine, SeedUser
from crm_core.settings import BadSetting
from crm_core.telephony import line_changes
from tests.crm_core.company import COMPANY, MORNING, found_company

NADIA = NewUser(login="nadia", full_name="Надія", role=Role.AGENT, password_hash="$argon2id$x", extension="1044")


@pytest.fixture
async def people(conn: Connection) -> dict[str, User]:
    return await found_company(conn)


@pytest.mark.req("O-11")
async def test_a_user_has_one_sip_number(conn: Connection) -> None:
    user_id = await organisation.create(conn, NADIA)
    found = await organisation.by_login(conn, "NADIA")
    assert found is not None
    user, password_hash = found
    assert (user.id, user.extension, password_hash) == (user_id, "1044", "$argon2id$x")
    assert await telephony.devices(conn) == [telephony.Device("1044", user_id)]


async def test_a_login_and_a_number_are_taken_once(conn: Connection) -> None:
    await organisation.create(conn, NADIA)
    with pytest.raises(LoginTaken):
        await organisation.create(conn, NewUser(login="Nadia", full_name="X", role=Role.AGENT))
    with pytest.raises(NumberTaken):
        await organisation.create(conn, NewUser(login="other", full_name="X", role=Role.AGENT, extension="1044"))
    assert [user.login for user in await organisation.all_users(conn)] == ["nadia"]


async def test_nobody_signs_in_without_a_password(conn: Connection) -> None:
    await organisation.create(conn, NewUser(login="olena", full_name="X", role=Role.AGENT))
    for login in ("olena", "~dzvin", "nobody", "a\0b", ""):
        assert await organisation.by_login(conn, login) is None


async def test_a_session_is_known_by_its_token_alone(conn: Connection) -> None:
    user_id = await organisation.create(conn, NADIA)
    token = await sessions.open_session(conn, user_id, now=MORNING, user_agent="Firefox\0")
    user = await sessions.user_of(conn, token, now=MORNING)
    assert user is not None
    assert (user.id, user.extension) == (user_id, "1044")
    for other in ("", token[:-1], token + "a", "\ud800"):
        assert await sessions.user_of(conn, other, now=MORNING) is None
    stored = await conn.fetchval("SELECT string_agg(s::text, '') FROM session s")
    assert token not in stored


async def test_a_session_ends_after_thirty_idle_minutes(conn: Connection) -> None:
    user_id = await organisation.create(conn, NADIA)
    token = await sessions.open_session(conn, user_id, now=MORNING)
    now = MORNING
    for minutes in (29, 29, 29):
        now += timedelta(minutes=minutes)
        assert await sessions.user_of(conn, token, now=now) is not None
    assert await sessions.user_of(conn, token, now=now + timedelta(minutes=31)) is None


async def test_a_session_ends_after_twelve_hours_of_work(conn: Connection) -> None:
    user_id = await organisation.create(conn, NADIA)
    token = await sessions.open_session(conn, user_id, now=MORNING)
    alive = [
        await sessions.user_of(conn, token, now=MORNING + timedelta(minutes=minutes)) is not None
        for minutes in range(20, 12 * 60 + 21, 20)
    ]
    assert alive == [True] * 35 + [False] * 2


async def test_signing_out_and_a_new_password_end_sessions(conn: Connection) -> None:
    user_id = await organisation.create(conn, NADIA)
    first, second, third = [await sessions.open_session(conn, user_id, now=MORNING) for _ in range(3)]
    await sessions.close(conn, first)
    assert await sessions.user_of(conn, first, now=MORNING) is None
    assert await sessions.user_of(conn, second, now=MORNING) is not None
    await organisation.set_password_hash(conn, user_id, "new")
    assert await sessions.user_of(conn, second, now=MORNING) is None
    assert await sessions.user_of(conn, third, now=MORNING) is None


async def test_sessions_of_a_user_are_bounded(conn: Connection) -> None:
    user_id = await organisation.create(conn, NADIA)
    tokens = [
        await sessions.open_session(conn, user_id, now=MORNING + timedelta(seconds=second)) for second in range(25)
    ]
    now = MORNING + timedelta(minutes=1)
    assert [await sessions.user_of(conn, token, now=now) is not None for token in tokens] == [False] * 5 + [True] * 20


async def test_who_left_the_company_is_signed_out(conn: Connection, people: dict[str, User]) -> None:
    token = await sessions.open_session(conn, people["olena"].id, now=MORNING)
    await conn.execute("UPDATE app_user SET active = false WHERE login = 'olena'")
    assert await sessions.user_of(conn, token, now=MORNING) is None
    assert "olena" not in {user.login for user in await organisation.all_users(conn)}


async def test_the_language_is_one_of_three(conn: Connection, people: dict[str, User]) -> None:
    await organisation.set_locale(conn, people["olena"].id, "en")
    token = await sessions.open_session(conn, people["olena"].id, now=MORNING)
    user = await sessions.user_of(conn, token, now=MORNING)
    assert user is not None
    assert user.locale == "en"


# Settings and dictionaries


@pytest.mark.req("R-SETTINGS-33")
async def test_settings_are_written_by_an_administrator_and_audited(conn: Connection, people: dict[str, User]) -> None:
    await settings.write(conn, people["admin"], "min_number_length", "5")
    await settings.write(conn, people["admin"], "queue_creates_task", "on")
    loaded = await settings.load(conn)
    assert (loaded.min_number_length, loaded.queue_creates_task, loaded.region) == (5, True, "UA")
    with pytest.raises(Forbidden):
        await settings.write(conn, people["borys"], "min_number_length", "0")
    assert await conn.fetchval("SELECT count(*) FROM audit WHERE object_kind = 'setting'") == 2


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("min_number_length", "-1"),
        ("min_number_length", "١٢"),
        ("min_number_length", "9999999"),
        ("region", "Ukraine"),
        ("timezone", "Europe/Nowhere"),
        ("timezone", "../../etc/passwd"),
        ("queue_creates_task", "yes"),
        ("colour", "blue"),
    ],
)
async def test_a_bad_setting_is_refused(conn: Connection, people: dict[str, User], key: str, value: str) -> None:
    with pytest.raises(BadSetting):
        await settings.write(conn, people["admin"], key, value)


async def test_a_setting_broken_by_hand_counts_as_not_set(conn: Connection) -> None:
    await conn.execute("INSERT INTO setting VALUES ('min_number_length', 'x'), ('future', '1'), ('region', 'PL')")
    loaded = await settings.load(conn)
    assert (loaded.min_number_length, loaded.region) == (0, "PL")


@pytest.mark.req("R-SETTINGS-04", "R-SETTINGS-06", "R-PANEL-01", "R-PANEL-03", "R-PANEL-04")
@pytest.mark.parametrize(
    ("dictionary", "keys"),
    [
        (
            Dictionary.EVENT_TYPES,
            "incoming_call outgoing_call incoming_letter outgoing_letter incoming_email outgoing_email survey visit "
            "phone_on phone_off missed_incoming_call missed_outgoing_call missed_call_answer callback call_forwarding "
            "queue electronic_queue",
        ),
        (Dictionary.TASK_STATUSES, "assigned overdue done accepted suspended"),
        (Dictionary.USER_STATUSES, "free busy online offline calling waiting"),
    ],
)
async def test_dictionaries_hold_the_system_entries_in_three_languages(
    conn: Connection, dictionary: Dictionary, keys: str
) -> None:
    found = await dictionaries.entries(conn, dictionary)
    assert [entry.key for entry in found] == keys.split()
    assert all(entry.system and set(entry.name) == {"uk", "en", "ru"} for entry in found)


@pytest.mark.req("R-SETTINGS-05", "R-SETTINGS-08", "R-SETTINGS-10")
async def test_people_add_entries_that_are_told_from_system_ones(conn: Connection, people: dict[str, User]) -> None:
    for dictionary in Dictionary:
        await dictionaries.add(conn, people["admin"], dictionary, "lunch", {"uk": "Обід"})
        entry = (await dictionaries.entries(conn, dictionary))[-1]
        assert (entry.key, entry.name, entry.system) == ("lunch", {"uk": "Обід"}, False)
        with pytest.raises(EntryTaken):
            await dictionaries.add(conn, people["admin"], dictionary, "lunch", {})
        with pytest.raises(Forbidden):
            await dictionaries.add(conn, people["olena"], dictionary, "x", {})


# The seed


async def test_the_seed_is_applied_again_without_harm(conn: Connection, people: dict[str, User]) -> None:
    before = await organisation.all_users(conn)
    await seed.apply(conn, COMPANY)
    assert await organisation.all_users(conn) == before
    assert await conn.fetchval("SELECT count(*) FROM service") == 2
    assert await conn.fetchval("SELECT count(*) FROM project_member") == 3


async def test_the_seed_overwrites_nothing_that_people_changed(conn: Connection, people: dict[str, User]) -> None:
    await conn.execute("UPDATE app_user SET full_name = 'Олена Нова' WHERE login = 'olena'")
    (line,) = COMPANY.lines
    theirs = LineSettings(name="Ours", agents=("1002",))
    await line_changes.change_line(conn, people["admin"], line.number, theirs, revision=0, now=MORNING)
    await settings.write(conn, people["admin"], "region", "PL")
    await seed.apply(conn, Seed(users=COMPANY.users, lines=COMPANY.lines, settings={"region": "UA"}))
    assert {user.full_name for user in await organisation.all_users(conn)} >= {"Олена Нова"}
    assert [(line.name, line.agents) for line in await telephony.lines(conn)] == [("Ours", ["1002"])]
    assert (await settings.load(conn)).region == "PL"


async def test_a_line_that_nobody_has_changed_follows_the_configuration(
    conn: Connection, people: dict[str, User]
) -> None:
    await seed.apply(conn, Seed(lines=[SeedLine(number="7000", name="Support", agents=["1003", "1001"])]))
    assert [(line.name, line.agents) for line in await telephony.lines(conn)] == [("Support", ["1001", "1003"])]


async def test_a_bad_seed_leaves_nothing_behind(conn: Connection) -> None:
    twins = [SeedUser(login=login, full_name="X", role=Role.AGENT, extension="1001") for login in ("a", "b")]
    with pytest.raises(NumberTaken):
        await seed.apply(conn, Seed(users=twins, lines=[SeedLine(number="1", name="x")]))
    with pytest.raises(BadSetting):
        await seed.apply(conn, Seed(settings={"region": "Ukraine"}))
    assert await organisation.all_users(conn) == []
