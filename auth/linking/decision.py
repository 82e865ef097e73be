"""Whose account is it? The decision alone: what was found goes in, the next step comes out."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from auth.directory import Account
from auth.linking.comparison import Agreement, compare, valid_snils
from auth.outside import OutsideIdentity


class Step(StrEnum):
    ENTER = "enter"
    """One of our people is linked already."""
    LINK = "link"
    """One of our people has this СНИЛС: link, then enter."""
    CHOOSE = "choose"
    """More than one way on: several accounts, or an account and children to look at."""
    CONFIRM = "confirm"
    """Somebody is likely, and it has to be confirmed."""
    CHILDREN = "children"
    """Nobody of ours, but the parent of pupils of ours."""
    ASK_SCHOOL = "ask_school"
    """Nobody, or nobody for sure. A normal outcome."""
    UNCONFIRMED = "unconfirmed"
    """The state has not checked who this is, so what they say of themself is no evidence."""


class Doubt(StrEnum):
    """Why a school has to be asked."""

    NOBODY = "nobody"
    SEVERAL = "several"
    """More than one of our people fits."""
    CONTRADICTION = "contradiction"
    """Somebody has this СНИЛС under another name or birth date, or this name and birth date with
    another СНИЛС."""
    TAKEN = "taken"
    """The one who fits is linked to another outside identity, or was unlinked from this one; only
    an administrator relinks."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Found:
    """The facts about one outside identity, by the directory and the links."""

    linked: tuple[Account, ...] = ()
    """Linked to this very identity."""
    by_snils: tuple[Account, ...] = ()
    by_name: tuple[Account, ...] = ()
    taken: frozenset[str] = frozenset()
    """Person ids of those found whom only an administrator may link: they are linked to another
    identity of the same provider, or an administrator ended their link to this one."""
    children: tuple[Account, ...] = ()
    """Pupils of ours with the СНИЛС of one of the identity's children."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    step: Step
    linked: tuple[Account, ...] = ()
    """The people whom the identity opens; after ``LINK`` the one it will."""
    candidates: tuple[Account, ...] = ()
    """The people who may be linked after a confirmation: one, or several records of one human."""
    children: tuple[Account, ...] = ()
    doubt: Doubt | None = None


def decide(identity: OutsideIdentity, found: Found) -> Outcome:
    """Decide by the identity's link, then by a valid СНИЛС, then by full name and birth date.

    The directory was asked for nothing that an identity of this level may not be matched by
    (``may_match``). Suspended people count like others: they are refused later, by name of the
    reason, instead of being strangers.
    """
    candidates, doubt = _candidates(identity, found)
    children = found.children
    if found.linked:
        if len(found.linked) == 1 and not candidates and not children:
            return Outcome(step=Step.ENTER, linked=found.linked)
        return Outcome(
            step=Step.CHOOSE, linked=found.linked, candidates=candidates, children=children
        )
    if not may_match(identity):
        return Outcome(step=Step.UNCONFIRMED)
    if len(candidates) == 1 and _is_proven(identity, candidates[0], found):
        return Outcome(step=Step.LINK, linked=candidates, children=children)
    if candidates:
        return Outcome(step=Step.CONFIRM, candidates=candidates, children=children)
    if children:
        return Outcome(step=Step.CHILDREN, children=children, doubt=doubt)
    return Outcome(step=Step.ASK_SCHOOL, doubt=doubt)


def may_match(identity: OutsideIdentity) -> bool:
    """Tell whether name, birth date and СНИЛС of this identity are evidence of anything."""
    return identity.confirmed or identity.child


def _candidates(
    identity: OutsideIdentity, found: Found
) -> tuple[tuple[Account, ...], Doubt | None]:
    """Return who may be linked beside those who are, or why nobody may."""
    own = {account.person_id for account in found.linked}
    if not may_match(identity):
        return (), Doubt.NOBODY
    by_snils = [one for one in found.by_snils if one.person_id not in own]
    fitting = by_snils or [one for one in found.by_name if one.person_id not in own]
    if not fitting:
        return (), Doubt.NOBODY
    if any(compare(identity, one).contradicts for one in fitting):
        return (), Doubt.CONTRADICTION
    if len(fitting) > 1 and not by_snils:
        return (), Doubt.SEVERAL
    free = tuple(one for one in fitting if one.person_id not in found.taken)
    return (free, None) if free else ((), Doubt.TAKEN)


def _is_proven(identity: OutsideIdentity, account: Account, found: Found) -> bool:
    """Tell whether the СНИЛС alone links: the state confirmed it, one person of ours has it, and
    the name is known to be the same."""
    compared = compare(identity, account)
    return (
        identity.confirmed
        and not identity.child
        and bool(valid_snils(identity.snils))
        and len(found.by_snils) == 1
        and compared.snils == Agreement.SAME
        and compared.name == Agreement.SAME
    )
