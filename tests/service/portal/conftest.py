"""An installation whose two small schools are in Moodle, and hands that meddle there."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from service.loads.claims import own_name
from service.models import Drift, KnownObject, KnownUser, Load, PortalLook
from service.portal import repairing
from service.portal.looking import look
from tests.service.installation import SCOPE
from tests.service.trial import A, B, Trial, pupils, teacher


def no_wait(_seconds: float) -> None:
    return


@dataclass
class Portal:
    """The trial, with words for what is done in Moodle by hand and for what a look finds."""

    trial: Trial
    files: tuple[Path, ...]

    def look(self, **options: Any) -> PortalLook:
        given = {"actor": own_name(), "sleep": no_wait} | options
        ended = look(self.trial.application, **given)
        assert ended.problem == ""
        return ended

    def drifts(self, *states: str) -> list[Drift]:
        found: list[Drift] = self.trial.stored(select(Drift).order_by(Drift.id))
        return [one for one in found if one.state in (states or ("open",))]

    def kinds(self, *states: str) -> list[str]:
        return sorted(one.kind for one in self.drifts(*states))

    def plan_repair(self, **chosen: Any) -> Load | None:
        application = self.trial.application
        with self.trial.rows() as session:
            found = repairing.open_drifts(session, SCOPE, **chosen)
            return repairing.plan_repair(
                session, found, home=application.settings.home, scope=SCOPE,
                now=application.clock(), limits=application.settings.limits,
            )  # fmt: skip

    def repair(self, **chosen: Any) -> Load:
        load = self.plan_repair(**chosen)
        assert load is not None
        applied = self.trial.carry_out(load.id, over_limits=True)
        assert (applied.status, applied.problem) == ("applied", "")
        return applied

    def number(self, code: str, sourced_id: str) -> int:
        found = self.trial.known(code, sourced_id).moodle_id
        assert found is not None
        return found

    def object(self, kind: str, contains: str) -> KnownObject:
        rows = self.trial.stored(select(KnownObject).where(KnownObject.kind == kind))
        (found,) = (row for row in rows if contains in row.key)
        assert isinstance(found, KnownObject)
        return found

    def ask(self, function: str, **fields: Any) -> Any:
        return self.trial.ask_moodle(function, **fields)

    def update_user(self, number: int, **fields: Any) -> None:
        self.ask("core_user_update_users", users=[{"id": number, **fields}])

    def delete_user(self, number: int) -> None:
        self.ask("core_user_delete_users", userids=[number])

    def course(self, number: int) -> dict[str, Any]:
        asked = {"field": "id", "value": str(number)}
        (found,) = self.ask("core_course_get_courses_by_field", **asked)["courses"]
        return dict(found)

    def standing(self) -> dict[str, Any]:
        """Everything of ours in Moodle, without its numbers and times: what is made anew has
        others."""
        persons = [one.person_id for one in self.people()]
        names = ("username", "firstname", "lastname", "email", "auth", "idnumber", "suspended")
        rows = self.ask("core_user_get_users_by_field", field="idnumber", values=persons)
        users = {row["id"]: row["username"] for row in rows}
        found: dict[str, Any] = {
            "users": sorted(str([row[name] for name in names]) for row in rows)
        }
        for one in self.trial.stored(select(KnownObject).order_by(KnownObject.key)):
            if one.kind == "cohort":
                (row,) = self.ask("core_cohort_get_cohorts", cohortids=[one.moodle_id])
                given = self.ask("core_cohort_get_cohort_members", cohortids=[one.moodle_id])
                who = sorted(users.get(each, "?") for each in given[0]["userids"])
                found[one.key] = (row["idnumber"], row["name"], row["visible"], who)
            if one.kind == "course":
                about = self.course(one.moodle_id)
                given = self.ask("core_enrol_get_enrolled_users", courseid=one.moodle_id)
                places = sorted(
                    (users.get(each["id"], "?"), each["roles"][0]["shortname"]) for each in given
                )
                named = (about["idnumber"], about["fullname"], about["shortname"])
                found[one.key] = (*named, about["visible"], places)
        return found

    def people(self) -> list[KnownUser]:
        return self.trial.stored(select(KnownUser).order_by(KnownUser.person_id))


def two_schools(trial: Trial) -> Portal:
    """Two schools of five people each, which are in Moodle."""
    trial.configure("reconcile", pause_seconds=0.0, repair=(), keep=())
    files = (
        trial.write(A, [*pupils("p", 4), teacher("t-1")]),
        trial.write(B, [*pupils("q", 4), teacher("u-1")]),
    )
    trial.sync(*files)
    return Portal(trial, files)


@pytest.fixture
def portal(trial: Trial) -> Portal:
    return two_schools(trial)


Meddling = Callable[[Portal], None]
