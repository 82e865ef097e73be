"""Is this the same human? Source keys first, then evidence, then a question for a person."""

from provisioning.evidence import normalised_name
from provisioning.matching.comparing import contradict, doubtful, name_key
from provisioning.matching.deciding import match
from provisioning.matching.known import (
    BY_HAND,
    How,
    KnownIdentities,
    KnownIdentity,
    Match,
    Matching,
)
from provisioning.matching.numbers import without_foreign_numbers

__all__ = [
    "BY_HAND",
    "How",
    "KnownIdentities",
    "KnownIdentity",
    "Match",
    "Matching",
    "contradict",
    "doubtful",
    "match",
    "name_key",
    "normalised_name",
    "without_foreign_numbers",
]
