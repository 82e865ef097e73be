"""Words for codes: statuses, kinds of change, outcomes and problems, in the current language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.i18n import N_
from service.i18n import gettext as _
from service.models import Load, LoadStatus
from service.words import words, words_or_code


def problem_in_words(load: Load) -> str:
    """Why the load broke off (``Load.problem``), and what helps."""
    goes_on = {LoadStatus.RECEIVED, LoadStatus.APPLYING}
    if load.status in goes_on or load.go_on_at is not None:
        advice = _("It is tried again by itself.")
    elif load.status == LoadStatus.REJECTED:
        advice = _("After that, load the files again.")
    else:
        advice = _("After that, you can go on where it stopped.")
    return f"{what_broke(load.problem)} {advice}"


_BROKE = {
    "internal": N_("An error on our side; the log of the worker has the place."),
    "interrupted": N_(
        "The process at work on it ended before it was done: it was stopped or killed, or the "
        "machine was started again."
    ),
    "layout": N_(
        "A file of layouts cannot be used: {what}. Correct it, or take its folder out of "
        "[reading] layout_dirs."
    ),
    "plan_altered": N_(
        "The stored plan of {what} is not the one that was approved: its rows were changed in "
        "the database. Nothing of it was sent to Moodle. Load the files of the school again "
        "and apply that load."
    ),
    "moodle.MoodleUnavailable": N_("Moodle does not answer ({what}). Wait until it does."),
    "moodle.MoodlePaused": N_(
        "Nothing is written to Moodle now ({what}); see “schoolbridge moodle status”."
    ),
    "moodle.MoodleStopped": N_("It was stopped while Moodle's answer was awaited ({what})."),
    "moodle.MoodleUncertain": N_("The connection to Moodle broke ({what})."),
    "moodle.MoodleMisconfigured": N_(
        "The settings of Moodle do not allow this ({what}). "
        "“schoolbridge doctor” says what to change there."
    ),
    "moodle.MoodleRefused": N_("Moodle refused this ({what}). “schoolbridge doctor” may say why."),
}


_CLOSED = {
    "writing_closed.switch": N_("All writing to Moodle is paused until {until}."),
    "writing_closed.quiet": N_("A quiet period: nothing is written to Moodle until {until}."),
}


def writing_closed(why: str, until: str) -> str:
    """Why nothing is written to Moodle (``moodle_gate.Why``); ``until`` may be empty."""
    if not until:
        return _("All writing to Moodle is paused, until somebody ends the pause.")
    return _(_CLOSED[f"writing_closed.{why}"], until=until)


def what_broke(problem: str) -> str:
    """``problem`` names who broke or a class of error, and what: Moodle's function and code."""
    subject, _colon, what = problem.partition(": ")
    if subject in _CLOSED:
        return writing_closed(subject.partition(".")[2], what)
    return _(_BROKE[subject], what=what) if subject in _BROKE else problem


load_status = words(
    received=N_("received"),
    planned=N_("planned"),
    rejected=N_("rejected"),
    approved=N_("approved"),
    applying=N_("being applied"),
    stopped=N_("stopped half-way"),
    applied=N_("applied"),
    applied_with_failures=N_("applied with failures"),
    undone=N_("undone"),
)

plan_status = words(
    planned=N_("planned"),
    pending=N_("waits for the new school year"),
    blocked=N_("stopped by a finding"),
    rejected=N_("rejected"),
    approved=N_("approved"),
    applied=N_("applied"),
    superseded=N_("overtaken by a newer load"),
    undone=N_("undone"),
)

kind = words(
    category=N_("categories"),
    cohort=N_("cohorts"),
    course=N_("courses"),
    user=N_("accounts"),
    member=N_("cohort members"),
    enrolment=N_("enrolments"),
)

action = words(
    create=N_("create"),
    update=N_("update"),
    suspend=N_("suspend"),
    in_transit=N_("in transit: on no roll, still open"),
    graduate=N_("graduates, still open"),
    archive=N_("archive"),
    restore=N_("restore"),
    add=N_("add"),
    remove=N_("remove"),
)

result = words(
    {
        "": N_("not tried yet"),
        "open": N_("not tried yet"),
        "done": N_("done"),
        "failed": N_("failed"),
        "skipped": N_("skipped"),
    }
)


def change(key: str) -> str:
    """``user.create`` as "accounts: create"."""
    kind_of_change, _dot, what = key.partition(".")
    return f"{kind(kind_of_change)}: {action(what)}"


def result_and_outcome(value: str, code: str) -> str:
    """``failed`` and ``email_taken`` as one sentence."""
    return ": ".join(filter(None, (result(value), outcome(code))))


outcome = words_or_code(
    account_gone=N_(
        "somebody deleted the account in Moodle; planned again, it and its places are made anew"
    ),
    answer_lost=N_("no answer came; it is looked up in Moodle before it is tried again"),
    after_lost_answer=N_("an answer was lost on the way; looked up, and there once"),
    doubled_set_aside=N_(
        "Moodle made it twice after an answer that was lost; the second one was emptied of its "
        "ID number and hidden"
    ),
    doubled=N_("Moodle has it twice after an answer that was lost"),
    accessexception=N_("Moodle refuses us access to this record, though not to others"),
    invalidtoken=N_("Moodle did not take our token for this record, though for others"),
    requireloginerror=N_("Moodle does not let our account near this record, though near others"),
    exception_without_code=N_("Moodle broke down at this record; its own log says why"),
    timeout=N_("Moodle does not answer in time when it comes to this record"),
    connection_broken=N_("the connection breaks each time it comes to this record"),
    not_json=N_("what Moodle answers to this record is no answer"),
    http_500=N_("Moodle's server breaks down at this record; its own log says why"),
    http_502=N_("Moodle's server breaks down at this record; its own log says why"),
    http_504=N_("Moodle does not answer in time when it comes to this record"),
    short_answer=N_("Moodle's answer about this record is cut short"),
    invalidresponse=N_("Moodle did it, perhaps, but its answer is spoilt"),
    invalidrecord=N_("what it is about is no longer in Moodle"),
    invaliduser=N_("the account is no longer in Moodle, or was suspended there"),
    invalidparameter=N_("Moodle does not take a value of this record"),
    dmlwriteexception=N_("Moodle's database does not take this record"),
    codingerror=N_("Moodle could not do this with this record; its own log says why"),
    nopermissions=N_("our account may not do this with this record, though it may with others"),
    errorcoursecontextnotvalid=N_("the course is hidden from our account, or gone"),
    errorcatcontextnotvalid=N_("the category is hidden from our account, or gone"),
    adopted=N_("was in Moodle already and was taken over"),
    already_gone=N_("was no longer in Moodle"),
    dependency_failed=N_("what it needs could not be made"),
    ambiguous_idnumber=N_("Moodle has several with this identifier"),
    username_taken=N_("the login belongs to somebody else in Moodle"),
    email_taken=N_("the e-mail belongs to somebody else in Moodle"),
    account_asked=N_("waits for an answer: Moodle has an account that may be this person's"),
    not_given_back=N_("Moodle does not give an account back that was taken over by mistake"),
    shortname_taken=N_("the short name belongs to another course in Moodle"),
    on_another_roll=N_("not needed: the person is on the roll of another school"),
    excluded=N_("left alone: somebody excluded it since the plan was made"),
    no_such_user_or_cohort=N_("the account or the cohort is no longer in Moodle"),
    empty=N_("a field that Moodle needs is empty"),
    too_long=N_("a field is longer than Moodle takes"),
    surrounding_blanks=N_("a field begins or ends with a blank"),
    control_character=N_("a field has an invisible character"),
    tag=N_("a field has the sign <, which Moodle would cut"),
    bad_username=N_("Moodle does not take this login"),
    bad_email=N_("Moodle does not take this e-mail"),
    unknown_auth=N_("the sign-in method is not one of ours"),
    weak_password=N_("Moodle's password policy refuses the first password"),
)
"""Why a change failed, was skipped or needed nothing; a code of Moodle's own stays as it is."""


_PLAN_AGAIN = N_("Plan the load again.")
_CORRECT = N_("Correct it in «Параграф», export and load again.")
_LOOK = N_("Look at this record in Moodle; then try again.")
_LOG = N_("Show the moment of this to Moodle's administrator, whose log has the reason; try again.")
_REMEDIES = {
    "account_gone": _PLAN_AGAIN,
    **dict.fromkeys(
        (
            "codingerror",
            "exception_without_code",
            "http_500",
            "http_502",
            "http_504",
            "timeout",
            "connection_broken",
            "not_json",
            "short_answer",
            "invalidresponse",
        ),
        _LOG,
    ),
    "username_taken": _PLAN_AGAIN,
    "email_taken": _PLAN_AGAIN,
    "account_asked": N_("Answer the question; after some days the next free login is given."),
    "doubled": N_("In Moodle, leave this ID number to one of them; then try again."),
    "ambiguous_idnumber": N_("In Moodle, leave this ID number to one of them; then try again."),
    "not_given_back": N_(
        "In Moodle, empty the ID number of this account and correct its fields; then try again."
    ),
    "shortname_taken": N_("In Moodle, rename the other course; then try again."),
    "no_such_user_or_cohort": N_("Load the newest file of the school again."),
    "weak_password": N_("“schoolbridge doctor” says what to change; then try again."),
    "empty": _CORRECT,
    "too_long": _CORRECT,
    "surrounding_blanks": _CORRECT,
    "control_character": _CORRECT,
    "tag": _CORRECT,
    "bad_username": _CORRECT,
    "bad_email": _CORRECT,
    "unknown_auth": N_("See [passwords] kept_in in the settings; then try again."),
}


def outcome_remedy(code: str) -> str:
    """What helps after a change failed so; for a code that nobody foresaw, what is always right."""
    return _(_REMEDIES.get(code, _LOOK))


_AMONG = {
    "school": N_("{count} of {base} people"),
    "student": N_("{count} of {base} pupils"),
    "teacher": N_("{count} of {base} teachers"),
    "administrator": N_("{count} of {base} administrators"),
    "classes": N_("{count} of {base} pupils of whole classes ({classes})"),
    "rows": N_("{count} of {base} rows"),
    "city": N_("{count} of {base} people in the whole city, at {schools} schools in 24 hours"),
    "district": N_(
        "{count} of {base} people in the district “{district}”, at {schools} schools in 24 hours"
    ),
    "categories": N_("{count} of {base} categories"),
    "cohorts": N_("{count} of {base} cohorts"),
    "courses": N_("{count} of {base} courses"),
}
_LIMITS = {
    "suspended": N_(
        "{who} would leave the roll or lose the sign-in: a truncated file looks like this"
    ),
    "updated": N_(
        "names, logins or birth dates of {who} would change: another school's file looks like this"
    ),
    "names": N_("names of {who} would change: are columns or ids mixed up in the file?"),
    "logins": N_("logins of {who} would change, and the old ones would not work: is that meant?"),
    "birth_dates": N_(
        "birth dates of {who} would change: are columns or ids mixed up in the file?"
    ),
    "moves": N_(
        "{who} would come from other schools: are the file and the code those of one school?"
    ),
    "accounts": N_("new accounts besides those known, for {who}: would people get a second one?"),
    "set_aside": N_("{who} cannot be used: are columns missing or mixed up in the file?"),
    "renamed": N_("{who} would get other names in Moodle: another school's file looks like this"),
    "course_places": N_(
        "{who} would lose places in courses and get fewer or none instead: "
        "are classes or the teaching load missing in the file?"
    ),
    "memberships": N_(
        "{who} would be taken out of cohorts and put into fewer or none instead: "
        "are classes missing in the file?"
    ),
}


_FIGURES = {
    "pupils": N_("pupils: {value}, usually {usual}"),
    "staff": N_("staff: {value}, usually {usual}"),
    "classes": N_("classes: {value}, usually {usual}"),
    "no_snils": N_("people without СНИЛС: {value}, usually {usual}"),
    "findings": N_("rows with findings: {value}, usually {usual}"),
    "pupils_per_class": N_("pupils in a class: {value}, usually {usual}"),
    "pupils_per_teacher": N_("pupils for each teacher: {value}, usually {usual}"),
}
_COMPARED = {
    "own": N_("{what} in the last loads of the school"),
    "peers": N_("{what} in schools of this type"),
}
_SHARES = ("no_snils", "findings")


def unusual(found: Mapping[str, Any]) -> str:
    """What of a load is not as usual (``provisioning.normal.Unusual.facts``)."""
    figure, compared = found["figure"], found["compared"]
    told = {
        name: f"{found[name]:.0%}" if figure in _SHARES else f"{found[name]:.0f}"
        for name in ("value", "usual")
    }
    return _(_COMPARED[compared], what=_(_FIGURES[figure], **told))


def breach(found: Mapping[str, Any]) -> str:
    """What a plan takes away over a limit, and why that may be wrong (``LimitBreach.facts``)."""
    among, limit = found.get("among", "school"), found["limit"]
    classes = ", ".join(found.get("classes", ()))
    told = {name: found[name] for name in ("count", "base", "schools", "district") if name in found}
    who = _(_AMONG[among], classes=classes, **told)
    return _(_LIMITS[limit], who=who)
