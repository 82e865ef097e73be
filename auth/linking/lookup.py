"""The facts of the decision: asked of the directory and the links about an outside identity."""

from __future__ import annotations

from collections.abc import Iterable

from sqlalchemy import select, union

from auth.directory import Account, Directory
from auth.linking.comparison import plain_name, valid_snils
from auth.linking.decision import Found, may_match
from auth.linking.models import Link, LinkAction, LinkEvent
from auth.oidc.context import Context
from auth.outside import OutsideChild, OutsideIdentity

PUPIL = "student"
"""OneRoster's word."""


def look_up(context: Context, identity: OutsideIdentity) -> Found:
    """Find everybody who may be this identity; one that nobody checked is matched by its link
    alone."""
    directory = context.directory
    linked_to = select(Link.person_id).where(
        Link.provider == identity.provider, Link.subject == identity.subject
    )
    with context.session_factory() as db:
        linked_ids = db.scalars(linked_to.order_by(Link.id)).all()
    known = [directory.by_person_id(person_id) for person_id in linked_ids]
    linked = tuple(account for account in known if account)
    if not may_match(identity):
        return Found(linked=linked)
    by_snils = tuple(directory.by_snils(valid_snils(identity.snils)))
    by_name: tuple[Account, ...] = ()
    if identity.birth_date and identity.family_name and identity.given_name:
        by_name = tuple(
            directory.by_name(
                identity.family_name, identity.given_name, identity.middle_name, identity.birth_date
            )
        )
    return Found(
        linked=linked,
        by_snils=by_snils,
        by_name=by_name,
        taken=_taken(context, identity, [*by_snils, *by_name]),
        children=_children(identity.children, directory) if identity.confirmed else (),
    )


def _taken(
    context: Context, identity: OutsideIdentity, accounts: Iterable[Account]
) -> frozenset[str]:
    ids = {account.person_id for account in accounts}
    if not ids:
        return frozenset()
    elsewhere = select(Link.person_id).where(
        Link.provider == identity.provider,
        Link.subject != identity.subject,
        Link.person_id.in_(ids),
    )
    ended = select(LinkEvent.person_id).where(
        LinkEvent.provider == identity.provider,
        LinkEvent.subject == identity.subject,
        LinkEvent.action == LinkAction.UNLINKED.value,
        LinkEvent.person_id.in_(ids),
    )
    with context.session_factory() as db:
        return frozenset(db.scalars(union(elsewhere, ended)))


def _children(children: Iterable[OutsideChild], directory: Directory) -> tuple[Account, ...]:
    """Return the pupil with each child's СНИЛС, where it is one person of no other given name.

    Nothing else joins them; but a school may have typed the number of one child at another.
    """
    pupils: dict[str, Account] = {}
    for child in children:
        found = directory.by_snils(snils) if (snils := valid_snils(child.snils)) else []
        if len(found) != 1 or PUPIL not in found[0].roles or found[0].suspended:
            continue
        said, known = plain_name(child.given_name), plain_name(found[0].given_name)
        if not (said and known) or said == known:
            pupils[found[0].person_id] = found[0]
    return tuple(pupils.values())
