-- Facts for other programs.

-- A day is found without reading the years before it; next to nothing to keep up, for facts come in the order of time.
CREATE INDEX ledger_at ON ledger USING brin (at);
