"""Whose account is it? From an outside identity to one of our people, a question, or a clear no."""
