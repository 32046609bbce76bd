-- Tasks. A follow-up is a task of a system kind; so is the task of a hall visit.

CREATE TABLE task (
    id              uuid PRIMARY KEY,
    kind            text NOT NULL CHECK (kind IN ('task', 'follow_up', 'queue')),
    status          text NOT NULL DEFAULT 'assigned' REFERENCES task_status,
    event_id        uuid REFERENCES event,          -- what it was made from; it inherits that event's requisites
    event_type      text REFERENCES event_type,
    project_id      uuid REFERENCES project,
    client_id       uuid REFERENCES client ON DELETE SET NULL,
    phone           text NOT NULL DEFAULT '',
    e164            text,
    display_name    text NOT NULL DEFAULT '',
    assignee_id     uuid REFERENCES app_user,
    starts_at       timestamptz,
    ends_at         timestamptz,
    due_at          timestamptz,
    opened_at       timestamptz NOT NULL,
    closed_at       timestamptz,
    closed_by       uuid REFERENCES app_user,
    result          text NOT NULL DEFAULT '',
    -- follow-ups
    party_key       text,                           -- client:<id> | E.164 | ext:<number> | raw:<text> | call:<id>
    line            text,
    call_id         uuid,                           -- the first missed call
    closed_by_call  uuid,
    claimed_at      timestamptz,
    missed_count    integer NOT NULL DEFAULT 0,
    last_missed_at  timestamptz,

    CONSTRAINT follow_up_has_one_owner CHECK (kind <> 'follow_up' OR assignee_id IS NOT NULL),
    CONSTRAINT follow_up_has_a_party CHECK (kind <> 'follow_up' OR party_key IS NOT NULL)
);
-- Repeated missed calls of one party never pile up (R-CALL-44).
CREATE UNIQUE INDEX follow_up_open ON task (party_key) WHERE kind = 'follow_up' AND closed_at IS NULL;
CREATE INDEX follow_up_owner ON task (assignee_id) WHERE kind = 'follow_up' AND closed_at IS NULL;
CREATE INDEX follow_up_client ON task (client_id) WHERE kind = 'follow_up' AND closed_at IS NULL;
-- An event has at most one queue task (R-QUEUE-35).
CREATE UNIQUE INDEX queue_task_event ON task (event_id) WHERE kind = 'queue';
CREATE INDEX task_event ON task (event_id);

ALTER TABLE event ADD FOREIGN KEY (follow_up_id) REFERENCES task;
CREATE INDEX event_follow_up ON event (follow_up_id) WHERE follow_up_id IS NOT NULL;
