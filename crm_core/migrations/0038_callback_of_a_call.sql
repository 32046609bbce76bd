-- What became of the callback with which a call left a line: the line reports ask for it.

CREATE INDEX callback_call ON callback (call_id);
