-- The electronic queue: services, tickets, windows.

CREATE TABLE service (
    id            uuid PRIMARY KEY,
    code          text NOT NULL UNIQUE,
    name          jsonb NOT NULL,
    prefix        text NOT NULL DEFAULT '',
    slot_minutes  integer NOT NULL CHECK (slot_minutes > 0),
    project_id    uuid NOT NULL REFERENCES project
);
-- How long a visit takes, by the number of the client's companies (R-QUEUE-15, -17): the row with the greatest
-- companies_from that is not above the number holds; without rows a slot for each company.
CREATE TABLE service_duration (
    service_id      uuid NOT NULL REFERENCES service ON DELETE CASCADE,
    companies_from  integer NOT NULL CHECK (companies_from > 0),
    minutes         integer NOT NULL CHECK (minutes > 0),
    PRIMARY KEY (service_id, companies_from)
);

CREATE TABLE ticket (
    id               uuid PRIMARY KEY,
    event_id         uuid NOT NULL UNIQUE REFERENCES event,
    service_id       uuid NOT NULL REFERENCES service,
    project_id       uuid NOT NULL REFERENCES project,
    party_id         uuid REFERENCES party,
    booked           boolean NOT NULL,
    day              date NOT NULL,                 -- local day of the branch
    number           text NOT NULL,
    starts_at        timestamptz NOT NULL,
    ends_at          timestamptz NOT NULL,
    company_count    integer NOT NULL CHECK (company_count > 0),
    language         text NOT NULL,
    state            text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'called', 'served')),
    checked_in_at    timestamptz,
    called_at        timestamptz,
    called_by        uuid REFERENCES app_user,
    service_window   text,
    served_at        timestamptz,
    idempotency_key  text,
    request_sha256   bytea,

    CHECK ((state = 'waiting') = (called_at IS NULL)),
    CHECK ((called_at IS NULL) = (called_by IS NULL)),
    CHECK ((state = 'served') = (served_at IS NOT NULL))
);
-- R-QUEUE-24
CREATE UNIQUE INDEX ticket_number ON ticket (project_id, day, number);
-- Equal booking posts give one booking.
CREATE UNIQUE INDEX ticket_idempotency ON ticket (idempotency_key);
-- One operator, at most one live ticket (R-QUEUE-38).
CREATE UNIQUE INDEX ticket_operator ON ticket (called_by) WHERE state = 'called';
CREATE INDEX ticket_waiting ON ticket (starts_at, id) WHERE state = 'waiting';
CREATE INDEX ticket_board ON ticket (called_at DESC) WHERE state = 'called';
