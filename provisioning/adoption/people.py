"""People of our rolls who have no account yet, as far as an account could tell them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """A human for whom an account is looked for at one school; an ``evidence.Described``."""

    person_id: str
    login: str = field(repr=False)
    """The login that we keep for the person."""
    family_name: str = field(repr=False)
    given_name: str = field(repr=False)
    middle_name: str = field(repr=False)
    birth_date: date | None = field(default=None, repr=False)
    sex: str = ""
    snils: str = field(default="", repr=False)
    school_code: str
    role: str = ""
    class_title: str = ""
    """Of the home class of a student; empty for staff."""
    sourced_id: str = ""
    """The person's id in the school's export."""
