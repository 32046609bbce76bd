-- Whoever owes a call back finds the missed calls behind it, whatever line they came to.

CREATE OR REPLACE VIEW event_viewers AS
    SELECT e.owner_id AS user_id, e.started_at, e.id AS event_id, coalesce(e.e164, e.phone) AS number FROM event e
    UNION SELECT s.user_id, e.started_at, e.id, coalesce(e.e164, e.phone) FROM event e JOIN segment s ON s.call_id = e.call_id
    UNION SELECT d.user_id, e.started_at, e.id, coalesce(e.e164, e.phone)
            FROM event e JOIN call c ON c.id = e.call_id JOIN device d ON d.number = c.caller
    UNION SELECT o.user_id, e.started_at, e.id, coalesce(e.e164, e.phone)
            FROM event e JOIN offer o ON o.call_id = e.call_id
    UNION SELECT d.user_id, e.started_at, e.id, coalesce(e.e164, e.phone)
            FROM event e JOIN call c ON c.id = e.call_id
            JOIN line_agent a ON a.line_number = c.line JOIN device d ON d.number = a.extension
           WHERE c.answered_at IS NULL AND c.ended_at IS NOT NULL
    UNION SELECT t.assignee_id, e.started_at, e.id, coalesce(e.e164, e.phone)
            FROM event e JOIN task t ON t.id = e.follow_up_id;

CREATE FUNCTION show_owed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO event_viewer (user_id, started_at, event_id, number)
    SELECT t.assignee_id, NEW.started_at, NEW.id, coalesce(NEW.e164, NEW.phone) FROM task t WHERE t.id = NEW.follow_up_id
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER event_owed AFTER UPDATE OF follow_up_id ON event FOR EACH ROW
    WHEN (NEW.follow_up_id IS DISTINCT FROM OLD.follow_up_id) EXECUTE FUNCTION show_owed();

CREATE FUNCTION show_taken_over() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO event_viewer (user_id, started_at, event_id, number)
    SELECT NEW.assignee_id, e.started_at, e.id, coalesce(e.e164, e.phone) FROM event e WHERE e.follow_up_id = NEW.id
    ON CONFLICT DO NOTHING;
    RETURN NULL;
END $$;
CREATE TRIGGER follow_up_given AFTER UPDATE OF assignee_id ON task FOR EACH ROW
    WHEN (NEW.kind = 'follow_up' AND NEW.assignee_id IS DISTINCT FROM OLD.assignee_id) EXECUTE FUNCTION show_taken_over();

INSERT INTO event_viewer (user_id, started_at, event_id, number)
SELECT t.assignee_id, e.started_at, e.id, coalesce(e.e164, e.phone)
  FROM event e JOIN task t ON t.id = e.follow_up_id
 WHERE e.follow_up_id IS NOT NULL
ON CONFLICT DO NOTHING;
