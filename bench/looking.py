"""Looking into a Moodle as large as the city: seconds, memory, requests; every drift is found.

Both sides are filled directly, and then some things are changed in Moodle by hand.
"""

from __future__ import annotations

import uuid
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import requests
from sqlalchemy import func, select

from bench.measuring import Figure, in_child
from bench.place import installation, standin
from provisioning.state import MoodleCategory, MoodleCohort, MoodleCourse
from service.db import insert_rows, transaction
from service.models import CohortMember, Drift, KnownEnrolment, KnownObject, KnownUser, School
from service.moodle_standin.store import Store
from service.portal.looking import look

_IN_A_CLASS = 30
_FIRST = 100
"""Moodle's own accounts, categories and courses have smaller numbers."""
_NOW = datetime(2026, 10, 1, tzinfo=UTC)
_CHANGED = 1_000
"""Every so many-th account is suspended by hand, and the one after it is deleted."""


def figures(folder: Path, *, schools: int, people: int) -> list[Figure]:
    expected = prepared(folder, schools=schools, people=people)
    with standin(folder / "moodle.sqlite") as url:
        requests.delete(f"{url}/standin/counts", timeout=60)
        cost = in_child("bench.looking:reconcile", str(folder / "home"), url)
        calls = requests.get(f"{url}/standin/counts", timeout=60).json()
    application = installation(folder / "home")
    with application.sessions() as session:
        found = session.scalar(select(func.count()).select_from(Drift))
    application.engine.dispose()
    requests_ = sum(calls.get("calls", {}).values())
    return [
        Figure(
            name=f"look at {schools * people} people",
            ours=f"{cost.seconds:.0f} s, {cost.peak_mb:.0f} MB",
            reference=f"{found} of {expected} drifts, {requests_} calls",
        )
    ]


def reconcile(home: str, url: str) -> None:
    """What ``reconcile`` does, without pauses."""
    application = installation(Path(home), moodle_url=url)
    quick = replace(application.settings.reconcile, pause_seconds=0.0)
    application.settings = replace(application.settings, reconcile=quick)
    ended = look(application, actor="bench", sleep=lambda _seconds: None)
    if ended.problem:
        raise SystemExit(ended.problem)


def prepared(folder: Path, *, schools: int, people: int) -> int:
    """Fill our database and that of a stand-in with the same; the number of drifts made then."""
    application = installation(folder / "home")
    store = Store(folder / "moodle.sqlite")
    drifts, number = 0, _FIRST
    for school in range(schools):
        code = f"BE{school:04d}"
        with transaction(application.sessions) as session, store.transaction():
            session.add(School(code=code, name=code, short_name=code, district="Район"))
            session.flush()
            category = MoodleCategory(idnumber=f"school:{code}", name=code)
            category_id = _FIRST + school
            store.insert("category", {
                "id": category_id, "name": code, "idnumber": category.idnumber,
                "timemodified": 0, "depth": 1, "path": f"/{category_id}",
            })  # fmt: skip
            objects = [_known("category", category, code, category_id)]
            users: list[dict[str, Any]] = []
            members: list[dict[str, Any]] = []
            places: list[dict[str, Any]] = []
            for first in range(0, people, _IN_A_CLASS):
                place = _FIRST + number
                cohort = MoodleCohort(idnumber=f"class:{code}:{first}", name=f"{first} {code}")
                course = MoodleCourse(
                    idnumber=f"course:{code}:{first}", fullname=f"{first} {code}",
                    shortname=f"{first} {code}", category=category.idnumber,
                )  # fmt: skip
                objects.append(_known("cohort", cohort, code, place))
                objects.append(_known("course", course, code, place))
                store.insert("cohort", {
                    "id": place, "category": 0, "name": cohort.name,
                    "idnumber": cohort.idnumber, "timecreated": 0, "timemodified": 0,
                })  # fmt: skip
                store.insert("course", {
                    "id": place, "category": category_id, "fullname": course.fullname,
                    "shortname": course.shortname, "idnumber": course.idnumber,
                    "format": "topics", "startdate": 0, "enddate": 0, "timecreated": 0,
                    "timemodified": 0,
                })  # fmt: skip
                for _person in range(min(_IN_A_CLASS, people - first)):
                    number += 1
                    user = _user(number, code)
                    users.append(user)
                    person_id = user["person_id"]
                    members.append(
                        {"cohort": cohort.idnumber, "person_id": person_id, "school_code": code}
                    )
                    places.append({
                        "course": course.idnumber, "person_id": person_id, "role": "student",
                        "school_code": code,
                    })  # fmt: skip
                    drifts += _put(store, user, number, place)
            for table, rows in (
                (KnownUser, users), (KnownObject, objects), (CohortMember, members),
                (KnownEnrolment, places),
            ):  # fmt: skip
                insert_rows(session, table, rows)
    store.close()
    application.engine.dispose()
    return drifts


def _known(kind: str, record: Any, code: str, number: int) -> dict[str, Any]:
    fields = asdict(record)
    return {
        "kind": kind, "key": fields["idnumber"], "school_code": code, "moodle_id": number,
        "fields": fields,
    }  # fmt: skip


def _user(number: int, code: str) -> dict[str, Any]:
    login = f"user{number}"
    return {
        "person_id": str(uuid.UUID(int=number * 2**64 + number)), "moodle_id": number,
        "username": login, "firstname": "Имя Отчество", "lastname": f"Фамилия{number}",
        "email": f"{login}@school.invalid", "auth": "oauth2", "family_name": f"Фамилия{number}",
        "given_name": "Имя", "role": "student", "school_code": code, "created_at": _NOW,
        "updated_at": _NOW,
    }  # fmt: skip


def _put(store: Store, user: dict[str, Any], number: int, place: int) -> int:
    """Put a person into Moodle; some are changed by hand. The number of drifts that this makes."""
    same = ("username", "firstname", "lastname", "email", "auth")
    row = {name: user[name] for name in same} | {
        "id": number, "idnumber": user["person_id"], "email_lower": user["email"],
    }  # fmt: skip
    suspended, deleted = number % _CHANGED == 0, number % _CHANGED == 1
    if suspended:
        row["suspended"] = 1
    if deleted:
        row |= {"deleted": 1, "email": "x", "email_lower": "x", "idnumber": ""}
    store.insert("user", row)
    if not deleted:
        store.insert("cohort_member", {"cohortid": place, "userid": number})
        store.insert("enrolment", {"courseid": place, "userid": number})
        store.insert("role_assignment", {
            "contextlevel": "course", "instanceid": place, "userid": number, "roleid": 5,
        })  # fmt: skip
    return int(suspended or deleted)
