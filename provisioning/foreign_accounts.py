"""An account of Moodle that stands in the way of a new one: may it be the same human's?

Moodle knows no birth date and no number, only names, an address and an institution. So nothing that
stands here ever proves that an account is a human's: it only says whether a person is to be asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from provisioning.evidence import Comparison, Likeness, compare, explain, letters
from provisioning.questions import Candidate, Evidence, Question, QuestionKind, RowRef, Speaks

ACCOUNT_ASKED = "account_asked"
"""Our code for a person who waits: a question is open whether an account is theirs."""
ADOPTS = "adopts"
"""Key in ``Change.after`` of a new account: the account that is taken over instead, by its number
in Moodle, as a person has said."""
LETS_GO = "lets_go"
"""The same for an account that was taken over, and is given back first."""
KEPT = (
    "username", "firstname", "lastname", "email", "auth", "institution", "department", "suspended",
    "idnumber",
)  # fmt: skip
"""Fields of an account that taking it over may change, in Moodle's words."""
_OF_PEOPLE = frozenset({"manual", "oauth2", "email", "ldap", "db", "cas", "shibboleth", "saml2"})
"""How people sign in at Moodle; accounts with other methods are those of programs."""
_NAMES = ("family_name", "given_name", "middle_name", "names")


@dataclass(frozen=True, kw_only=True, slots=True)
class _Named:
    """A human of whom only the names are told (``evidence.Described``)."""

    family_name: str
    given_name: str
    middle_name: str
    birth_date: date | None = None
    sex: str = ""
    snils: str = ""


def candidate_key(number: int) -> str:
    """Return the key of a candidate that is an account of Moodle."""
    return f"moodle:{number}"


def number_of(key: str) -> int:
    """Return Moodle's number of such a candidate."""
    return int(key.removeprefix("moodle:"))


def fields_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return what taking the account over may change; Moodle leaves out empty fields."""
    return {name: row.get(name, False if name == "suspended" else "") for name in KEPT}


def question_about(wanted: Mapping[str, Any], row: Mapping[str, Any]) -> Question | None:
    """Return the question whether this account is the human's, or None where the names deny it.

    ``wanted``: the new account, in our words; ``row``: the account, in Moodle's. The kind is
    ``account`` where the whole name agrees, and ``login`` where it is only near: initials, a typing
    error, another family name beside the same given name and patronymic.
    """
    if row.get("auth") not in _OF_PEOPLE:
        return None
    ours = _Named(
        family_name=str(wanted["family_name"]), given_name=str(wanted["given_name"]),
        middle_name=str(wanted["middle_name"]),
    )  # fmt: skip
    given, _blank, middle = str(row.get("firstname", "")).strip().partition(" ")
    theirs = _Named(
        family_name=str(row.get("lastname", "")), given_name=given, middle_name=middle.strip()
    )
    compared = compare(ours, theirs)
    if _agrees(compared):
        kind = QuestionKind.ACCOUNT
    elif _is_near(compared) or _is_abbreviated(compared, ours, theirs):
        kind = QuestionKind.LOGIN
    else:
        return None
    told = [one for one in explain(ours, theirs) if one.code.partition(".")[0] in _NAMES]
    return Question(
        kind=kind,
        school_code=str(wanted["school_code"]),
        key=str(wanted["sourced_id"]),
        rows=(RowRef(school_code=wanted["school_code"], sourced_id=wanted["sourced_id"]),),
        candidates=(
            Candidate(key=candidate_key(row["id"]), evidence=(*told, *_beside(wanted, row))),
        ),
    )


def _agrees(compared: Comparison) -> bool:
    if compared.names_turned:
        return True
    same = compared.family is compared.given is Likeness.EQUAL
    return same and compared.middle is not Likeness.OTHER


def _is_near(compared: Comparison) -> bool:
    near = {Likeness.EQUAL, Likeness.NEAR}
    if compared.given not in near or compared.middle is Likeness.OTHER:
        return False
    is_married = compared.given is compared.middle is Likeness.EQUAL
    return compared.family in near or is_married


def _is_abbreviated(compared: Comparison, ours: _Named, theirs: _Named) -> bool:
    """Tell whether the account has the family name, and initials that fit."""
    initials = letters(f"{theirs.given_name} {theirs.middle_name}")
    own = letters(ours.given_name)[:1] + letters(ours.middle_name)[:1]
    is_short = 0 < len(initials) <= len(own)
    return compared.family is Likeness.EQUAL and is_short and own.startswith(initials)


def _beside(wanted: Mapping[str, Any], row: Mapping[str, Any]) -> Iterator[Evidence]:
    """Yield what is known beside the names. A login that is made of the name proves no more."""
    for code, ours, theirs in (
        ("login", wanted["username"], row.get("username", "")),
        ("email", wanted["email"], row.get("email", "")),
    ):
        how = "equal" if ours == theirs else "other"
        yield Evidence(
            code=f"{code}.{how}", speaks=Speaks.NEITHER, ours=str(ours), theirs=str(theirs)
        )
    school, place = str(wanted["institution"]), str(row.get("institution", ""))
    if place:
        is_here = letters(school) == letters(place)
        yield Evidence(
            code="institution.equal" if is_here else "institution.other",
            speaks=Speaks.FOR if is_here else Speaks.NEITHER, ours=school, theirs=place,
        )  # fmt: skip
    if row.get("idnumber"):
        yield Evidence(
            code="id_number.other", speaks=Speaks.AGAINST, theirs=str(row["idnumber"]),
        )  # fmt: skip
