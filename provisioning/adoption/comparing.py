"""One account beside one human: how strongly they are one, and what speaks for and against."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from enum import IntEnum, StrEnum

from provisioning.adoption.accounts import Account, valid_snils
from provisioning.adoption.people import Wanted
from provisioning.adoption.words import class_words, told_classes
from provisioning.evidence import Comparison, Likeness, compare, explain, given_letters
from provisioning.questions import Evidence, Speaks

_EQUAL, _NEAR, _OTHER = Likeness.EQUAL, Likeness.NEAR, Likeness.OTHER
_SILENT = (Likeness.UNSAID, Likeness.NEITHER)


class Rank(IntEnum):
    """How strongly an account is a human's; only a higher one beats another pair."""

    NOTHING = 0
    DOUBT = 1
    """Worth a question and never more: too little is said, or something speaks against it."""
    NEAR = 2
    """School and class are the person's, the name but for one typing error."""
    EXACT = 3
    """Full name and school."""
    IN_CLASS = 4
    """Name, school and class; or the full name and the login that we keep for the person."""
    IDNUMBER = 5
    """The id number is the person's in the school's export; the names agree."""
    NUMBER = 6
    """СНИЛС and names."""
    OURS = 7
    """The id number is our own person id."""


class _Names(StrEnum):
    FULL = "full"
    EXACT = "exact"
    """Without a patronymic on one side."""
    NEAR = "near"
    RENAMED = "renamed"
    OTHER = "other"


@dataclass(frozen=True, kw_only=True, slots=True)
class Surroundings:
    """What is known besides the two records."""

    school_of: Mapping[int, str] = field(default_factory=dict)
    """The school that the words of an account name, by Moodle's number."""
    one_of: Mapping[int, Collection[str]] = field(default_factory=dict)
    """The schools that share these words, where they name several."""
    given_names: Collection[str] = frozenset()
    """Letters of given names that several people have: one letter off, it is another name."""
    addresses: Callable[[str], str] = lambda _address: ""
    """Whose placeholder address this is: a person id, or empty."""
    today: date = date.min
    digits_only_logins: bool = True
    """Logins are made of chance digits: an equal one is no sign of an equal name."""


@dataclass(frozen=True, slots=True)
class _Likeness:
    """A record beside which the account stands, with the names divided as this human's are."""

    family_name: str
    given_name: str
    middle_name: str
    birth_date: date | None
    sex: str
    snils: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Fit:
    """An account beside a human."""

    rank: Rank
    why: tuple[str, ...]
    """Codes of ``Evidence`` that decide; no personal data."""


def compare_account(account: Account, wanted: Wanted, around: Surroundings) -> Fit:
    """Return how strongly the account is this human's.

    An e-mail address never speaks for it: families share one, and schools make them up.
    """
    compared = compare(divided(account, wanted), wanted)
    names = _names(compared, account, wanted, around)
    school = _school(account, wanted, around)
    place = _class(account, wanted)
    said = [f"names.{names}", *_place_codes(school, place)]
    if account.idnumber and account.idnumber == wanted.person_id:
        return Fit(rank=Rank.OURS, why=("idnumber.ours",))
    against = _against(compared, account, wanted, around)
    rank = _by_keys(compared, names, school, account, wanted, said)
    if rank is Rank.NOTHING:
        rank = _by_names(names, school, place, account, wanted, around, said)
    if rank is Rank.NOTHING:
        return Fit(rank=rank, why=())
    if against or names is _Names.OTHER:
        rank = Rank.DOUBT
    return Fit(rank=rank, why=(*said, *against))


def divided(account: Account, wanted: Wanted) -> _Likeness:
    """Return the account's names as given name and patronymic, divided where the human's are.

    Moodle has one field for both, and never tells its own ``middlename``.
    """
    words = account.firstname.split()
    behind = len(wanted.middle_name.split())
    if not behind and given_letters(account.firstname) != given_letters(wanted.given_name):
        behind = max(len(words) - 1, 0)
    if not behind or len(words) <= behind:
        given, middle = account.firstname, ""
    else:
        given, middle = " ".join(words[:-behind]), " ".join(words[-behind:])
    family = "" if account.lastname == "-" else account.lastname
    return _Likeness(family, given, middle, account.birth_date, "", account.snils)


def evidence(account: Account, wanted: Wanted, around: Surroundings) -> tuple[Evidence, ...]:
    """Say for a person what speaks for and against that the account is this human's."""
    told = list(explain(divided(account, wanted), wanted))
    school = around.school_of.get(account.moodle_id, "")
    for code, likeness, ours, theirs in (
        ("school", _school(account, wanted, around), school or account.institution,
         wanted.school_code),
        ("class", _class(account, wanted),
         ", ".join(filter(None, (account.department, *account.cohorts))), wanted.class_title),
        ("id_number", _same(account.idnumber, wanted.sourced_id), account.idnumber,
         wanted.sourced_id),
        ("login", _same(account.username, wanted.login), account.username, wanted.login),
    ):  # fmt: skip
        is_key = code in ("id_number", "login")
        if likeness is Likeness.NEITHER or (is_key and likeness is _OTHER):
            continue  # Another login or id is no sign of anything.
        speaks = {_EQUAL: Speaks.FOR, _OTHER: Speaks.AGAINST}.get(likeness, Speaks.NEITHER)
        told.append(Evidence(code=f"{code}.{likeness}", speaks=speaks, ours=ours, theirs=theirs))
    if _is_anothers_address(account, wanted, around):
        told.append(
            Evidence(code="email.another", speaks=Speaks.AGAINST, ours=account.email, theirs="")
        )
    if account.suspended:
        told.append(Evidence(code="account.suspended", speaks=Speaks.NEITHER))
    return tuple(told)


def _names(compared: Comparison, account: Account, wanted: Wanted, around: Surroundings) -> _Names:
    found = (compared.family, compared.given, compared.middle)
    if compared.family is compared.given is _EQUAL and compared.middle is not _OTHER:
        if compared.middle is _NEAR:
            return _Names.NEAR
        return _Names.FULL if compared.middle is not Likeness.UNSAID else _Names.EXACT
    if compared.names_turned and compared.middle is not _OTHER:
        return _Names.NEAR
    if found.count(_NEAR) == 1 and _OTHER not in found and compared.family not in _SILENT:
        if compared.given is _NEAR and _is_another_name(account, wanted, around):
            return _Names.OTHER
        return _Names.NEAR
    if compared.given is compared.middle is _EQUAL and compared.family is _OTHER:
        return _Names.RENAMED
    return _Names.OTHER


def _is_another_name(account: Account, wanted: Wanted, around: Surroundings) -> bool:
    """Tell whether both spellings are names that people have: Алина is not Арина mistyped."""
    spelled = (given_letters(divided(account, wanted).given_name), given_letters(wanted.given_name))
    return all(one in around.given_names for one in spelled)


def _by_keys(
    compared: Comparison,
    names: _Names,
    school: Likeness,
    account: Account,
    wanted: Wanted,
    said: list[str],
) -> Rank:
    """Return what a number or an id says; names that contradict it make a question of it."""
    if compared.snils is _EQUAL:
        said.insert(0, "snils.equal")
        return Rank.NUMBER
    if account.idnumber and account.idnumber == wanted.sourced_id and school is not _OTHER:
        fits = names in (_Names.FULL, _Names.EXACT, _Names.NEAR)
        if fits or school is _EQUAL:
            said.insert(0, "idnumber.equal")
            sure = fits and (school is _EQUAL or names is _Names.FULL)
            return Rank.IDNUMBER if sure else Rank.DOUBT
    return Rank.NOTHING


def _by_names(
    names: _Names,
    school: Likeness,
    place: Likeness,
    account: Account,
    wanted: Wanted,
    around: Surroundings,
    said: list[str],
) -> Rank:
    is_named = names in (_Names.FULL, _Names.EXACT)
    if account.username == wanted.login and (is_named or names is _Names.NEAR):
        said.insert(0, "login.equal")
        proves = school is _EQUAL or (around.digits_only_logins and school is not _OTHER)
        return Rank.IN_CLASS if names is _Names.FULL and proves else Rank.DOUBT
    born = account.birth_date is not None and account.birth_date == wanted.birth_date
    if born and school is not _OTHER and names is _Names.FULL:
        said.insert(0, "birth_date.equal")
        return Rank.IN_CLASS
    if school is not _EQUAL:
        # Schools that are called alike: name and class together tell which.
        shares = wanted.school_code in around.one_of.get(account.moodle_id, ())
        if shares and place is _EQUAL and names is _Names.FULL:
            return Rank.IN_CLASS
        return Rank.DOUBT if is_named else Rank.NOTHING
    if place is _EQUAL:
        by_class = {_Names.FULL: Rank.IN_CLASS, _Names.EXACT: Rank.IN_CLASS, _Names.NEAR: Rank.NEAR}
        return by_class.get(names, Rank.DOUBT if names is _Names.RENAMED else Rank.NOTHING)
    if names is _Names.FULL:
        far = place is _OTHER and not _could_be_earlier(account, wanted)
        return Rank.DOUBT if far else Rank.EXACT
    if names is _Names.NEAR and not wanted.class_title and place in _SILENT:
        has_middle = bool(divided(account, wanted).middle_name)
        return Rank.NEAR if has_middle else Rank.DOUBT
    return Rank.DOUBT if is_named or names is _Names.NEAR else Rank.NOTHING


def _against(
    compared: Comparison, account: Account, wanted: Wanted, around: Surroundings
) -> list[str]:
    found = []
    if compared.snils is _OTHER:
        found.append("snils.other")
    if compared.birth not in (_EQUAL, *_SILENT):
        found.append("birth_date.other")
    if _is_anothers_address(account, wanted, around):
        found.append("email.another")
    return found


def _is_anothers_address(account: Account, wanted: Wanted, around: Surroundings) -> bool:
    owner = around.addresses(account.email.lower())
    return bool(owner) and owner != wanted.person_id


def _school(account: Account, wanted: Wanted, around: Surroundings) -> Likeness:
    code = around.school_of.get(account.moodle_id, "")
    if not code:
        return Likeness.UNSAID
    return _EQUAL if code == wanted.school_code else _OTHER


def _class(account: Account, wanted: Wanted) -> Likeness:
    """Compare the home class with the words of the account; staff have none."""
    if not wanted.class_title:
        told = any(told_classes(text) for text in (account.department, *account.cohorts))
        return Likeness.UNSAID if told else Likeness.NEITHER
    own = class_words(wanted.class_title)
    texts = (account.department, *account.cohorts)
    if any(own & class_words(text) for text in texts):
        return _EQUAL
    return _OTHER if any(told_classes(text) for text in texts) else Likeness.UNSAID


def _could_be_earlier(account: Account, wanted: Wanted) -> bool:
    """Tell whether the account's class is this one's of last year, or another letter of the year.

    Accounts are made once and classes change; a class far off is another human's.
    """
    grades = {grade for text in (account.department, *account.cohorts) for grade in _grades(text)}
    own = _grades(wanted.class_title)
    return any(0 <= mine - theirs <= 1 for mine in own for theirs in grades)


def _grades(text: str) -> set[int]:
    return {int(re.match(r"\d+", one).group()) for one in told_classes(text)}  # type: ignore[union-attr]


def _same(one: str, other: str) -> Likeness:
    if not one or not other:
        return Likeness.NEITHER
    return _EQUAL if one == other or valid_snils(one) == other else _OTHER


def _place_codes(school: Likeness, place: Likeness) -> list[str]:
    codes = [("school", school), ("class", place)]
    return [f"{name}.{how}" for name, how in codes if how is not Likeness.NEITHER]
