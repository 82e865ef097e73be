"""Problems of single fields of a registration, to be told at the field."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Flaw(StrEnum):
    """Why the value of a field cannot be taken."""

    MISSING = "missing"
    TOO_LONG = "too_long"
    NOT_PRINTABLE = "not_printable"
    NOT_PLAIN = "not_plain"
    """Letters, digits, dot, dash and underscore only: it becomes part of addresses."""
    RESERVED = "reserved"
    TAKEN = "taken"
    IN_SETTINGS_FILE = "in_settings_file"
    NOT_AN_ADDRESS = "not_an_address"
    NOT_A_PLAIN_HOST = "not_a_plain_host"
    """The host of an address has other signs than host names have."""
    NOT_ASCII = "not_ascii"
    RUNS_AS_SCRIPT = "runs_as_script"
    NOT_HTTP = "not_http"
    NOT_A_HASH = "not_a_hash"
    NOT_BOTH = "not_both"
    NEGATIVE = "negative"
    NOT_A_NUMBER = "not_a_number"
    UNKNOWN = "unknown"
    WITHOUT_OPENID = "without_openid"
    NOT_A_HOST = "not_a_host"
    NOT_A_CERTIFICATE = "not_a_certificate"
    OTHER_KEY = "other_key"
    """A certificate, but of a key that cannot be checked here."""
    SAME_CERTIFICATE = "same_certificate"


@dataclass(frozen=True, kw_only=True, slots=True)
class FieldProblem:
    """One thing to put right."""

    field: str
    flaw: Flaw
    text: str = ""
    """The sentence for the author of the settings file, without secrets."""
    value: str = ""
    """The part of the field that is meant, when it is no secret and the field has several."""


class WrongFields(ValueError):
    """A registration cannot be taken; ``problems`` names every reason."""

    def __init__(self, problems: Iterable[FieldProblem]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(one.text or f"{one.field}: {one.flaw}" for one in self.problems))
