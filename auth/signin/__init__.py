"""Signing a person in: what was typed, who may, with what, and how long a browser remembers it."""
