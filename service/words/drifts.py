"""Words for drifts: kinds, states, what Moodle has instead of what we hold, remedies, looks."""

from __future__ import annotations

from service.i18n import N_
from service.i18n import gettext as _
from service.models import Drift, PortalLook
from service.portal import looks
from service.portal.both_ways import WITHOUT_ACCOUNT, Way
from service.portal.repairing import is_repairable
from service.portal.storing import BY_RULE
from service.words import people, words
from service.words.loads import outcome, what_broke

kind = words(
    account_deleted=N_("account deleted"),
    account_suspended=N_("account suspended"),
    account_reopened=N_("suspended account is open"),
    account_renamed=N_("account changed"),
    second_account=N_("second account of one person"),
    object_deleted=N_("category, cohort or course deleted"),
    object_renamed=N_("category, cohort or course renamed"),
    object_moved=N_("category or course moved"),
    object_hidden=N_("cohort or course hidden or shown"),
    object_doubled=N_("category, cohort or course twice"),
    member_gone=N_("cohort member removed"),
    member_added=N_("cohort member added"),
    enrolment_gone=N_("enrolment removed"),
    enrolment_added=N_("enrolment added"),
    role_changed=N_("role in a course changed"),
)

state = words(
    open=N_("waits for a decision"),
    repaired=N_("repaired"),
    kept=N_("stays as Moodle has it"),
    excluded=N_("excluded"),
    settled=N_("not there any more"),
)

_REPAIRS = words(
    account_deleted=N_("The account is made anew, with its cohorts and courses."),
    account_suspended=N_("The account is opened again."),
    account_reopened=N_("The account is suspended again."),
    account_renamed=N_("The field becomes again what we hold."),
    object_deleted=N_("It is made anew, with everybody who was in it; its content is lost."),
    object_renamed=N_("It gets its name back."),
    object_moved=N_("It is moved back."),
    object_hidden=N_("It is hidden or shown as we hold it."),
    member_gone=N_("The person is added again."),
    member_added=N_("The person is taken out of the cohort."),
    enrolment_gone=N_("The person is enrolled again."),
    enrolment_added=N_("The enrolment is ended."),
    role_changed=N_("The person gets our role back and loses the other one."),
)

_REMEDIES = words(
    second_account=N_(
        "No plan can repair this. In Moodle look at both accounts, merge or delete the one with "
        "number {number}, or empty its ID number."
    ),
    object_doubled=N_(
        "No plan can repair this. In Moodle delete the one with number {number}, or give it "
        "another name and empty its ID number; the other one is in use."
    ),
    member_added=N_("None of our people: take account {number} out of the cohort in Moodle."),
    enrolment_added=N_(
        "Not one of our people, or not one of our roles: end the enrolment of account {number} in "
        "Moodle."
    ),
)


def remedy(drift: Drift) -> str:
    """Say what a repair does, or what an administrator of Moodle has to do instead."""
    if is_repairable(drift):
        return _REPAIRS(drift.kind)
    return _REMEDIES(drift.kind).format(number=drift.moodle_id)


def difference(drift: Drift) -> str:
    """Say what differs: the field, and our value and Moodle's; empty where the kind says it."""
    if drift.kind in ("second_account", "object_doubled"):
        return _("Moodle id {number}: {name}", number=drift.moodle_id, name=drift.theirs)
    if not drift.field:
        return drift.ours or drift.theirs
    name = _("ID number") if drift.field in ("person_id", "idnumber") else people.field(drift.field)
    ours, theirs = drift.ours, drift.theirs
    if drift.field == "visible":
        ours, theirs = (_("yes") if one == "1" else _("no") for one in (ours, theirs))
    return f"{name}: {ours or '–'} → {theirs or '–'}"


def decided(drift: Drift) -> str:
    """Say who has decided what, and why."""
    who = _("by rule") if drift.decided_by == BY_RULE else drift.decided_by
    return ", ".join(filter(None, (state(drift.state), who, drift.reason)))


way = words(
    {
        Way.NOT_IN_MOODLE: N_("on the roll, not in Moodle"),
        Way.ON_NO_ROLL: N_("in Moodle, on no roll"),
        Way.STRANGERS: N_("accounts of others in our cohorts and courses"),
    }
)


def why(which: str, code: str) -> str:
    """Say why somebody is on a list of people to look after."""
    if which == Way.ON_NO_ROLL:
        return people.state(code)
    if which == Way.STRANGERS or code in set(WITHOUT_ACCOUNT):
        return kind(code)
    if code == "excluded":
        return _("excluded")
    return outcome(code) if code else _("no account was made yet")


def look_problem(look: PortalLook) -> str:
    """Say why a look broke off; empty for one that did not."""
    if look.problem == looks.STOPPED:
        return _("The look was stopped.")
    return what_broke(look.problem) if look.problem else ""
