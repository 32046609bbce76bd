-- What telephony tells of a recording beside its sound.
ALTER TABLE recording
    ADD COLUMN place    text,                               -- where its file will be, known when it starts
    ADD COLUMN reason   text NOT NULL DEFAULT '',           -- why it is cut
    ADD COLUMN segments jsonb NOT NULL DEFAULT '[]',        -- who was on which channel, from when to when
    ADD COLUMN pauses   jsonb NOT NULL DEFAULT '[]';
CREATE INDEX recording_unfinished ON recording (started_at) WHERE file IS NULL;
