"""The audit: every act that is written down, and the one way of writing it."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy.orm import Session

from service.models import AuditEntry

WORKER = "worker"
"""The actor of what the service does by itself."""
NOBODY = "console"
"""The actor of a try to sign in that failed."""


class AuditAction(StrEnum):
    """What was done: ``subject.verb``, the subject in the singular, the verb as a command.

    Stored by value, so that a member that is renamed needs a migration.
    """

    LOAD_RECEIVE = "load.receive"
    """Files were uploaded."""
    LOAD_PLAN = "load.plan"
    """The worker has planned a load, or refused its files."""
    LOAD_APPROVE = "load.approve"
    """Somebody said yes to the plans of a load, or to those of some schools."""
    LOAD_REJECT = "load.reject"
    """Somebody said no to them."""
    LOAD_STOP = "load.stop"
    """Somebody asked that a load be applied no further."""
    LOAD_INTERRUPT = "load.interrupt"
    """The process that planned or applied a load ended in the middle."""
    LOAD_REHEARSE = "load.rehearse"
    """Somebody had a load tried in a copy of what is known."""
    YEAR_TURN_SET = "year_turn.set"
    """The city, a district or a school turns to a school year on another day."""
    LOAD_PLAN_AGAIN = "load.plan_again"
    """A new load was made of the files of one in which something failed."""
    LOAD_UNDO = "load.undo"
    """A new load was made that brings back what earlier ones changed."""
    LOAD_DELETE_FILES = "load.delete_files"
    """The uploaded files of a load were deleted because of their age."""
    PLAN_HOLD = "plan.hold"
    """An approved plan waits for a yes of the city: too much is lost in a day."""
    PLAN_APPLY = "plan.apply"
    """All changes of one school's plan were sent to Moodle."""

    PORTAL_LOOK = "portal.look"
    """Somebody, or the schedule, began a look into Moodle."""
    DRIFT_REPAIR = "drift.repair"
    """A load was planned that brings Moodle back to what we hold."""
    DRIFT_KEEP = "drift.keep"
    """A drift stays as Moodle has it."""
    WRITING_PAUSE = "writing.pause"
    """All writing to Moodle was paused."""
    WRITING_RESUME = "writing.resume"
    """Such a pause was ended."""
    ADOPTION_LOOK = "adoption.look"
    """A look at all accounts of Moodle began, to take over those that others made."""
    ADOPTION_ANSWER = "adoption.answer"
    """Somebody said whose such an account is, or whose it is not."""
    ADOPTION_APPROVE = "adoption.approve"
    """Somebody said yes to the list of accounts that become ours."""
    ADOPTION_APPLY = "adoption.apply"
    """The list was carried out."""

    QUESTION_ANSWER = "question.answer"
    """A question about who or what a row is was answered, or all like it."""
    QUESTION_UNDO = "question.undo"
    """An answer was taken back."""

    SCHOOL_WRITE = "school.write"
    """A school was added to the registry or changed there."""
    DISTRICT_RENAME = "district.rename"
    """A district has another name, in its schools and in the rights of its operators."""
    TOTAL_ADD = "total.add"
    """A figure of official statistics was added."""
    MILESTONE_WRITE = "milestone.write"
    """A step of the plan of transition was added or changed."""
    MILESTONE_REMOVE = "milestone.remove"
    """A step was taken out of the plan of transition."""
    PLATFORM_IMPORT = "platform.import"
    """The figures of a week of another platform were stored."""
    PLATFORM_MATCH = "platform.match"
    """Somebody said which school a name in such figures means."""
    REGISTRY_RECEIVE = "registry.receive"
    """A file of reference data was uploaded."""
    REGISTRY_APPLY = "registry.apply"
    """Somebody said yes to what the file changes."""
    REGISTRY_REJECT = "registry.reject"
    """Somebody said no to it."""
    REGISTRY_EXPORT = "registry.export"
    """The registry was taken as a file."""

    PASSWORD_RESET = "password.reset"  # noqa: S105
    """A person's first password counts again."""
    SLIP_SHOW = "slip.show"
    """Slips with first passwords were shown."""

    LINK_GRANT = "link.grant"
    """An outside identity was linked to a person on request."""
    LINK_REPLACE = "link.replace"
    """As before, and the person's link to another identity was ended."""
    LINK_REFUSE = "link.refuse"
    """A request for a link was answered with no."""
    LINK_END = "link.end"
    """A link was ended."""
    PHASE_SET = "phase.set"
    """A phase of the transition will be in force from a day on."""
    PHASE_MOVE = "phase.move"
    """A phase that has not begun begins on another day."""
    PHASE_REMOVE = "phase.remove"
    """A phase is in force no more."""
    EXEMPTION_ADD = "exemption.add"
    """A person or a group was exempted from the phase."""
    EXEMPTION_REMOVE = "exemption.remove"
    """An exemption was taken back."""
    CLIENT_ADD = "client.add"
    """A client of the sign-in was registered."""
    CLIENT_CHANGE = "client.change"
    """Fields of a client were changed; the entry names them, without values."""
    CLIENT_RENEW_SECRET = "client.renew_secret"  # noqa: S105
    """A client was given a new secret."""
    CLIENT_ENABLE = "client.enable"
    """A client that was disabled may be used again."""
    CLIENT_DISABLE = "client.disable"
    """A client may not be used."""
    ESIA_SYSTEM_ADD = "esia_system.add"
    """A system of the ЕСИА stand-in was registered."""
    ESIA_SYSTEM_CHANGE = "esia_system.change"
    """Fields of a system were changed; the entry names them, without values."""
    ESIA_SYSTEM_SET_CERTIFICATE = "esia_system.set_certificate"
    """The certificate in force or the next one was put or dropped; ``which`` says how."""
    ESIA_SYSTEM_ENABLE = "esia_system.enable"
    """A system that was disabled may be used again."""
    ESIA_SYSTEM_DISABLE = "esia_system.disable"
    """A system may not be used."""
    ESIA_SYSTEM_SET_FAULTS = "esia_system.set_faults"
    """What goes wrong for a system on purpose was chosen."""
    ESIA_SYSTEM_RENEW_KEY = "esia_system.renew_key"
    """The system's developer was given a new key of its log."""
    ESIA_SYSTEM_REVOKE_KEY = "esia_system.revoke_key"
    """The key of the log opens nothing more."""
    ESIA_SYSTEM_START_RECORDING = "esia_system.start_recording"
    """A system's exchanges are recorded from here on."""
    ESIA_SYSTEM_STOP_RECORDING = "esia_system.stop_recording"
    """They are recorded no further."""
    ESIA_SYSTEM_EXPORT = "esia_system.export"
    """What was recorded was taken as a file."""
    EVENT_IMPORT = "event.import"
    """Sign-ins of an earlier portal were added from a file."""

    EXCLUSION_ADD = "exclusion.add"
    """Accounts, a class or a course are touched by nothing of ours any more."""
    EXCLUSION_END = "exclusion.end"
    """They are treated like all others again."""
    FIELD_KEEP = "field.keep"
    """A field that was changed by hand in Moodle stays so."""
    FIELD_END = "field.end"
    """The next plan brings back what the source says of such a field."""

    PERSON_DELETE = "person.delete"
    """The account of an archived person was deleted in Moodle, and what we know of them erased."""
    PERSON_ENTER = "person.enter"
    """A person was entered by hand until the next export."""
    REPORT_EXPORT = "report.export"
    """A report was taken as a file."""
    REPORT_SHOW_PEOPLE = "report.show_people"
    """The people behind one number of a report were shown by name."""
    REPORT_PUBLISH = "report.publish"
    """A version of a report was published."""

    OPERATOR_ADD = "operator.add"
    """An operator's account was made."""
    OPERATOR_ENABLE = "operator.enable"
    """An account was opened again."""
    OPERATOR_DISABLE = "operator.disable"
    """An account was closed."""
    OPERATOR_SET_PASSWORD = "operator.set_password"  # noqa: S105
    """An operator has a new password."""
    OPERATOR_SET_SCOPE = "operator.set_scope"
    """An operator sees another part of the city."""
    OPERATOR_SET_MAIL = "operator.set_mail"
    """An operator gave an address or took it back, and wants mail or not."""
    OPERATOR_SIGN_IN = "operator.sign_in"
    """An operator signed in to the console."""
    OPERATOR_REFUSE_SIGN_IN = "operator.refuse_sign_in"
    """A name and a password were not those of an operator."""


def record(
    session: Session,
    action: AuditAction,
    *,
    at: datetime,
    actor: str,
    load_id: int | None = None,
    school_code: str = "",
    **details: Any,
) -> None:
    """Add an entry to the transaction of the act itself.

    ``details`` hold identifiers, counts and the values of the registry: no names or birth dates of
    people, no secrets, no reasons, which may name people.
    """
    session.add(
        AuditEntry(
            at=at, actor=actor, action=action, load_id=load_id, school_code=school_code,
            details=details,
        )
    )  # fmt: skip
