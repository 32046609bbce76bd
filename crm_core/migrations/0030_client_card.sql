-- What the card of a caller says beside the name, and how it is found in time.

ALTER TABLE client
    ADD COLUMN language      text CHECK (language IN ('uk', 'en', 'ru')),   -- in which the client is spoken to; NULL: not known
    ADD COLUMN black_listed  boolean NOT NULL DEFAULT false;

CREATE INDEX task_open_client ON task (client_id) WHERE kind = 'task' AND closed_at IS NULL;
CREATE INDEX task_open_number ON task (e164) WHERE kind = 'task' AND closed_at IS NULL;
