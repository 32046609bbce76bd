"""How quick the CRM is when it has grown: a million clients, five million events."""
