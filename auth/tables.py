"""Every table of the provider: importing this module makes ``metadata`` complete."""

from __future__ import annotations

import auth.clients.registered
import auth.esia.models
import auth.linking.models
import auth.upstream.attempts  # noqa: F401 - registers the tables
from auth.models import Base

metadata = Base.metadata
