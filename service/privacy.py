"""Which fields of a person an operator sees in full. A birth date is also a first password."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.access import Scope
from service.models import OperatorRole

MASK = "••••••"

PRIVATE_FIELDS = frozenset({"birth_date", "snils"})


def is_private(field: str, mine: Scope) -> bool:
    """Tell whether the value is masked: only the school itself, which typed it in, reads it
    here."""
    return field in PRIVATE_FIELDS and mine.role != OperatorRole.SCHOOL


def masked(values: Mapping[str, Any], mine: Scope) -> dict[str, Any]:
    """Return ``values`` with private ones masked; an empty one stays empty."""
    return {
        name: MASK if value and is_private(name, mine) else value for name, value in values.items()
    }
