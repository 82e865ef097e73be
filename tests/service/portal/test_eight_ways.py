"""Eight ways of meddling by hand, all at once: a look, a load and a repair, at the stand-in and,
where one is given, at a real Moodle."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import requests

from provisioning.changes import Result
from provisioning.drift import BY_REMEDY
from tests.service.installation import installation
from tests.service.portal.conftest import Portal, two_schools
from tests.service.portal.meddling import MEDDLING
from tests.service.standin import call_form
from tests.service.trial import A, B, Trial, on_both_databases, pupils, teacher

URL = os.environ.get("SCHOOLBRIDGE_TEST_MOODLE_URL", "")
TOKEN = os.environ.get("SCHOOLBRIDGE_TEST_MOODLE_TOKEN", "")
ADMIN_TOKEN = os.environ.get("SCHOOLBRIDGE_TEST_MOODLE_ADMIN_TOKEN", "")


@dataclass(kw_only=True)
class RealTrial(Trial):
    """An installation before a real Moodle, where an administrator does by hand what we may not."""

    def ask_moodle(self, function: str, **fields: Any) -> Any:
        address = f"{self.moodle_url}/webservice/rest/server.php"
        form = call_form(function, **fields) | {"wstoken": ADMIN_TOKEN}
        answer = requests.post(address, data=form, timeout=60).json()
        assert not (isinstance(answer, dict) and "exception" in answer), answer
        return answer


@pytest.fixture
def real(tmp_path: Path) -> Iterator[Portal]:
    with ExitStack() as stack:
        application = stack.enter_context(installation(tmp_path / "home", moodle_url=URL))
        moodle = replace(application.settings.moodle, token=TOKEN)
        application.settings = replace(application.settings, moodle=moodle)
        trial = RealTrial(application=application, moodle_url=URL, folder=tmp_path / "files")
        yield two_schools(trial)


def _eight_ways(portal: Portal) -> None:
    """Pupil 1 of A is deleted and a stranger has the login; the cohort of A is renamed; pupil 2 is
    unenrolled, 3 renamed, 4 suspended; the course of B is deleted, and another has its short
    name."""
    trial = portal.trial
    MEDDLING["rename a cohort"][0](portal)
    course = portal.object("course", A).moodle_id
    place = {"userid": portal.number(A, "p-2"), "courseid": course}
    portal.ask("enrol_manual_unenrol_users", enrolments=[place])
    portal.update_user(portal.number(A, "p-3"), lastname="Иначева")
    portal.update_user(portal.number(A, "p-4"), suspended=1)
    login = trial.known(A, "p-1").username
    portal.delete_user(portal.number(A, "p-1"))
    trial.make_stranger(login, email="stranger@other.invalid")
    about = portal.course(portal.object("course", B).moodle_id)
    portal.ask("core_course_delete_courses", courseids=[about["id"]])
    taken = {"fullname": "Чужой", "shortname": about["shortname"], "categoryid": 1}
    portal.ask("core_course_create_courses", courses=[taken])


def _set_free(portal: Portal) -> None:
    """The stranger goes, and the foreign course gets another short name."""
    (stranger,) = portal.ask(
        "core_user_get_users_by_field", field="username",
        values=[portal.trial.identity(A, "p-1").username],
    )  # fmt: skip
    portal.delete_user(stranger["id"])
    rows = portal.ask("core_course_get_courses_by_field", field="", value="")["courses"]
    (foreign,) = (row for row in rows if row["fullname"] == "Чужой")
    changed = {"id": foreign["id"], "shortname": f"free-{foreign['id']}"}
    portal.ask("core_course_update_courses", courses=[changed])


def look_load_and_repair(portal: Portal) -> None:
    trial, before = portal.trial, portal.standing()
    _eight_ways(portal)
    portal.look()
    assert portal.kinds() == [
        "account_deleted", "account_renamed", "account_suspended", "enrolment_gone",
        "object_deleted", "object_renamed",
    ]  # fmt: skip
    # The next month comes for B, and somebody new with it: nobody is stopped.
    newer = trial.write(B, [*pupils("q", 5), teacher("u-1")], day=30)
    load_id = trial.load(newer)
    trial.carry_out(load_id, over_limits=True)
    assert trial.known(B, "q-5").moodle_id is not None

    planned = portal.plan_repair()
    assert planned is not None
    applied = trial.carry_out(planned.id, over_limits=True)
    assert applied.status == "applied_with_failures"
    changes = [*trial.changes(planned.id), *trial.changes(planned.id, "course")]
    failed = {one.code for one in changes if one.result == Result.FAILED}
    assert failed == {"username_taken", "shortname_taken"}
    assert portal.kinds() == ["account_deleted", "object_deleted"]

    _set_free(portal)
    portal.repair()
    ended = portal.look()
    left = [(one.kind, one.key, one.theirs) for one in portal.drifts("open")]
    assert (left, ended.unread) == ([], 0)
    after = portal.standing()
    changed = {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
    assert {key for key in changed if A in key} == set()
    assert set(before["users"]) < set(after["users"])
    # What was refused of the load before: the newcomer's place in the course that was gone.
    again = trial.load(*portal.files[:1], newer)
    assert (trial.counts(again, A), trial.counts(again, B)) == ({}, {"enrolment.add": 1})
    trial.carry_out(again)
    portal.look()
    assert portal.drifts("open") == []
    nothing = trial.load(*portal.files[:1], newer)
    assert (trial.counts(nothing, A), trial.counts(nothing, B)) == ({}, {})


@on_both_databases
def test_eight_ways_of_meddling_end_exact_and_stop_nobody(portal: Portal) -> None:
    look_load_and_repair(portal)


@pytest.mark.skipif(
    not (URL and TOKEN and ADMIN_TOKEN),
    reason="SCHOOLBRIDGE_TEST_MOODLE_URL, _TOKEN and _ADMIN_TOKEN name no Moodle",
)
def test_eight_ways_of_meddling_in_a_real_moodle_end_exact(real: Portal) -> None:
    look_load_and_repair(real)


@pytest.mark.skipif(
    not (URL and TOKEN and ADMIN_TOKEN),
    reason="SCHOOLBRIDGE_TEST_MOODLE_URL, _TOKEN and _ADMIN_TOKEN name no Moodle",
)
def test_each_way_of_meddling_in_a_real_moodle_is_told_and_repaired(real: Portal) -> None:
    told, exact = {}, {}
    # What no plan repairs is left standing, so it comes last.
    for what in sorted(MEDDLING, key=lambda one: MEDDLING[one][1] in BY_REMEDY):
        meddle, kind, _field = MEDDLING[what]
        before, known = real.standing(), {one.id for one in real.drifts("open")}
        meddle(real)
        real.look()
        told[what] = [one.kind for one in real.drifts("open") if one.id not in known]
        if kind not in BY_REMEDY:
            real.repair()
            real.look()
            exact[what] = real.drifts("open") == [] and real.standing() == before
    assert told == {what: [MEDDLING[what][1]] for what in MEDDLING}
    assert [what for what, is_exact in exact.items() if not is_exact] == []
