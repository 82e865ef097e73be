"""Words for the year's turn."""

from __future__ import annotations

from service.i18n import N_
from service.words import words

state = words(
    not_loaded=N_("no file of the new year"),
    blocked=N_("stopped by a finding"),
    to_confirm=N_("waits for a yes"),
    confirmed=N_("ready, waits for its day"),
    to_approve=N_("its day has come, waits for a yes"),
    turned=N_("has turned"),
)
"""How far a school is with its new year."""
