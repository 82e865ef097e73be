"""Words that only the console shows; what it shares with the command line is in wording.py."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.i18n import gettext as _


def result(value: str) -> str:
    return {
        "": _("not tried yet"),
        "open": _("not tried yet"),
        "done": _("done"),
        "failed": _("failed"),
        "skipped": _("skipped"),
    }[value]


def role(value: str) -> str:
    """A role of people, in the plural."""
    return {
        "student": _("pupils"),
        "teacher": _("teachers"),
        "administrator": _("administration"),
        "guardian": _("parents"),
    }.get(value, value)


def operator_role(value: str) -> str:
    return {
        "school": _("school operator"),
        "district": _("district operator"),
        "city": _("city operator"),
    }[value]


def field(name: str) -> str:
    """A field of a person, cohort, course or category; an unknown one keeps its name."""
    return {
        "username": _("login"),
        "firstname": _("given name and patronymic"),
        "lastname": _("surname"),
        "email": _("e-mail"),
        "auth": _("sign-in method"),
        "institution": _("institution"),
        "department": _("class shown in Moodle"),
        "suspended": _("suspended"),
        "family_name": _("surname in the file"),
        "given_name": _("given name"),
        "middle_name": _("patronymic"),
        "birth_date": _("birth date"),
        "role": _("role"),
        "class_id": _("class identifier"),
        "class_title": _("class"),
        "snils": _("SNILS"),
        "school_code": _("school code"),
        "sourced_id": _("identifier in the file"),
        "source": _("source system"),
        "in_roll": _("on the roll"),
        "name": _("name"),
        "parent": _("parent category"),
        "fullname": _("full name"),
        "shortname": _("short name"),
        "category": _("category"),
    }.get(name, name)


def outcome(code: str) -> str:
    """Why a change failed, was skipped or needed nothing; a code of Moodle's own stays as it is."""
    return {
        "adopted": _("was in Moodle already and was taken over"),
        "already_gone": _("was no longer in Moodle"),
        "dependency_failed": _("what it needs could not be made"),
        "ambiguous_idnumber": _("Moodle has several with this identifier"),
        "username_taken": _("the login belongs to somebody else in Moodle"),
        "email_taken": _("the e-mail belongs to somebody else in Moodle"),
        "shortname_taken": _("the short name belongs to another course in Moodle"),
        "empty": _("a field that Moodle needs is empty"),
        "too_long": _("a field is longer than Moodle takes"),
        "surrounding_blanks": _("a field begins or ends with a blank"),
        "control_character": _("a field has an invisible character"),
        "tag": _("a field has the sign <, which Moodle would cut"),
        "bad_username": _("Moodle does not take this login"),
        "bad_email": _("Moodle does not take this e-mail"),
        "unknown_auth": _("the sign-in method is not one of ours"),
        "weak_password": _("Moodle's password policy refuses the first password"),
    }.get(code, code)


def breach(found: Mapping[str, Any]) -> str:
    """A limit that a plan exceeds: a stored ``provisioning.plan.LimitBreach``."""
    text = {
        "suspended": _("{count} of {base} people would be suspended"),
        "updated": _("names, logins or birth dates of {count} of {base} people would change"),
    }[found["limit"]]
    return text.format(count=found["count"], base=found["base"])


def trouble(problem: str) -> str:
    """Why a run broke off: ``SyncRun.problem``, which names a class of error and Moodle's code."""
    kind, _colon, what = problem.partition(": ")
    text = {
        "internal": _("It broke off by an error on our side; the log has the place."),
        "moodle.MoodleUnavailable": _("Moodle does not answer ({what}). You can go on later."),
        "moodle.MoodleUncertain": _("The connection to Moodle broke ({what}). You can go on."),
        "moodle.MoodleMisconfigured": _(
            "The settings of Moodle do not allow this ({what}). "
            "“schoolbridge doctor” says what to change there."
        ),
        "moodle.MoodleRefused": _("Moodle refused this ({what})."),
    }.get(kind, problem)
    return text.format(what=what)
