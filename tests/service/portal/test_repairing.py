"""What a look found is brought back by a plan like any other."""

from __future__ import annotations

import pytest

from provisioning.drift import BY_REMEDY
from tests.service.portal.conftest import Portal
from tests.service.portal.meddling import MEDDLING
from tests.service.trial import on_both_databases


def _as_it_is(portal: Portal) -> dict[str, object]:
    """Moodle without its numbers and times: what is made anew has others."""
    state = portal.trial.moodle()
    users = {one["id"]: one["username"] for one in state["users"]}
    cohorts = {one["id"]: one["idnumber"] for one in state["cohorts"]}
    courses = {one["id"]: one["idnumber"] for one in state["courses"]}
    names = ("username", "firstname", "lastname", "email", "auth", "idnumber", "suspended")
    return {
        "users": sorted([one[name] for name in names] for one in state["users"]),
        "cohorts": sorted((one["idnumber"], one["name"]) for one in state["cohorts"]),
        "courses": sorted((one["idnumber"], one["fullname"]) for one in state["courses"]),
        "members": sorted((cohorts[m["cohortid"]], users[m["userid"]]) for m in state["members"]),
        "enrolments": sorted(
            (courses[one["courseid"]], users[one["userid"]], one["role"])
            for one in state["enrolments"]
        ),
    }


@pytest.mark.parametrize("what", list(MEDDLING))
@on_both_databases
def test_a_repair_makes_moodle_exact_again(portal: Portal, what: str) -> None:
    before = _as_it_is(portal)
    meddle, kind, _field = MEDDLING[what]
    meddle(portal)
    portal.look()
    if kind in BY_REMEDY:
        assert portal.plan_repair() is None
        return
    portal.repair()
    assert portal.kinds("repaired") == [kind]
    assert _as_it_is(portal) == before
    portal.look()
    assert portal.drifts("open") == []
    portal.trial.settled(*portal.files)
