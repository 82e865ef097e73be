"""A child with many doubles, the accounts of our people in Moodle, and what is asked of them."""

from __future__ import annotations

from datetime import date
from typing import Any

from service.sample.rows import Row
from tests.service.questions.asked import open_questions
from tests.service.trial import Trial, pupil

BORN = date(2012, 3, 14)


def kinds(trial: Trial) -> list[str]:
    return sorted(one.question.kind for one in open_questions(trial))


def accounts(trial: Trial) -> dict[int, tuple[str, str, int]]:
    """Number -> names and whether closed, of all accounts of our people."""
    return {
        one["id"]: (one["lastname"], one["firstname"], one["suspended"])
        for one in trial.moodle()["users"]
        if one["idnumber"]
    }


def child(sourced_id: str, given_name: str, **values: Any) -> Row:
    told: dict[str, Any] = {
        "family_name": "Двойнев", "middle_name": "Петрович", "birth_date": BORN, "sex": "M",
        "snils": "",
    }  # fmt: skip
    return pupil(sourced_id, given_name=given_name, **told | values)
