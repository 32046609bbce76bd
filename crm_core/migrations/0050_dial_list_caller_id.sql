-- The number that parties of a list see, before that of its agents and its line.

ALTER TABLE dial_list ADD COLUMN caller_id text NOT NULL DEFAULT '' CHECK (caller_id ~ '^(\+?[0-9]{2,15})?$');
