"""Finding people by any part of name, login or class, among those an operator may see."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sqlalchemy import ColumnElement, false, or_, select
from sqlalchemy.orm import Session

from auth.signin.check import normalise_username
from provisioning.matching import normalised_name
from service.access import Scope
from service.models import Identity, KnownUser, SchoolMembership
from service.people.passwords import reachable

SHOWN = 50
"""The most people that are shown; of more, the first ones by name."""

MAX_LENGTH = 200
"""The number of characters of a search that are read."""


def search_people(session: Session, scope: Scope, text: str) -> Sequence[KnownUser]:
    """Return the people in the scope whom each word of ``text`` fits, at most ``SHOWN`` + 1.

    A word fits when it stands anywhere in the name (capitals and «ё» make no difference), in the
    login as people type it, or in the title of a class at a school inside. Without a word nobody is
    found.
    """
    words = _words(text)
    if not words:
        return ()
    titles = _titles(session, scope)
    query = (
        select(KnownUser)
        .join(Identity, Identity.person_id == KnownUser.person_id)
        .where(reachable(scope), *(_fits(word, scope, titles) for word in words))
        .order_by(
            KnownUser.family_name,
            KnownUser.given_name,
            KnownUser.middle_name,
            KnownUser.person_id,
        )
        .limit(SHOWN + 1)
    )
    return session.scalars(query).all()


def _words(text: str) -> list[str]:
    """Part the text into words, also at what no database takes, such as a NUL."""
    cut = text[:MAX_LENGTH]
    return "".join(letter if letter.isprintable() else " " for letter in cut).split()


def _fits(word: str, scope: Scope, titles: Sequence[str]) -> ColumnElement[bool]:
    ways: list[ColumnElement[bool]] = []
    # Stored folded, because SQLite folds no Cyrillic letter.
    if name := normalised_name(word, "", ""):
        ways.append(Identity.name_key.contains(name, autoescape=True))
    if login := normalise_username(word):
        ways.append(KnownUser.username.contains(login, autoescape=True))
    folded = _folded(word)
    if found := [title for title in titles if folded and folded in _folded(title)]:
        in_class = select(SchoolMembership.person_id).where(
            SchoolMembership.school_code.in_(scope.codes()),
            SchoolMembership.confirmed,
            SchoolMembership.class_title.in_(found),
        )
        ways.append(KnownUser.person_id.in_(in_class))
    return or_(false(), *ways)


def _titles(session: Session, scope: Scope) -> Sequence[str]:
    """Return the titles of classes at schools in the scope; few, however many people there are."""
    titles = select(SchoolMembership.class_title).where(
        SchoolMembership.school_code.in_(scope.codes())
    )
    return session.scalars(titles.distinct()).all()


def _folded(title: str) -> str:
    """Return one text for «8-А», «8 а» and «8а», which are one class to people."""
    return re.sub(r"[\W_]", "", title.casefold().replace("ё", "е"))
