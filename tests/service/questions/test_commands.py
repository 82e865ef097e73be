"""The commands of the queue, as a program drives them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.config import load_settings
from tests.service.command_line import at_work, run
from tests.service.trial import A, B, Trial, pupil, pupils


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    with at_work(tmp_path / "home"):
        yield tmp_path / "home"


def test_a_program_lists_answers_and_takes_back(home: Path, tmp_path: Path) -> None:
    moodle = load_settings().moodle_target.url
    trial = Trial(application=None, moodle_url=moodle, folder=tmp_path)  # type: ignore[arg-type]
    mover = pupil("a-77", who="mover", snils="")
    rows_b = [*pupils("b", 8), pupil("b-7x", "c-2", who="mover", snils="")]
    for file in (
        trial.write(A, [*pupils("a", 20), mover]),
        trial.write(A, pupils("a", 20), day=1),
        trial.write(B, rows_b, day=2),
    ):
        run("sync", file, "--yes", home=home, code=0)
    (question,) = run("questions", "--school", B, "--json", home=home, code=0).data
    assert set(question) == {
        "id", "kind", "state", "school_code", "rows", "candidates", "answers", "evidence",
    }  # fmt: skip
    assert (question["kind"], question["answers"]) == ("move", ["confirm", "refuse"])
    assert question["rows"] == [{"school_code": B, "sourced_id": "b-7x"}]
    (candidate,) = question["candidates"]
    assert set(candidate) == {"candidate", "person_id", "login", "memberships"}
    assert {"school_code": A, "sourced_id": "a-77"} in candidate["memberships"]
    assert "b-7x" in run("questions", home=home, code=0).out
    assert run("questions", "--school", A, "--json", home=home, code=0).data == []

    number = question["id"]
    run(
        "answer",
        number,
        "confirm",
        "--candidate",
        candidate["candidate"],
        "--yes",
        home=home,
        code=0,
    )
    assert run("questions", "--json", home=home, code=0).data == []
    (answered,) = run("questions", "--state", "answered", "--json", home=home, code=0).data
    assert (answered["id"], answered["state"]) == (number, "answered")
    account = {"field": "idnumber", "values[0]": candidate["person_id"]}
    (moved,) = trial.ask_moodle("core_user_get_users_by_field", **account)
    assert moved["username"] == candidate["login"]

    assert "taken back" in run("answer", number, "--undo", "--yes", home=home).out
    assert [one["id"] for one in run("questions", "--json", home=home, code=0).data] == [number]
    run("answer", number, home=home, code=2)
    run("answer", 999, "same", home=home, code=1)
    run("answer", number, "same", home=home, code=1)
