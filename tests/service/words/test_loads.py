"""Problems of runs and outcomes of changes are told in words, with what helps."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import provisioning.apply
from provisioning.changes import Action, Kind, Result
from service.cli.watching import print_failures
from service.models import Load, LoadStatus
from service.words import loads as wording
from tests.language import in_language
from tests.service.factories import make_change

APPLYING = Path(provisioning.apply.__file__).parent
OUTCOMES = {
    "account_gone", "adopted", "already_gone", "ambiguous_idnumber", "username_taken",
    "email_taken", "shortname_taken", "weak_password", "no_such_user_or_cohort",
    "dependency_failed", "on_another_roll", "empty", "too_long", "surrounding_blanks",
    "control_character", "not_given_back", "tag", "bad_username", "bad_email", "unknown_auth",
}  # fmt: skip


@pytest.mark.parametrize("code", sorted(OUTCOMES))
@pytest.mark.parametrize("language", ["ru", "en"])
def test_each_outcome_has_words(code: str, language: str) -> None:
    with in_language(language):
        said = wording.outcome(code)
    assert " " in said
    assert "_" not in said


def test_no_code_of_applying_is_forgotten() -> None:
    """Codes of ours are words with an underscore, of Moodle's own none is; what ``refusals``
    yields is one in any case."""
    nodes = [
        (path.name, node)
        for path in APPLYING.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
    ]
    yielded = {
        node.value.value
        for name, node in nodes
        if name == "refusals.py"
        and isinstance(node, ast.Yield)
        and isinstance(node.value, ast.Constant)
    }
    ends = ("_taken", "_gone", "_failed", "_idnumber", "_cohort", "_roll")
    words = {
        node.value
        for _name, node in nodes
        if isinstance(node, ast.Constant) and str(node.value).endswith(ends)
    }
    assert len(yielded) >= 5
    assert len(words) >= 5
    assert yielded | words <= OUTCOMES


def test_a_code_of_moodle_s_own_stays_as_it_is() -> None:
    assert wording.outcome("wsaccessuserdeleted") == "wsaccessuserdeleted"


@pytest.mark.parametrize(
    ("problem", "words"),
    [
        ("internal", "журнале обработчика"),
        ("layout: bad.toml: [layout] is missing", "bad.toml: [layout] is missing"),
        ("moodle.MoodleUnavailable: core_user_create_users: timeout", "не отвечает"),
        ("moodle.MoodleUncertain: core_user_create_users: dropped", "прервалась"),
        ("moodle.MoodleMisconfigured: core_user_create_users: invalidtoken", "doctor"),
        ("moodle.MoodleRefused: core_user_create_users: unknown_error", "отказал"),
        ("something {new}", "something {new}"),
    ],
)
def test_a_problem_is_told_and_names_what_broke(problem: str, words: str) -> None:
    said = wording.problem_in_words(Load(status=LoadStatus.STOPPED, problem=problem))
    assert words in said
    assert problem.rpartition(": ")[2] in said or problem == "internal"
    assert "moodle.Moodle" not in said


@pytest.mark.parametrize(
    ("status", "advice"),
    [
        (LoadStatus.APPLYING, "tried again by itself"),
        (LoadStatus.STOPPED, "go on where it stopped"),
        (LoadStatus.REJECTED, "load the files again"),
    ],
)
def test_the_advice_follows_what_becomes_of_the_run(status: LoadStatus, advice: str) -> None:
    problem = "moodle.MoodleUnavailable: core_user_create_users: timeout"
    with in_language("en"):
        said = wording.problem_in_words(Load(status=status, problem=problem))
    assert advice in said


def test_the_first_failures_are_printed_and_why(capsys: pytest.CaptureFixture[str]) -> None:
    why = {"result": Result.FAILED, "code": "email_taken"}
    failed = [make_change(Kind.USER, Action.CREATE, f"p-{number}", **why) for number in range(25)]
    with in_language("en"):
        print_failures([("SB0001", change) for change in failed], 25)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == (
        "SB0001  accounts  p-0  failed: the e-mail belongs to somebody else in Moodle"
    )
    assert lines[1] == "    → Plan the load again."
    assert len(lines) == 2 * 20 + 1
    assert lines[-1] == "... and 5 more"


def test_no_failure_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    print_failures([], 0)
    assert capsys.readouterr().err == ""
