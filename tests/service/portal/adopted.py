"""A Moodle that somebody else filled, and what is done with it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from provisioning.moodle import MoodleClient
from provisioning.questions import Answer
from service.models import Adoption
from service.portal import adopt, adopt_answers, adopt_listing
from service.portal.adopt_listing import SeenAccount
from service.portal.adopt_rows import Shown
from service.sample.rows import Row
from tests.service.installation import SCOPE
from tests.service.trial import Trial


def account_for(trial: Trial, row: Row, username: str, **fields: Any) -> int:
    """An account as Moodle's bulk upload makes it of a list; Moodle's number."""
    person = row.person
    values = {
        "firstname": f"{person.given_name} {person.middle_name}".strip(),
        "lastname": person.family_name, "email": f"{username}@mail.invalid", "auth": "ldap",
        "institution": "Школа № 1", "department": "8 «А»" if row.class_id else "",
    }  # fmt: skip
    return trial.make_stranger(username, **values | fields)


def client(trial: Trial) -> MoodleClient:
    return trial.application.moodle()


def look(trial: Trial, **options: Any) -> bool:
    """What ``adopt plan`` does."""
    settings = trial.application.settings
    quick = replace(settings.adoption, unused_ids=1_000)
    trial.application.settings = replace(settings, adoption=quick)
    with trial.rows() as session:
        run_id = adopt.begin(session, scope=SCOPE, now=trial.application.clock())
    with client(trial) as moodle:
        return adopt.look(trial.application, moodle, run_id, **options)


def outcomes(trial: Trial) -> dict[str, int]:
    with trial.rows() as session:
        return adopt_listing.counts(session)


def seen(trial: Trial, outcome: Shown) -> list[SeenAccount]:
    with trial.rows() as session:
        rows = session.scalars(adopt_listing.query(outcome=outcome)).all()
        return adopt_listing.seen(session, rows)


def stored(trial: Trial, number: int) -> Adoption:
    with trial.rows() as session:
        return session.get_one(Adoption, number)


def answer(trial: Trial, number: int, given: Answer, candidate: str = "") -> None:
    with trial.rows() as session:
        adopt_answers.answer(
            session, number, given, candidate=candidate, scope=SCOPE,
            now=trial.application.clock(),
        )  # fmt: skip


def say_yes(trial: Trial, **options: Any) -> int:
    with trial.rows() as session:
        return adopt.approve(
            session, expected_digest=adopt_listing.digest(session), scope=SCOPE,
            now=trial.application.clock(), **options,
        )  # fmt: skip


def carry_out(trial: Trial, **options: Any) -> int | None:
    """Say yes and adopt; the number of the load that plans the schools again."""
    run_id = say_yes(trial)
    with client(trial) as moodle:
        return adopt.carry_out(trial.application, moodle, run_id, scope=SCOPE, **options)
