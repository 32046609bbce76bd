"""Fuzzers of the signalling: seeded, so that what they find can be found again. See README.md beside this file."""
