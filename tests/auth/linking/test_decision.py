"""Whose account is it: a table of what was found and what follows."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from auth.directory import Account
from auth.linking.decision import Doubt, Found, Outcome, Step, decide
from tests.auth.linking.conftest import OTHER_SNILS, SNILS, make_identity
from tests.auth.people import make_account, make_teacher

BORN = date(2014, 3, 5)
PUPIL = make_account(snils=SNILS)
NO_SNILS = make_account()
TWIN = make_account(person_id="p-2", username="1234p0002", snils=SNILS)
NAMESAKE = make_account(person_id="p-3", username="1234p0003")
MARRIED = make_account(snils=SNILS, family_name="Новая")
BORN_LATER = make_account(snils=SNILS, birth_date=date(2014, 3, 6))
NO_BIRTH_DATE = make_account(snils=SNILS, birth_date=None)
OTHERS_SNILS = make_account(snils=OTHER_SNILS)
TEACHER = make_teacher()
TAKEN = frozenset({PUPIL.person_id})
CHILD = make_account(person_id="p-4", username="1234p0004")


def outcome(step: Step, doubt: Doubt | None = None, **accounts: tuple[Account, ...]) -> Outcome:
    return Outcome(step=step, doubt=doubt, **accounts)


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        # The identity linked already.
        (Found(linked=(TEACHER,)), outcome(Step.ENTER, linked=(TEACHER,))),
        (Found(linked=(TEACHER,), by_snils=(TEACHER,)), outcome(Step.ENTER, linked=(TEACHER,))),
        (Found(linked=(TEACHER, PUPIL)), outcome(Step.CHOOSE, linked=(TEACHER, PUPIL))),
        (
            Found(linked=(TEACHER,), by_name=(NO_SNILS,)),
            outcome(Step.CHOOSE, linked=(TEACHER,), candidates=(NO_SNILS,)),
        ),
        (
            Found(linked=(TEACHER,), children=(CHILD,)),
            outcome(Step.CHOOSE, linked=(TEACHER,), children=(CHILD,)),
        ),
        (Found(linked=(TEACHER,), by_snils=(MARRIED,)), outcome(Step.ENTER, linked=(TEACHER,))),
        # One person of ours with the СНИЛС.
        (Found(by_snils=(PUPIL,)), outcome(Step.LINK, linked=(PUPIL,))),
        (Found(by_snils=(NO_BIRTH_DATE,)), outcome(Step.LINK, linked=(NO_BIRTH_DATE,))),
        (Found(by_snils=(PUPIL,), by_name=(PUPIL, NAMESAKE)), outcome(Step.LINK, linked=(PUPIL,))),
        (Found(by_snils=(MARRIED,)), outcome(Step.ASK_SCHOOL, Doubt.CONTRADICTION)),
        (Found(by_snils=(BORN_LATER,)), outcome(Step.ASK_SCHOOL, Doubt.CONTRADICTION)),
        (Found(by_snils=(PUPIL,), taken=TAKEN), outcome(Step.ASK_SCHOOL, Doubt.TAKEN)),
        # Several with it: one human with several records, or a mistake.
        (Found(by_snils=(PUPIL, TWIN)), outcome(Step.CONFIRM, candidates=(PUPIL, TWIN))),
        (
            Found(by_snils=(PUPIL, TWIN), taken=frozenset({"p-2"})),
            outcome(Step.CONFIRM, candidates=(PUPIL,)),
        ),
        (Found(by_snils=(MARRIED, TWIN)), outcome(Step.ASK_SCHOOL, Doubt.CONTRADICTION)),
        # Full name and birth date.
        (Found(by_name=(NO_SNILS,)), outcome(Step.CONFIRM, candidates=(NO_SNILS,))),
        (Found(by_name=(NO_SNILS, NAMESAKE)), outcome(Step.ASK_SCHOOL, Doubt.SEVERAL)),
        (Found(by_name=(OTHERS_SNILS,)), outcome(Step.ASK_SCHOOL, Doubt.CONTRADICTION)),
        (Found(by_name=(NO_SNILS,), taken=TAKEN), outcome(Step.ASK_SCHOOL, Doubt.TAKEN)),
        # Nobody.
        (Found(), outcome(Step.ASK_SCHOOL, Doubt.NOBODY)),
        (Found(children=(CHILD,)), outcome(Step.CHILDREN, Doubt.NOBODY, children=(CHILD,))),
        (
            Found(by_name=(NO_SNILS,), children=(CHILD,)),
            outcome(Step.CONFIRM, candidates=(NO_SNILS,), children=(CHILD,)),
        ),
    ],
)
def test_a_confirmed_identity(found: Found, expected: Outcome) -> None:
    assert decide(make_identity(), found) == expected


@pytest.mark.parametrize("changes", [{"family_name": "", "given_name": ""}, {"snils": "1"}])
def test_a_snils_alone_or_a_wrong_one_links_nobody(changes: dict[str, Any]) -> None:
    found = Found(by_snils=(PUPIL,))
    assert decide(make_identity(**changes), found) == outcome(Step.CONFIRM, candidates=(PUPIL,))


@pytest.mark.parametrize("confirmed", [True, False])
@pytest.mark.parametrize("found", [Found(by_snils=(PUPIL,)), Found(by_name=(PUPIL,))])
def test_a_childs_account_always_has_to_be_confirmed(found: Found, confirmed: bool) -> None:
    child = make_identity(confirmed=confirmed, child=True)
    assert decide(child, found) == outcome(Step.CONFIRM, candidates=(PUPIL,))


@pytest.mark.parametrize("found", [Found(), Found(by_snils=(PUPIL,)), Found(by_name=(PUPIL,))])
def test_an_unchecked_identity_is_matched_by_nothing(found: Found) -> None:
    assert decide(make_identity(confirmed=False), found) == outcome(Step.UNCONFIRMED)


def test_an_unchecked_identity_still_opens_what_it_is_linked_to() -> None:
    found = Found(linked=(PUPIL,), by_snils=(TWIN,))
    assert decide(make_identity(confirmed=False), found) == outcome(Step.ENTER, linked=(PUPIL,))


@pytest.mark.parametrize("subject", ["", "1" * 256, "1\0", "\ud800"])
def test_a_subject_that_cannot_be_one_is_refused(subject: str) -> None:
    with pytest.raises(ValueError, match="printable"):
        make_identity(subject=subject)


def test_names_keep_what_can_be_shown() -> None:
    odd = make_identity(family_name=" Про\0бов\ud800 ", given_name="Я" * 300)
    assert (odd.family_name, len(odd.given_name)) == ("Пробов", 255)
