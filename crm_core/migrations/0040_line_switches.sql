-- What supervisors have switched: lines that are closed, and what they tell first. Kept from the facts.
CREATE TABLE line_switch (
    line        text PRIMARY KEY,
    is_open     boolean NOT NULL,
    message     text NOT NULL,
    changed_at  timestamptz NOT NULL
);
