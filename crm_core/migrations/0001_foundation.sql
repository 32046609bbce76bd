-- People, settings, dictionaries, sessions, the ledger of facts and the outbox.

CREATE TABLE org_unit (
    id          uuid PRIMARY KEY,
    parent_id   uuid REFERENCES org_unit,
    name        text NOT NULL,
    timezone    text                            -- of a branch; NULL: the parent's, at last the installation's
);

CREATE TABLE app_user (
    id              uuid PRIMARY KEY,
    login           text NOT NULL,
    full_name       text NOT NULL,
    role            text NOT NULL CHECK (role IN ('admin', 'supervisor', 'agent', 'hall')),
    locale          text NOT NULL DEFAULT 'uk' CHECK (locale IN ('uk', 'en', 'ru')),
    service_window  text,                       -- where the hall sends a visitor of this operator
    org_unit_id     uuid REFERENCES org_unit,
    password_hash   text,                       -- NULL: nobody signs in with this login
    active          boolean NOT NULL DEFAULT true,
    -- Settings / Parameters / Users (R-SETTINGS-26..30); both switches are off by default (R-SETTINGS-29)
    job_title       text NOT NULL DEFAULT '',
    phone           text NOT NULL DEFAULT '',
    uses_statuses   boolean NOT NULL DEFAULT false,
    sees_statuses   boolean NOT NULL DEFAULT false,
    telephony_project_id   uuid,                -- R-CALL-21
    telephony_org_unit_id  uuid REFERENCES org_unit,    -- R-CALL-22
    created_at      timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX app_user_login ON app_user (lower(login));

-- Owner of last resort: a follow-up has an owner even in an installation where nobody is set up yet.
INSERT INTO app_user (id, login, full_name, role, active)
VALUES ('00000000-0000-7000-8000-000000000001', '~dzvin', 'Dzvin', 'admin', false);

CREATE TABLE session (
    token_sha256  bytea PRIMARY KEY,
    user_id       uuid NOT NULL REFERENCES app_user ON DELETE CASCADE,
    opened_at     timestamptz NOT NULL,
    seen_at       timestamptz NOT NULL,
    user_agent    text NOT NULL DEFAULT ''
);
CREATE INDEX session_of_user ON session (user_id);

CREATE TABLE setting (
    key    text PRIMARY KEY,
    value  text NOT NULL
);

CREATE TABLE audit (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at           timestamptz NOT NULL DEFAULT now(),
    user_id      uuid REFERENCES app_user,
    action       text NOT NULL,
    object_kind  text NOT NULL,
    object_id    uuid,
    detail       jsonb NOT NULL DEFAULT '{}'
);
CREATE INDEX audit_object ON audit (object_kind, object_id);

-- Dictionaries: system entries keep their key and cannot go (R-SETTINGS-10).
CREATE TABLE event_type (
    key     text PRIMARY KEY,
    name    jsonb NOT NULL,
    system  boolean NOT NULL DEFAULT false,
    sort    integer NOT NULL DEFAULT 1000
);
CREATE TABLE task_status (
    key     text PRIMARY KEY,
    name    jsonb NOT NULL,
    colour  text,
    system  boolean NOT NULL DEFAULT false,
    sort    integer NOT NULL DEFAULT 1000
);
CREATE TABLE user_status (
    key     text PRIMARY KEY,
    name    jsonb NOT NULL,
    system  boolean NOT NULL DEFAULT false,
    sort    integer NOT NULL DEFAULT 1000
);

-- R-SETTINGS-04
INSERT INTO event_type (sort, system, key, name) VALUES
    (1, true, 'incoming_call', '{"uk": "Вхідний дзвінок", "ru": "Входящий звонок", "en": "Incoming call"}'),
    (2, true, 'outgoing_call', '{"uk": "Вихідний дзвінок", "ru": "Исходящий звонок", "en": "Outgoing call"}'),
    (3, true, 'incoming_letter', '{"uk": "Вхідний лист", "ru": "Входящее письмо", "en": "Incoming letter"}'),
    (4, true, 'outgoing_letter', '{"uk": "Вихідний лист", "ru": "Исходящее письмо", "en": "Outgoing letter"}'),
    (5, true, 'incoming_email',
     '{"uk": "Вхідний електронний лист", "ru": "Входящее электронное письмо", "en": "Incoming e-mail"}'),
    (6, true, 'outgoing_email',
     '{"uk": "Вихідний електронний лист", "ru": "Исходящее электронное письмо", "en": "Outgoing e-mail"}'),
    (7, true, 'survey', '{"uk": "Опитування", "ru": "Опрос", "en": "Survey"}'),
    (8, true, 'visit', '{"uk": "Виїзд", "ru": "Выезд", "en": "Visit"}'),
    (9, true, 'phone_on', '{"uk": "Ввімкнення телефону", "ru": "Включение телефона", "en": "Phone switched on"}'),
    (10, true, 'phone_off', '{"uk": "Відключення телефону", "ru": "Отключение телефона", "en": "Phone switched off"}'),
    (11, true, 'missed_incoming_call',
     '{"uk": "Неприйнятий вхідний дзвінок", "ru": "Непринятый входящий звонок", "en": "Missed incoming call"}'),
    (12, true, 'missed_outgoing_call',
     '{"uk": "Неприйнятий вихідний дзвінок", "ru": "Непринятый исходящий звонок", "en": "Missed outgoing call"}'),
    (13, true, 'missed_call_answer',
     '{"uk": "Відповідь на неприйнятий дзвінок", "ru": "Ответ на непринятый звонок", "en": "Answer to a missed call"}'),
    (14, true, 'callback', '{"uk": "Зворотній дзвінок", "ru": "Обратный звонок", "en": "Callback"}'),
    (15, true, 'call_forwarding', '{"uk": "Переадресація дзвінка", "ru": "Переадресация звонка", "en": "Call forwarding"}'),
    (16, true, 'queue', '{"uk": "Черга", "ru": "Очередь", "en": "Queue"}'),
    (17, true, 'electronic_queue', '{"uk": "Електронна черга", "ru": "Электронная очередь", "en": "Electronic queue"}');

-- R-SETTINGS-06; `done` is spelled both Виконана and Виконано in the manual (O-19)
INSERT INTO task_status (sort, system, key, colour, name) VALUES
    (1, true, 'assigned', 'blue', '{"uk": "Поставлена задача", "ru": "Поставленная задача", "en": "Assigned"}'),
    (2, true, 'overdue', 'red', '{"uk": "Прострочено", "ru": "Просрочено", "en": "Overdue"}'),
    (3, true, 'done', 'black', '{"uk": "Виконана", "ru": "Выполнена", "en": "Done"}'),
    (4, true, 'accepted', NULL, '{"uk": "Прийнято", "ru": "Принято", "en": "Accepted"}'),
    (5, true, 'suspended', NULL, '{"uk": "Призупинено", "ru": "Приостановлено", "en": "Suspended"}');

-- R-PANEL-03, R-PANEL-04
INSERT INTO user_status (sort, system, key, name) VALUES
    (1, true, 'free', '{"uk": "Вільний", "ru": "Свободен", "en": "Free"}'),
    (2, true, 'busy', '{"uk": "Зайнятий", "ru": "Занят", "en": "Busy"}'),
    (3, true, 'online', '{"uk": "В мережі", "ru": "В сети", "en": "Online"}'),
    (4, true, 'offline', '{"uk": "Не в мережі", "ru": "Не в сети", "en": "Offline"}'),
    (5, true, 'calling', '{"uk": "Дзвонить", "ru": "Звонит", "en": "Calling"}'),
    (6, true, 'waiting', '{"uk": "В Очікуванні", "ru": "В ожидании", "en": "Waiting"}');

CREATE FUNCTION keep_system_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.system AND (TG_OP = 'DELETE' OR NEW.key <> OLD.key OR NOT NEW.system) THEN
        RAISE EXCEPTION 'system entry % of % stays', OLD.key, TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
    END IF;
    IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER event_type_system BEFORE UPDATE OR DELETE ON event_type
    FOR EACH ROW EXECUTE FUNCTION keep_system_entry();
CREATE TRIGGER task_status_system BEFORE UPDATE OR DELETE ON task_status
    FOR EACH ROW EXECUTE FUNCTION keep_system_entry();
CREATE TRIGGER user_status_system BEFORE UPDATE OR DELETE ON user_status
    FOR EACH ROW EXECUTE FUNCTION keep_system_entry();

-- Facts, append-only. The id was made with the fact: written twice, stored once.
CREATE TABLE ledger (
    seq      bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id       uuid NOT NULL UNIQUE,
    kind     text NOT NULL,
    v        integer NOT NULL,
    at       timestamptz NOT NULL,
    call_id  uuid,
    payload  jsonb NOT NULL                     -- what else the fact says; people only as party references
);
CREATE INDEX ledger_call ON ledger (call_id, seq) WHERE call_id IS NOT NULL;

-- Facts that could not be projected. Each row is an alarm until a person has looked at it.
CREATE TABLE ledger_set_aside (
    seq           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    fact_id       uuid,                         -- NULL when the record could not be read
    kind          text NOT NULL,
    record        bytea NOT NULL,               -- the spool's record as it stood
    record_sha256 bytea NOT NULL UNIQUE GENERATED ALWAYS AS (sha256(record)) STORED,
    reason        text NOT NULL,
    set_aside_at  timestamptz NOT NULL DEFAULT now()
);

-- What others must hear after commit, in the order of id.
CREATE TABLE outbox (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind     text NOT NULL,
    payload  jsonb NOT NULL
);
