-- An agent's work after a call, from the end of the segment to its deadline, or to when it was cut.
CREATE TABLE wrap_up (
    id         uuid PRIMARY KEY,                -- of the fact that began it
    item_id    uuid NOT NULL,                   -- what was served: the call
    extension  text NOT NULL,
    user_id    uuid REFERENCES app_user,        -- who had the extension then
    began_at   timestamptz NOT NULL,
    ends_at    timestamptz NOT NULL
);
CREATE INDEX wrap_up_of ON wrap_up (extension, began_at);
CREATE INDEX wrap_up_item ON wrap_up (item_id);
CREATE INDEX wrap_up_time ON wrap_up (began_at) WHERE user_id IS NOT NULL;
CREATE INDEX wrap_up_end ON wrap_up (ends_at);
