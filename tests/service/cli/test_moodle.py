"""``schoolbridge moodle``: pause all writing to Moodle, let it go on, say how it stands."""

from __future__ import annotations

from pathlib import Path

from service.config import load_settings
from service.models import WritingPause
from tests.service.command_line import at_work, rows_of, run
from tests.service.trial import A, Trial, pupils
from tests.waiting import until


def test_a_pause_is_said_by_every_command_that_shows_loads(home: Path) -> None:
    assert "is open" in run("moodle", "status", home=home, code=0).out
    out = run("moodle", "pause", "--reason", "exams", "--until", "23:59", home=home, code=0).out
    assert "paused until" in out
    assert "exams" in out
    assert "exams" in run("loads", home=home, code=0).out
    data = run("moodle", "status", "--json", home=home, code=3).data
    assert (data["may_write"], data["why"], data["reason"]) == (False, "switch", "exams")
    assert "is open" in run("moodle", "resume", home=home, code=0).out
    assert "not paused" in run("moodle", "resume", home=home, code=1).err
    with rows_of(home) as session:
        (made,) = session.query(WritingPause).all()
        assert made.ended_by == made.made_by
        assert made.until > made.made_at


def test_a_pause_needs_a_reason_and_a_moment_to_come(home: Path) -> None:
    assert run("moodle", "pause", home=home).code == 2
    run("moodle", "pause", "--reason", "x", "--until", "2020-01-01 10:00", home=home, code=1)
    assert "is open" in run("moodle", "status", home=home, code=0).out


def test_what_is_applied_in_a_pause_says_so_and_goes_on_by_itself(tmp_path: Path) -> None:
    home = tmp_path / "home"
    with at_work(home, SERVER_RESUME_SECONDS="1"):
        trial = Trial(
            application=None,  # type: ignore[arg-type]
            moodle_url=load_settings().moodle_target.url,
            folder=tmp_path,
        )
        number = run("import", trial.write(A, pupils("a", 3)), "--json", home=home).data["load"]
        run("approve", number, home=home, code=0)
        run("moodle", "pause", "--reason", "exams", home=home, code=0)
        waits = run("apply", number, home=home, code=3)
        assert "All writing to Moodle is paused" in waits.err
        assert "by itself" in waits.err
        assert "exams" in run("plan", number, home=home, code=0).out
        run("moodle", "resume", home=home, code=0)

        def is_applied() -> bool:
            return run("plan", number, "--json", home=home, code=0).data["status"] == "applied"

        until(is_applied)
