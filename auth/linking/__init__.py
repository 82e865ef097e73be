"""Whose account is it? From an outside identity to one of our people, a question, or a clear no.

``pages.arrive`` is where a sign-in at an outside provider comes in.
"""
