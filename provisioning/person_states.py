"""The states of a person. Which moves there are, and what each counts as, stands here once."""

from __future__ import annotations

from enum import StrEnum


class PersonState(StrEnum):
    ON_ROLL = "on_roll"
    """At least one school has the person on its roll."""
    IN_TRANSIT = "in_transit"
    """A school let go and no other has listed the person yet; account and sign-in stay open."""
    SUSPENDED = "suspended"
    """The time for turning up elsewhere is over, or somebody suspended the person."""
    GRADUATE = "graduate"
    """Left at the end of school; counted apart from leavers."""
    ARCHIVED = "archived"
    """Suspended for longer than the grace period; cohorts and places are ended."""
    BY_HAND = "by_hand"
    """A person whom an operator entered until the next export names them."""
