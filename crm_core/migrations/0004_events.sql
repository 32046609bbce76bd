-- Projects, number series, the event register, calls and their parts.

CREATE TABLE project (
    id           uuid PRIMARY KEY,
    name         text NOT NULL,
    uses_queue   boolean NOT NULL DEFAULT false,    -- R-QUEUE-05 "electronic queue is used"
    org_unit_id  uuid REFERENCES org_unit,          -- the branch; its time zone bounds the day
    created_at   timestamptz NOT NULL DEFAULT now()
);
-- The working group (R-QUEUE-06); the window is the operator's in this group (O-10).
CREATE TABLE project_member (
    project_id      uuid NOT NULL REFERENCES project ON DELETE CASCADE,
    user_id         uuid NOT NULL REFERENCES app_user ON DELETE CASCADE,
    service_window  text,
    PRIMARY KEY (project_id, user_id)
);
ALTER TABLE app_user ADD FOREIGN KEY (telephony_project_id) REFERENCES project;

-- Auto-numbering, a series for each project (R-SETTINGS-20), prefix and, for tickets, local day.
CREATE TABLE number_series (
    kind        text NOT NULL,                      -- event | ticket
    project_id  uuid REFERENCES project ON DELETE CASCADE,
    prefix      text NOT NULL DEFAULT '',
    day         date,                               -- NULL: never starts anew
    last        bigint NOT NULL
);
CREATE UNIQUE INDEX number_series_key ON number_series
    (kind, coalesce(project_id, '00000000-0000-0000-0000-000000000000'), prefix, coalesce(day, '-infinity'));

CREATE TABLE event (
    id                 uuid PRIMARY KEY,
    type               text NOT NULL REFERENCES event_type,
    number             text,
    project_id         uuid REFERENCES project,
    org_unit_id        uuid REFERENCES org_unit,
    started_at         timestamptz NOT NULL,
    ended_at           timestamptz,
    phone              text NOT NULL DEFAULT '',    -- the other side's number (R-CALL-15)
    e164               text,
    display_name       text NOT NULL DEFAULT '',
    client_id          uuid REFERENCES client ON DELETE SET NULL,
    owner_id           uuid REFERENCES app_user,    -- the responsible person
    call_id            uuid UNIQUE,                 -- one event a call (O-02)
    internal           boolean NOT NULL DEFAULT false,
    answered_at        timestamptz,
    talk_seconds       double precision NOT NULL DEFAULT 0,
    party_key          text,                        -- whose call it is: groups the unanswered, joins follow-ups
    follow_up_id       uuid,
    answers_event_id   uuid REFERENCES event,       -- an answer to a missed call names the missed one (R-CALL-09)
    answered_event_id  uuid REFERENCES event,       -- a missed call names the later answered one (R-CALL-40)
    content            text NOT NULL DEFAULT '',    -- people write it, telephony never
    archived_at        timestamptz,
    created_by         uuid REFERENCES app_user,    -- NULL: made by itself
    created_at         timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX event_started ON event (started_at DESC, id DESC);
CREATE INDEX event_owner ON event (owner_id, started_at DESC);
CREATE INDEX event_client ON event (client_id, started_at DESC);
CREATE INDEX event_e164 ON event (e164);
CREATE INDEX event_unanswered ON event (party_key)
    WHERE type IN ('missed_incoming_call', 'missed_outgoing_call') AND answered_event_id IS NULL;

-- A call as its facts told it so far: the fold of its facts and nothing else.
CREATE TABLE call (
    id             uuid PRIMARY KEY,
    direction      text NOT NULL,
    party_id       uuid NOT NULL,
    party_keys     text[] NOT NULL,                 -- whose call it is, the surest key first
    caller         text,
    dialled        text,
    trunk          text,
    sip_call_id    text NOT NULL DEFAULT '',
    target         text,
    target_number  text,
    line           text,                            -- the line it waits or waited in
    rung           text,                            -- the extension rung last
    taken_by       text,                            -- the extension of the first segment
    started_at     timestamptz NOT NULL,
    answered_at    timestamptz,
    ended_at       timestamptz,
    outcome        text,
    ended_by       text,
    talk_seconds   double precision NOT NULL DEFAULT 0,
    missed         boolean NOT NULL DEFAULT false,  -- decided once, at the end
    event_id       uuid                             -- NULL: left out by the short-number rule
);
CREATE INDEX call_unfinished ON call (started_at) WHERE ended_at IS NULL;
CREATE INDEX call_event ON call (event_id);

CREATE TABLE segment (
    id          uuid PRIMARY KEY,
    call_id     uuid NOT NULL,
    extension   text NOT NULL,
    user_id     uuid REFERENCES app_user,           -- who had the extension then
    started_at  timestamptz NOT NULL,
    ended_at    timestamptz
);
CREATE INDEX segment_call ON segment (call_id);
CREATE INDEX segment_user ON segment (user_id);

CREATE TABLE offer (
    leg         uuid PRIMARY KEY,
    call_id     uuid NOT NULL,
    extension   text NOT NULL,
    user_id     uuid REFERENCES app_user,
    offered_at  timestamptz NOT NULL,
    ended_at    timestamptz,
    reason      text
);
CREATE INDEX offer_call ON offer (call_id);

CREATE TABLE recording (
    id          uuid PRIMARY KEY,
    call_id     uuid NOT NULL,
    started_at  timestamptz NOT NULL,
    file        text,                               -- relative to the recordings folder; NULL until it is closed
    seconds     double precision,
    cut         boolean NOT NULL DEFAULT false
);
CREATE INDEX recording_call ON recording (call_id);
