"""Words for codes: statuses, kinds of change, outcomes and problems, in the current language."""

from __future__ import annotations

from provisioning.moodle import MoodleError, MoodleMisconfigured, MoodleUnavailable
from service.i18n import gettext as _
from service.runs import RunProblem


def run_problem(problem: RunProblem) -> str:
    """What an operator reads when a run cannot do what was asked."""
    values = problem.values
    status = run_status(values["status"]) if "status" in values else ""
    texts = {
        "run.not_planned": _("this run cannot be approved: it is {status}", status=status),
        "run.not_approved": _("this run is not approved: it is {status}", status=status),
        "run.already_applied": _("this run cannot be rejected: it is {status}", status=status),
        "run.digest_differs": _("the plan is not the one you looked at; look again"),
        "run.not_all_yours": _(
            "this run is also about schools of others; whoever sees all of them may stop it"
        ),
        "run.nothing_to_approve": _("no school of this run waits for approval"),
        "run.over_limits": _("over the limits: {schools}", schools=values.get("schools", "")),
    }
    return texts[problem.code]


def moodle_problem(error: MoodleError) -> str:
    """What broke off the work with Moodle, and what helps."""
    if isinstance(error, MoodleMisconfigured):
        return _(
            "Moodle's settings do not allow this ({what}); run: schoolbridge doctor", what=error
        )
    if isinstance(error, MoodleUnavailable):
        return _("Moodle does not answer ({what}); try again later", what=error)
    return _("Moodle: {what}", what=error)


def run_status(status: str) -> str:
    return {
        "received": _("received"),
        "planned": _("planned"),
        "rejected": _("rejected"),
        "approved": _("approved"),
        "applying": _("being applied"),
        "stopped": _("stopped half-way"),
        "applied": _("applied"),
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


def severity(value: str) -> str:
    return {"warning": _("warning"), "error": _("row set aside"), "fatal": _("file stopped")}[value]


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
