-- What keeps the registers quick when there are millions of events.

CREATE EXTENSION IF NOT EXISTS pg_trgm;

-- Text that is looked for anywhere in number, name and content, and in the names of clients.
CREATE INDEX event_text ON event USING gin
    ((coalesce(e164, '') || ' ' || phone || ' ' || display_name || ' ' || content) gin_trgm_ops);
CREATE INDEX client_name ON client USING gin (name gin_trgm_ops);

-- The open missed calls are few beside all events, and the planner has to know it: from the two columns by themselves
-- it expects hundreds of times as many.
ALTER TABLE event ADD COLUMN unanswered boolean NOT NULL GENERATED ALWAYS AS
    (type IN ('missed_incoming_call', 'missed_outgoing_call') AND answered_event_id IS NULL) STORED;
CREATE INDEX event_unanswered_started ON event (started_at DESC, id DESC) WHERE unanswered;
CREATE INDEX event_unanswered_by_phone ON event (coalesce(e164, phone), started_at DESC, id DESC) WHERE unanswered;

-- Which events a person may find, in their order: a superset of what `access.visibility` shows, kept by the triggers
-- below, so that a page of one's own events need not walk everybody's. It grants nothing: each row is judged when it
-- is read. `started_at` and the number of an event do not change.
CREATE TABLE event_viewer (
    user_id     uuid NOT NULL REFERENCES app_user ON DELETE CASCADE,
    started_at  timestamptz NOT NULL,
    event_id    uuid NOT NULL REFERENCES event ON DELETE CASCADE,
    number      text NOT NULL,                  -- the event's, in the form by which the register by number is ordered
    PRIMARY KEY (user_id, started_at, event_id)
);
CREATE INDEX event_viewer_by_phone ON event_viewer (user_id, number, started_at DESC, event_id DESC);
CREATE INDEX event_viewer_event ON event_viewer (event_id);
CREATE INDEX call_caller ON call (caller);
CREATE INDEX call_unanswered_line ON call (line) WHERE answered_at IS NULL;

-- A line's agents see a call that nobody answered: theirs come with its end.
CREATE VIEW event_viewers AS
    SELECT e.owner_id AS user_id, e.started_at, e.id AS event_id, coalesce(e.e164, e.phone) AS number FROM event e
    UNION SELECT s.user_id, e.started_at, e.id, coalesce(e.e164, e.phone) FROM event e JOIN segment s ON s.call_id = e.call_id
    UNION SELECT d.user_id, e.started_at, e.id, coalesce(e.e164, e.phone)
            FROM event e JOIN call c ON c.id = e.call_id JOIN device d ON d.number = c.caller
    UNION SELECT o.user_id, e.started_at, e.id, coalesce(e.e164, e.phone)
            FROM event e JOIN offer o ON o.call_id = e.call_id
    UNION SELECT d.user_id, e.started_at, e.id, coalesce(e.e164, e.phone)
            FROM event e JOIN call c ON c.id = e.call_id
            JOIN line_agent a ON a.line_number = c.line JOIN device d ON d.number = a.extension
           WHERE c.answered_at IS NULL AND c.ended_at IS NOT NULL;

CREATE FUNCTION show_event(shown uuid) RETURNS void LANGUAGE sql AS $$
    INSERT INTO event_viewer (user_id, started_at, event_id, number)
    SELECT v.user_id, v.started_at, v.event_id, v.number FROM event_viewers v WHERE v.event_id = shown AND v.user_id IS NOT NULL
    ON CONFLICT DO NOTHING
$$;

CREATE FUNCTION show_told_event() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM show_event(NEW.id);
    RETURN NULL;
END $$;
CREATE TRIGGER event_told AFTER INSERT ON event FOR EACH ROW EXECUTE FUNCTION show_told_event();
CREATE TRIGGER event_given AFTER UPDATE OF owner_id ON event FOR EACH ROW
    WHEN (NEW.owner_id IS DISTINCT FROM OLD.owner_id) EXECUTE FUNCTION show_told_event();

CREATE FUNCTION show_call() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM show_event(e.id) FROM event e WHERE e.call_id = NEW.id;
    RETURN NULL;
END $$;
CREATE TRIGGER call_told AFTER INSERT ON call FOR EACH ROW EXECUTE FUNCTION show_call();
CREATE TRIGGER call_ended AFTER UPDATE ON call FOR EACH ROW
    WHEN (NEW.caller IS DISTINCT FROM OLD.caller
          OR (NEW.ended_at IS DISTINCT FROM OLD.ended_at AND NEW.answered_at IS NULL)) EXECUTE FUNCTION show_call();

CREATE FUNCTION show_rung_or_taken() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO event_viewer (user_id, started_at, event_id, number)
    SELECT NEW.user_id, e.started_at, e.id, coalesce(e.e164, e.phone) FROM event e WHERE e.call_id = NEW.call_id
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER segment_told AFTER INSERT ON segment FOR EACH ROW
    WHEN (NEW.user_id IS NOT NULL) EXECUTE FUNCTION show_rung_or_taken();
CREATE TRIGGER offer_told AFTER INSERT ON offer FOR EACH ROW
    WHEN (NEW.user_id IS NOT NULL) EXECUTE FUNCTION show_rung_or_taken();

-- A phone that is given to somebody else, and a new agent of a line, show what went there before.
CREATE FUNCTION show_phone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO event_viewer (user_id, started_at, event_id, number)
    SELECT NEW.user_id, e.started_at, e.id, coalesce(e.e164, e.phone) FROM call c JOIN event e ON e.call_id = c.id WHERE c.caller = NEW.number
    UNION
    SELECT NEW.user_id, e.started_at, e.id, coalesce(e.e164, e.phone)
      FROM line_agent a JOIN call c ON c.line = a.line_number AND c.answered_at IS NULL JOIN event e ON e.call_id = c.id
     WHERE a.extension = NEW.number
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER device_given AFTER INSERT OR UPDATE OF user_id ON device FOR EACH ROW
    WHEN (NEW.user_id IS NOT NULL) EXECUTE FUNCTION show_phone();

CREATE FUNCTION show_line() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO event_viewer (user_id, started_at, event_id, number)
    SELECT d.user_id, e.started_at, e.id, coalesce(e.e164, e.phone)
      FROM device d, call c JOIN event e ON e.call_id = c.id
     WHERE d.number = NEW.extension AND d.user_id IS NOT NULL AND c.line = NEW.line_number AND c.answered_at IS NULL
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER line_agent_joined AFTER INSERT ON line_agent FOR EACH ROW EXECUTE FUNCTION show_line();

-- What is there already.
INSERT INTO event_viewer (user_id, started_at, event_id, number)
SELECT user_id, started_at, event_id, number FROM event_viewers WHERE user_id IS NOT NULL ON CONFLICT DO NOTHING;
