"""Words for what findings mean."""

from __future__ import annotations

from service.i18n import N_
from service.words import words

verdict = words(
    warning=N_("warning"),
    taken=N_("row taken with an error"),
    error=N_("row set aside"),
    fatal=N_("file stopped"),
)
"""What a finding means for its row or file (``Finding.verdict``)."""
