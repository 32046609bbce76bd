-- What a user status means when it is chosen. NULL: it is computed, and nobody chooses it.
ALTER TABLE user_status
    ADD COLUMN will text DEFAULT 'paused' CHECK (will IN ('signed_out', 'ready', 'on_demand', 'paused')),
    ADD COLUMN retired boolean NOT NULL DEFAULT false;   -- keeps its name where it was chosen; nobody chooses it any more
UPDATE user_status
   SET will = CASE key WHEN 'free' THEN 'ready' WHEN 'busy' THEN 'paused' WHEN 'offline' THEN 'signed_out' END
 WHERE system;
