"""``schoolbridge moodle``: pause all writing to Moodle, let it go on, say how it stands."""

from __future__ import annotations

from pathlib import Path

from service.models import WritingPause
from tests.service.command_line import rows_of, run


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
