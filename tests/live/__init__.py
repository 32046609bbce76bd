"""A busy quarter of an hour with foreign phones: thirty agents, two hundred callers, and the wire between them."""
