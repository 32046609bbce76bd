"""A day that was, as it would have been with other agents or other rules. Pure: the engine in virtual time."""
