-- Contact persons, whose a number is, and callers whom nobody knows.

CREATE TABLE contact_person (
    id          uuid PRIMARY KEY,
    client_id   uuid NOT NULL REFERENCES client ON DELETE CASCADE,
    name        text NOT NULL,
    job_title   text NOT NULL DEFAULT '',
    created_by  uuid REFERENCES app_user,
    created_at  timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX contact_person_client ON contact_person (client_id);

CREATE TABLE contact_phone (
    contact_id  uuid NOT NULL REFERENCES contact_person ON DELETE CASCADE,
    raw         text NOT NULL,
    e164        text,
    PRIMARY KEY (contact_id, raw)
);
CREATE INDEX contact_phone_e164 ON contact_phone (e164);

ALTER TABLE event ADD COLUMN contact_id uuid REFERENCES contact_person ON DELETE SET NULL;
ALTER TABLE task ADD COLUMN contact_id uuid REFERENCES contact_person ON DELETE SET NULL;

-- What people said of a number that several clients share.
CREATE TABLE number_choice (
    e164       text NOT NULL,
    client_id  uuid NOT NULL REFERENCES client ON DELETE CASCADE,
    times      integer NOT NULL DEFAULT 1,
    chosen_by  uuid REFERENCES app_user,
    chosen_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (e164, client_id)
);

-- The stub of a caller who is nobody's: made by the engine, until somebody makes a client of it.
CREATE TABLE unknown_caller (
    e164           text PRIMARY KEY,
    name           text NOT NULL DEFAULT '',    -- as signalled: hostile text
    calls          integer NOT NULL DEFAULT 1,
    first_seen_at  timestamptz NOT NULL,
    last_seen_at   timestamptz NOT NULL
);
CREATE INDEX unknown_caller_seen ON unknown_caller (last_seen_at DESC);
