"""Benches of the media plane."""
