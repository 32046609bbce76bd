-- Lines and skills as people have changed them; what is not here is as the configuration says.
CREATE TABLE line_setting (
    number      text PRIMARY KEY,
    settings    jsonb NOT NULL,
    revision    integer NOT NULL,              -- who changes it names the one that they saw
    changed_at  timestamptz NOT NULL,
    changed_by  uuid REFERENCES app_user
);
CREATE TABLE agent_skill (
    extension   text PRIMARY KEY,
    skills      jsonb NOT NULL,
    revision    integer NOT NULL,
    changed_at  timestamptz NOT NULL,
    changed_by  uuid REFERENCES app_user
);
