"""Words for codes: statuses, kinds of change, outcomes and problems, in the current language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from service.i18n import gettext as _
from service.models import Load, LoadStatus
from service.pdf import PACKAGES, NoPdf

if TYPE_CHECKING:
    from provisioning.formats import LayoutError
    from provisioning.moodle import MoodleError
    from service.loads.operations import LoadProblem


def load_problem(problem: LoadProblem) -> str:
    """What an operator reads when a load cannot do what was asked."""
    values = problem.values
    status = load_status(values["status"]) if "status" in values else ""
    texts = {
        "load.not_planned": _("this load cannot be approved: it is {status}", status=status),
        "load.not_approved": _("this load is not approved: it is {status}", status=status),
        "load.already_applied": _("this load cannot be rejected: it is {status}", status=status),
        "load.digest_differs": _("the plan is not the one you looked at; look again"),
        "load.not_all_yours": _(
            "this load is also about schools of others; whoever sees all of them may stop it"
        ),
        "load.not_copied": _(
            "{name} cannot be copied to the data folder: something in it cannot be read, "
            "or there is no room",
            name=values.get("name", ""),
        ),
        "load.nothing_to_approve": _("no school of this load waits for approval"),
        "load.already_decided": _(
            "{who} has decided already; of what was chosen now, nothing waits for approval",
            who=values.get("who", ""),
        ),
        "load.nothing_failed": _("nothing of this load has failed"),
        "load.overtaken": _("a later load of the school has planned again what failed here"),
        "load.files_gone": _("the files of this load are not kept any more: load them again"),
        "load.over_limits": _("over the limits: {schools}", schools=values.get("schools", "")),
    }
    return texts[problem.code]


def moodle_problem(error: MoodleError) -> str:
    """What broke off the work with Moodle."""
    return _what_broke(f"moodle.{type(error).__name__}: {error}")


def problem_in_words(load: Load) -> str:
    """Why the load broke off (``Load.problem``), and what helps."""
    goes_on = {LoadStatus.RECEIVED, LoadStatus.APPLYING}
    if load.status in goes_on or load.go_on_at is not None:
        advice = _("It is tried again by itself.")
    elif load.status == LoadStatus.REJECTED:
        advice = _("After that, load the files again.")
    else:
        advice = _("After that, you can go on where it stopped.")
    return f"{_what_broke(load.problem)} {advice}"


def _what_broke(problem: str) -> str:
    """``problem`` names who broke or a class of error, and what: Moodle's function and code."""
    subject, _colon, what = problem.partition(": ")
    texts = {
        "internal": _("An error on our side; the log of the worker has the place."),
        "interrupted": _(
            "The process at work on it ended before it was done: it was stopped or killed, or the "
            "machine was started again."
        ),
        "layout": _(
            "A file of layouts cannot be used: {what}. Correct it, or take its folder out of "
            "[reading] layout_dirs."
        ),
        "plan_altered": _(
            "The stored plan of {what} is not the one that was approved: its rows were changed in "
            "the database. Nothing of it was sent to Moodle. Load the files of the school again "
            "and apply that load."
        ),
        "moodle.MoodleUnavailable": _("Moodle does not answer ({what}). Wait until it does."),
        "moodle.MoodleUncertain": _("The connection to Moodle broke ({what})."),
        "moodle.MoodleMisconfigured": _(
            "The settings of Moodle do not allow this ({what}). "
            "“schoolbridge doctor” says what to change there."
        ),
        "moodle.MoodleRefused": _(
            "Moodle refused this ({what}). “schoolbridge doctor” may say why."
        ),
    }
    return texts[subject].format(what=what) if subject in texts else problem


def layout_problem(error: LayoutError) -> str:
    """A wrong file in a folder of layouts."""
    return _what_broke(f"layout: {error}")


def not_found(what: str) -> str:
    """For ``access.Forbidden``: there is none, or none that the operator may see."""
    return {
        "run": _("there is no such load"),
        "school": _("there is no such school"),
        "person": _("nobody has this login"),
        "phase": _("there is no such phase or exemption"),
    }[what]


def kept_in_moodle(address: str) -> str:
    """Why a password cannot be reset here, and where it can."""
    return _(
        "Moodle holds the passwords ([passwords] kept_in). Set a new one there, and tick “Force "
        "password change”: {address}",
        address=address,
    )


def no_pdf(error: NoPdf) -> str:
    """Why there is no PDF file, and what to do."""
    if error.missing:
        return _(
            "PDF needs the library Pango. Debian and Ubuntu: apt-get install {packages}",
            packages=PACKAGES,
        )
    return _("The PDF file could not be made; take another form, or fewer rows")


def load_status(status: str) -> str:
    return {
        "received": _("received"),
        "planned": _("planned"),
        "rejected": _("rejected"),
        "approved": _("approved"),
        "applying": _("being applied"),
        "stopped": _("stopped half-way"),
        "applied": _("applied"),
        "applied_with_failures": _("applied with failures"),
    }[status]


def plan_status(status: str) -> str:
    return {
        "planned": _("planned"),
        "blocked": _("stopped by a finding"),
        "rejected": _("rejected"),
        "approved": _("approved"),
        "applied": _("applied"),
        "superseded": _("overtaken by a newer load"),
    }[status]


def kind(value: str) -> str:
    return {
        "category": _("categories"),
        "cohort": _("cohorts"),
        "course": _("courses"),
        "user": _("accounts"),
        "member": _("cohort members"),
        "enrolment": _("enrolments"),
    }[value]


def action(value: str) -> str:
    return {
        "create": _("create"),
        "update": _("update"),
        "suspend": _("suspend"),
        "restore": _("restore"),
        "add": _("add"),
        "remove": _("remove"),
    }[value]


def result(value: str) -> str:
    return {
        "": _("not tried yet"),
        "open": _("not tried yet"),
        "done": _("done"),
        "failed": _("failed"),
        "skipped": _("skipped"),
    }[value]


def change(key: str) -> str:
    """``user.create`` as "accounts: create"."""
    kind_of_change, _dot, what = key.partition(".")
    return f"{kind(kind_of_change)}: {action(what)}"


def result_and_outcome(value: str, code: str) -> str:
    """``failed`` and ``email_taken`` as one sentence."""
    return ": ".join(filter(None, (result(value), outcome(code))))


def outcome(code: str) -> str:
    """Why a change failed, was skipped or needed nothing; a code of Moodle's own stays as it is."""
    return {
        "account_gone": _(
            "somebody deleted the account in Moodle; planned again, it and its places are made anew"
        ),
        "codingerror": _("Moodle could not do this with this record; its own log says why"),
        "nopermissions": _(
            "our account may not do this with this record, though it may with others"
        ),
        "errorcoursecontextnotvalid": _("the course is hidden from our account, or gone"),
        "errorcatcontextnotvalid": _("the category is hidden from our account, or gone"),
        "adopted": _("was in Moodle already and was taken over"),
        "already_gone": _("was no longer in Moodle"),
        "dependency_failed": _("what it needs could not be made"),
        "ambiguous_idnumber": _("Moodle has several with this identifier"),
        "username_taken": _("the login belongs to somebody else in Moodle"),
        "email_taken": _("the e-mail belongs to somebody else in Moodle"),
        "shortname_taken": _("the short name belongs to another course in Moodle"),
        "on_another_roll": _("not needed: the person is on the roll of another school"),
        "no_such_user_or_cohort": _("the account or the cohort is no longer in Moodle"),
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


def outcome_remedy(code: str) -> str:
    """What helps after a change failed so; for a code that nobody foresaw, what is always right."""
    plan_again = _("Plan the load again.")
    correct = _("Correct it in «Параграф», export and load again.")
    return {
        "account_gone": plan_again,
        "username_taken": plan_again,
        "email_taken": plan_again,
        "ambiguous_idnumber": _(
            "In Moodle, leave this ID number to one of them; then try again."
        ),
        "shortname_taken": _("In Moodle, rename the other course; then try again."),
        "no_such_user_or_cohort": _("Load the newest file of the school again."),
        "weak_password": _("“schoolbridge doctor” says what to change; then try again."),
        **dict.fromkeys(
            (
                "empty", "too_long", "surrounding_blanks", "control_character", "tag",
                "bad_username", "bad_email",
            ),
            correct,
        ),
        "unknown_auth": _("See [passwords] kept_in in the settings; then try again."),
    }.get(code, _("Look at this record in Moodle; then try again."))  # fmt: skip


def breach(found: Mapping[str, Any]) -> str:
    """What a plan takes away over a limit, and why that may be wrong (``LimitBreach.facts``)."""
    who = {
        "school": _("{count} of {base} people"),
        "student": _("{count} of {base} pupils"),
        "teacher": _("{count} of {base} teachers"),
        "administrator": _("{count} of {base} administrators"),
        "classes": _("{count} of {base} pupils of whole classes ({classes})"),
    }[found.get("among", "school")]
    text = {
        "suspended": _("{who} would be suspended: a truncated file looks like this"),
        "updated": _(
            "names, logins or birth dates of {who} would change: "
            "another school's file looks like this"
        ),
        "course_places": _(
            "{who} would lose places in courses and get fewer or none instead: "
            "are classes or the teaching load missing in the file?"
        ),
        "memberships": _(
            "{who} would be taken out of cohorts and put into fewer or none instead: "
            "are classes missing in the file?"
        ),
    }[found["limit"]]
    classes = ", ".join(found.get("classes", ()))
    return text.format(who=who.format(count=found["count"], base=found["base"], classes=classes))
