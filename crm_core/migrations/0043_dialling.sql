-- Lists of numbers that we call, who may not be called, and what calls came to.

CREATE TABLE disposition (
    key      text PRIMARY KEY,
    name     jsonb NOT NULL,                -- by language: uk, en, ru
    act      text NOT NULL CHECK (act IN ('done', 'retry', 'do_not_call', 'callback')),
    system   boolean NOT NULL DEFAULT false,
    sort     integer NOT NULL DEFAULT 1000
);
INSERT INTO disposition (key, name, act, system, sort) VALUES
    ('success', '{"uk": "Успішно", "en": "Success", "ru": "Успешно"}', 'done', true, 10),
    ('refused', '{"uk": "Відмова", "en": "Refused", "ru": "Отказ"}', 'done', true, 20),
    ('callback', '{"uk": "Передзвонити", "en": "Call back", "ru": "Перезвонить"}', 'callback', true, 30),
    ('try_again', '{"uk": "Спробувати ще", "en": "Try again", "ru": "Попробовать ещё"}', 'retry', true, 40),
    ('machine', '{"uk": "Автовідповідач", "en": "Answering machine", "ru": "Автоответчик"}', 'retry', true, 50),
    ('wrong_person', '{"uk": "Не та особа", "en": "Wrong person", "ru": "Не тот человек"}', 'done', true, 60),
    ('do_not_call', '{"uk": "Не телефонувати", "en": "Do not call", "ru": "Не звонить"}', 'do_not_call', true, 70);

CREATE TABLE dial_list (
    id             uuid PRIMARY KEY,
    name           text NOT NULL CHECK (name <> ''),
    line           text NOT NULL,                   -- whose agents call
    party_first    boolean NOT NULL DEFAULT false,  -- else the agent is rung first
    hours          text NOT NULL,                   -- local to each party, as settings write working time
    tries          integer NOT NULL CHECK (tries BETWEEN 1 AND 50),
    pauses         jsonb NOT NULL DEFAULT '{}',     -- minutes by what a try came to; else the product's
    points         double precision NOT NULL,       -- priority in the line
    ring_seconds   integer NOT NULL CHECK (ring_seconds BETWEEN 5 AND 180),
    grace_minutes  integer NOT NULL CHECK (grace_minutes BETWEEN 0 AND 10080),  -- that a callback is its agent's alone
    is_open        boolean NOT NULL DEFAULT false,
    created_by     uuid NOT NULL REFERENCES app_user,
    created_at     timestamptz NOT NULL
);
CREATE UNIQUE INDEX dial_list_name ON dial_list (lower(name));
CREATE INDEX dial_list_open ON dial_list (id) WHERE is_open;

CREATE TABLE dial_entry (
    id         uuid PRIMARY KEY,
    list_id    uuid NOT NULL REFERENCES dial_list,
    e164       text NOT NULL,
    name       text NOT NULL DEFAULT '',
    zones      text[] NOT NULL CHECK (cardinality(zones) > 0),  -- all in which the party may be
    client_id  uuid REFERENCES client ON DELETE SET NULL,
    state      text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'reserved', 'dialling', 'done')),
    next_at    timestamptz NOT NULL,
    tries      integer NOT NULL DEFAULT 0,
    result     text NOT NULL DEFAULT '',            -- of the last try: an outcome, or the disposition that was set
    agent      text                                 -- extension: the callback is this agent's
);
CREATE UNIQUE INDEX dial_entry_number ON dial_entry (list_id, e164);
CREATE INDEX dial_entry_due ON dial_entry (list_id, next_at, id) WHERE state = 'waiting' AND agent IS NULL;
CREATE INDEX dial_entry_personal ON dial_entry (list_id, next_at, id) WHERE state = 'waiting' AND agent IS NOT NULL;
CREATE INDEX dial_entry_held ON dial_entry (id) WHERE state IN ('reserved', 'dialling');
CREATE UNIQUE INDEX dial_entry_once ON dial_entry (e164) WHERE state = 'dialling';
CREATE INDEX dial_entry_client ON dial_entry (client_id) WHERE client_id IS NOT NULL;

CREATE TABLE dial_try (
    id           uuid PRIMARY KEY,
    entry_id     uuid NOT NULL REFERENCES dial_entry,
    list_id      uuid NOT NULL REFERENCES dial_list,
    call_id      uuid NOT NULL UNIQUE,
    extension    text NOT NULL,                     -- the agent; '' while the party is called first
    begun_at     timestamptz NOT NULL,
    ended_at     timestamptz,
    outcome      text                               -- NULL: is being dialled
);
CREATE INDEX dial_try_entry ON dial_try (entry_id, begun_at);
CREATE INDEX dial_try_list ON dial_try (list_id, begun_at, id);
CREATE INDEX dial_try_open ON dial_try (entry_id) WHERE outcome IS NULL;

-- What the agent says that a call came to. Kept beside the Event, by its call: the Event may be written later.
CREATE TABLE call_disposition (
    call_id      uuid PRIMARY KEY,
    disposition  text NOT NULL REFERENCES disposition,
    note         text NOT NULL DEFAULT '',
    set_by       uuid NOT NULL REFERENCES app_user,
    set_at       timestamptz NOT NULL
);

CREATE TABLE do_not_call (
    e164      text PRIMARY KEY,
    reason    text NOT NULL DEFAULT '',
    until     timestamptz,                          -- NULL: for ever
    added_by  uuid NOT NULL REFERENCES app_user,
    added_at  timestamptz NOT NULL
);
CREATE INDEX do_not_call_added ON do_not_call (added_at DESC, e164);
