"""Fill a migrated, empty database with the years of a company, by statements over whole sets.

What matters for the plans is kept: a fifth of the callers are no client's, some numbers are shared, a tenth of the
calls are missed and nearly all of those made good later, each of the agents has an even share, and everything is
spread over three years with the newest last.
"""

from __future__ import annotations

from dataclasses import dataclass

from crm_core.database import Connection

DAYS = 3 * 365


@dataclass(frozen=True, slots=True)
class Size:
    clients: int
    events: int
    agents: int = 200
    lines: int = 8


USERS = """
    INSERT INTO app_user (id, login, full_name, role)
    SELECT md5('user' || n)::uuid, 'agent' || n, 'Агент ' || n, CASE WHEN n % 20 = 0 THEN 'supervisor' ELSE 'agent' END
      FROM generate_series(1, $1::integer) n
"""
DEVICES = """
    INSERT INTO device (number, user_id)
    SELECT (1000 + n)::text, md5('user' || n)::uuid FROM generate_series(1, $1::integer) n
"""
LINES = "INSERT INTO line (number, name) SELECT (7000 + n)::text, 'Лінія ' || n FROM generate_series(1, $1::integer) n"
LINE_AGENTS = """
    INSERT INTO line_agent (line_number, extension)
    SELECT (7001 + n % $2::integer)::text, (1000 + n)::text FROM generate_series(1, $1::integer) n
"""
CLIENTS = """
    INSERT INTO client (id, name, owner_id)
    SELECT md5('client' || n)::uuid,
           (ARRAY['Шевченко','Коваленко','Бондаренко','Ткаченко','Кравченко','Олійник','Мельник','Поліщук'])[1 + n % 8]
           || ' ' || (ARRAY['Олена','Андрій','Ірина','Тарас','Оксана','Богдан','Марія'])[1 + n % 7] || ' ' || n,
           CASE WHEN n % 3 = 0 THEN md5('user' || (1 + n % $2::integer))::uuid END
      FROM generate_series(1, $1::integer) n
"""
# Every twentieth shares the number of the one before.
PHONES = """
    INSERT INTO client_phone (client_id, raw, e164)
    SELECT md5('client' || n)::uuid, '0' || number, '+380' || number
      FROM (SELECT n, (500000000 + n - CASE WHEN n % 20 = 0 THEN 1 ELSE 0 END)::text AS number
              FROM generate_series(1, $1::integer) n) one
"""
# Ids in the order of their making, as UUIDv7 are: an index of random ones would be another thing.
MADE = """
    CREATE FUNCTION pg_temp.made(kind text, at timestamptz, n bigint) RETURNS uuid LANGUAGE sql AS
    $$ SELECT (lpad(to_hex((extract(epoch FROM at) * 1000)::bigint), 12, '0') || '7000800' || kind
               || lpad(to_hex(n), 12, '0'))::uuid $$
"""
# One row of `drawn` is one call: number `n`, who called, whom it rang, how it ended, when.
DRAWN = """
    CREATE TEMPORARY TABLE drawn AS
    SELECT n, at, pg_temp.made('c', at, n) AS call_id, pg_temp.made('e', at, n) AS event_id,
           pg_temp.made('1', at, n) AS leg,
           1 + floor(random() * $3 * 1.25)::integer AS caller,
           1 + floor(random() * $4)::integer AS agent,
           CASE WHEN random() < 0.1 THEN 'missed' WHEN random() < 0.3 THEN 'out' ELSE 'in' END AS kind,
           random() < 0.5 AS in_line, random() * 300 AS talk
      FROM (SELECT n, now() - make_interval(secs => ($1::bigint - n) * ($2::double precision * 86400 / $1)) AS at
              FROM generate_series(1, $1::bigint) n) one
"""
CALLS = """
    INSERT INTO call (id, direction, party_id, party_keys, caller, dialled, line, started_at, answered_at, ended_at,
                      outcome, talk_seconds, missed, event_id)
    SELECT call_id, CASE kind WHEN 'out' THEN 'outbound' ELSE 'inbound' END, md5('party' || n)::uuid,
           ARRAY['+380' || (500000000 + caller)], CASE kind WHEN 'out' THEN (1000 + agent)::text END, '442000',
           CASE WHEN kind <> 'out' AND in_line THEN (7001 + agent % $1::integer)::text END,
           at, CASE WHEN kind <> 'missed' THEN at + interval '5 s' END,
           at + make_interval(secs => 5 + talk), CASE kind WHEN 'missed' THEN 'abandoned' ELSE 'answered' END,
           CASE WHEN kind <> 'missed' THEN talk ELSE 0 END, kind = 'missed', event_id
      FROM drawn ORDER BY n
"""
EVENTS = """
    INSERT INTO event (id, type, started_at, ended_at, phone, e164, display_name, client_id, owner_id, call_id,
                       answered_at, talk_seconds, party_key, content)
    SELECT event_id,
           CASE kind WHEN 'missed' THEN 'missed_incoming_call' WHEN 'out' THEN 'outgoing_call' ELSE 'incoming_call' END,
           at, at + make_interval(secs => 5 + talk), '0' || (500000000 + caller), '+380' || (500000000 + caller), '',
           CASE WHEN caller <= $1::integer THEN md5('client' || caller)::uuid END,
           md5('user' || agent)::uuid, call_id, CASE WHEN kind <> 'missed' THEN at + interval '5 s' END,
           CASE WHEN kind <> 'missed' THEN talk ELSE 0 END,
           CASE WHEN caller <= $1::integer THEN 'client:' || md5('client' || caller)::uuid
                ELSE '+380' || (500000000 + caller) END,
           CASE WHEN n % 10 = 0 THEN 'домовились про доставку замовлення ' || n ELSE '' END
      FROM drawn ORDER BY n
"""
SEGMENTS = """
    INSERT INTO segment (id, call_id, extension, user_id, started_at, ended_at)
    SELECT pg_temp.made('5', at, n), call_id, (1000 + agent)::text, md5('user' || agent)::uuid, at + interval '5 s',
           at + make_interval(secs => 5 + talk)
      FROM drawn WHERE kind <> 'missed' ORDER BY n
"""
OFFERS = """
    INSERT INTO offer (leg, call_id, extension, user_id, offered_at, ended_at, reason)
    SELECT leg, call_id, (1000 + agent)::text, md5('user' || agent)::uuid, at, at + interval '5 s',
           CASE kind WHEN 'missed' THEN 'no_answer' ELSE 'answered' END
      FROM drawn WHERE kind <> 'out' ORDER BY n
"""
OWN_ROWS = """
    INSERT INTO event_viewer (user_id, started_at, event_id, number)
    SELECT user_id, started_at, event_id, number FROM event_viewers WHERE user_id IS NOT NULL ORDER BY started_at
"""
# All but the last two thousand missed calls were made good.
MADE_GOOD = """
    UPDATE event SET answered_event_id = (SELECT event_id FROM drawn WHERE kind = 'in' ORDER BY n DESC LIMIT 1)
      FROM (SELECT event_id FROM drawn WHERE kind = 'missed' ORDER BY n DESC OFFSET 2000) old
     WHERE event.id = old.event_id
"""
FOLLOW_UPS = """
    INSERT INTO task (id, kind, event_id, client_id, phone, e164, assignee_id, opened_at, due_at, party_key, call_id,
                      missed_count, last_missed_at)
    SELECT DISTINCT ON (e.party_key) md5('task' || e.id)::uuid, 'follow_up', e.id, e.client_id, e.phone, e.e164,
           e.owner_id, e.started_at, e.started_at + interval '1 hour', e.party_key, e.call_id, 1, e.started_at
      FROM event e WHERE e.type = 'missed_incoming_call' AND e.answered_event_id IS NULL
     ORDER BY e.party_key, e.started_at
"""

# Built at once in the end, not row by row; those of keys and constraints stay.
INDEXES = """
    SELECT indexrelid::regclass::text AS name, pg_get_indexdef(indexrelid) AS definition
      FROM pg_index
     WHERE indrelid::regclass::text IN ('event', 'call', 'segment', 'offer', 'client', 'client_phone')
       AND NOT indisunique
"""


async def fill(conn: Connection, size: Size) -> None:
    """Takes minutes at full size. The tables are analysed when it returns."""
    await conn.execute("SET statement_timeout = 0; SET synchronous_commit = off")
    await conn.execute("SET work_mem = '256MB'; SET maintenance_work_mem = '1GB'")
    await conn.execute("SET session_replication_role = replica")  # no look at each foreign key: they hold by making
    indexes = await conn.fetch(INDEXES)
    for index in indexes:
        await conn.execute(f"DROP INDEX {index['name']}")
    await conn.execute(USERS, size.agents)
    await conn.execute(DEVICES, size.agents)
    await conn.execute(LINES, size.lines)
    await conn.execute(LINE_AGENTS, size.agents, size.lines)
    await conn.execute(CLIENTS, size.clients, size.agents)
    await conn.execute(PHONES, size.clients)
    await conn.execute("SELECT setseed(0.5)")  # the same every time
    await conn.execute(MADE)
    await conn.execute(DRAWN, size.events, DAYS, size.clients, size.agents)
    await conn.execute(CALLS, size.lines)
    await conn.execute(EVENTS, size.clients)
    await conn.execute(SEGMENTS)
    await conn.execute(OFFERS)
    for index in indexes:
        await conn.execute(index["definition"])
    for statement in (OWN_ROWS, MADE_GOOD, FOLLOW_UPS):
        await conn.execute(statement)
    await conn.execute("RESET session_replication_role")
    await conn.execute("VACUUM (ANALYZE)")
