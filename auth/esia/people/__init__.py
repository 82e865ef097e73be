"""Whom the stand-in knows: persons, their collections and organisations, as documents."""
