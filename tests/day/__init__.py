"""A random day at a company while its servers are killed under it; see README.md."""
