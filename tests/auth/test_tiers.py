"""The rooms of auth import downwards only: who may know whom, and so without circles."""

from __future__ import annotations

from tests.test_architecture import rooms_of

TIERS = (
    {"cookies", "directory", "models", "outside", "texts"},
    {"clients"},
    {"settings"},
    {"signin"},
    {"events"},
    {"oidc"},
    {"pages"},
    {"esia", "linking"},
    {"failures", "upstream"},
    {"portal", "tables"},
    {"expiry"},
    {"__init__"},
)
"""The files and folders of ``auth``, the lowest first. One that shares a tier with another does
not know it."""


def test_a_room_knows_those_below_it_alone() -> None:
    """Imports that are for the types alone count, too, and those inside of functions."""
    rooms = rooms_of("auth")
    tier = {room: number for number, tier in enumerate(TIERS) for room in tier}
    assert tier.keys() == rooms.keys()
    assert {
        f"{room} -> {other}"
        for room, others in rooms.items()
        for other in others
        if tier[other] >= tier[room]
    } == set()
    assert "upstream" in rooms["portal"]
