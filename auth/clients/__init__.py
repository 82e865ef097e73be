"""Registrations made while running, in the console, beside those of the settings file."""
