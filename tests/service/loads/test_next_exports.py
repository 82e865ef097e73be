"""Exports that go wrong, loaded in order: what each does to people who have accounts already.

The files are ours, the people in them are invented (tests/data/next-exports).
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import func, select

from service.loads.operations import LoadProblem
from service.models import Identity, LoadStatus, PlanStatus
from tests.service.trial import Trial, make_trial, on_both_databases, with_settings

CASES = Path(__file__).parents[2] / "data" / "next-exports"
CODE = "S1"


def case(name: str) -> list[Path]:
    return sorted((CASES / name).iterdir())


def variant(trial: Trial, path: Path, *pairs: tuple[str, str], name: str = "variant.xml") -> Path:
    """The file with some of its text replaced."""
    text = path.read_text("utf-8")
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    trial.folder.mkdir(parents=True, exist_ok=True)
    changed = trial.folder / name
    changed.write_text(text, "utf-8")
    return changed


def rows(text: str, sourced_id: str) -> list[str]:
    """The pupil rows of an id, as they stand in a file."""
    parts = text.split("</student>")
    return [f"{one.strip()}</student>" for one in parts if f'<student id="{sourced_id}">' in one]


def birth_date(trial: Trial, sourced_id: str) -> date | None:
    return trial.identity(CODE, sourced_id).birth_date


# An ended row beside an active one


@on_both_databases
def test_an_active_row_beats_an_ended_one_before_it(trial: Trial) -> None:
    first, second = case("c3-left-row-first")
    trial.sync(first)
    load_id = trial.load(second)
    assert trial.plans(load_id)[CODE].breaches == []
    assert trial.carry_out(load_id).status == LoadStatus.APPLIED
    assert trial.rules(load_id)["id.ended_row"] == CODE
    account = trial.account(CODE, "s-1")
    assert (account["suspended"], account["department"]) == (0, "5Б")
    assert any("5Б" in name for name in trial.cohorts_of(CODE, "s-1"))
    assert not any("5А" in name for name in trial.cohorts_of(CODE, "s-1"))


@pytest.mark.parametrize("ending", ["<status>left</status>", "<left_on>2026-09-30</left_on>"])
def test_an_active_row_beats_an_ended_one_after_it(trial: Trial, ending: str) -> None:
    first, second = case("c3-left-row-first")
    trial.sync(first)
    text = second.read_text("utf-8")
    ended, active = rows(text, "s-1")
    ended = ended[ended.index("<student ") :]
    kept = "<left_on>2026-09-30</left_on>" if "status" in ending else "<status>left</status>"
    turned = (active, ended.replace(kept, ""))
    run = trial.sync(variant(trial, second, (f"{ended}\n{active}", "\n".join(turned))))
    assert trial.rules(run.id)["id.ended_row"] == CODE
    assert trial.account(CODE, "s-1")["department"] == "5Б"
    assert not trial.account(CODE, "s-1")["suspended"]


def test_an_active_row_that_cannot_be_used_keeps_its_person(trial: Trial) -> None:
    first, second = case("c3-left-row-first")
    trial.sync(first)
    before = trial.account(CODE, "s-1")
    _, active = rows(second.read_text("utf-8"), "s-1")
    broken = active.replace("2015-02-08", "2015-02-30")
    run = trial.sync(variant(trial, second, (active, broken)))
    assert trial.rules(run.id)["birth_date.impossible"] == CODE
    assert trial.account(CODE, "s-1") == before


def test_a_pupil_who_came_back_under_a_new_id_keeps_the_account(trial: Trial) -> None:
    first, second = case("c3-left-row-first")
    number = "</birth_date><snils>11223344595</snils>"
    ended, active = rows(second.read_text("utf-8"), "s-1")
    known = rows(first.read_text("utf-8"), "s-1")[0]
    known = known[known.index("<student ") :]
    trial.sync(variant(trial, first, (known, known.replace("</birth_date>", number))))
    login = trial.account(CODE, "s-1")["username"]
    back = active.replace('"s-1"', '"s-777"').replace("</birth_date>", number)
    ended = ended[ended.index("<student ") :]
    with_number = ended.replace("</birth_date>", number)
    for day, two in ((2, (with_number, back)), (3, (back, with_number))):
        changed = variant(
            trial, second, (f"{ended}\n{active}", "\n".join(two)),
            ("2026-10-02T", f"2026-10-0{day}T"), name=f"{day}.xml",
        )  # fmt: skip
        run = trial.sync(changed)
        assert trial.rules(run.id)["person.ended_row"] == CODE
        account = trial.account(CODE, "s-777")
        assert (account["username"], account["suspended"]) == (login, 0)
        assert account["department"] == "5Б"
        assert trial.person_id(CODE, "s-1") == trial.person_id(CODE, "s-777")
    assert len(trial.moodle()["users"]) == 31


def test_a_leaver_whose_number_stands_on_the_twin_s_row_too_leaves(trial: Trial) -> None:
    first, second = case("c3-left-row-first")
    trial.sync(first)
    number = "</birth_date><snils>11223344595</snils>"
    ended, active = rows(second.read_text("utf-8"), "s-1")
    ended = ended[ended.index("<student ") :]
    twin = active.replace('"s-1"', '"s-777"').replace("Семён", "Степан")
    two = (ended.replace("</birth_date>", number), twin.replace("</birth_date>", number))
    trial.sync(variant(trial, second, (f"{ended}\n{active}", "\n".join(two))))
    assert trial.account(CODE, "s-1")["suspended"]
    assert not trial.account(CODE, "s-777")["suspended"]


# Dates


@on_both_databases
@pytest.mark.parametrize(
    ("name", "rule"),
    [("c1-utc-midnight", "birth_date.time_of_day"), ("c19-yyyymmdd", "birth_date.nobody_alive")],
)
def test_a_doubtful_birth_date_makes_no_account(trial: Trial, name: str, rule: str) -> None:
    (path,) = case(name)
    run = trial.sync(path)
    assert trial.rules(run.id)[rule] == CODE
    assert trial.plans(run.id)[CODE].people == 1
    assert len(trial.moodle()["users"]) == 1
    with trial.application.sessions() as session:
        assert session.scalar(select(func.count()).select_from(Identity)) == 1


@pytest.mark.parametrize(
    ("name", "field", "born"),
    [
        ("c1-utc-midnight", 'zone = "Europe/Moscow"', date(2015, 2, 9)),
        ("c19-yyyymmdd", 'transform = "year_month_day"', date(2012, 10, 4)),
    ],
)
def test_a_layout_may_say_how_days_are_written(
    tmp_path: Path, name: str, field: str, born: date
) -> None:
    (path,) = case(name)
    shipped = Path("provisioning/formats/layouts/roster-1.toml").read_text("utf-8")
    own = shipped.replace(
        'birth_date = "birth_date"', f'birth_date = {{ path = "birth_date", {field} }}', 1
    )
    folder = tmp_path / "layouts"
    folder.mkdir()
    (folder / "own.toml").write_text(own, "utf-8")
    configure = with_settings("reading", layout_dirs=(folder,))
    with make_trial(tmp_path, configure=configure) as trial:
        trial.sync(path)
        assert birth_date(trial, "s-1") == born


@pytest.mark.parametrize("empty", ["0001-01-01", "0001-01-01T00:00:00", "01.01.0001 0:00:00"])
def test_an_empty_date_of_1c_says_nothing(trial: Trial, empty: str) -> None:
    (first, second) = case("d13-classes-blank")
    trial.sync(first)
    born = "<birth_date>2015-02-08</birth_date>"
    changed = variant(
        trial, first,
        (born, f"<birth_date>{empty}</birth_date>"),
        ("<class_id>c-5</class_id></student>",
         f"<class_id>c-5</class_id><enrolled_on>{empty}</enrolled_on><left_on>{empty}</left_on></student>"),
        ("2026-10-01T08:30:00", "2026-10-02T08:30:00"),
    )  # fmt: skip
    load_id = trial.load(changed)
    assert trial.rules(load_id).keys() == {"field.missing", "birth_date.first_of_january"}
    assert trial.counts(load_id, CODE) == {}
    nameless = variant(trial, second, ("2026-10-02T08:00:00", empty), name="undated.xml")
    assert "header.field_missing" in trial.rules(trial.load(nameless))


# Places lost, and another school's file


@on_both_databases
def test_a_file_with_blank_classes_needs_a_second_yes(trial: Trial) -> None:
    first, second = case("d13-classes-blank")
    trial.sync(first)
    before = trial.moodle()
    load_id = trial.load(second)
    assert trial.plans(load_id)[CODE].breaches == [
        {"limit": "course_places", "count": 30, "base": 31},
        {"limit": "memberships", "count": 30, "base": 31},
    ]
    with pytest.raises(LoadProblem, match=r"load\.over_limits"):
        trial.approve(load_id)
    assert trial.moodle() == before


@on_both_databases
def test_another_school_s_file_under_our_code_is_stopped(trial: Trial) -> None:
    first, second = case("d15-other-school-same-ids")
    trial.sync(first)
    before, known = trial.moodle(), identities(trial)
    load_id = trial.load(second)
    assert trial.run(load_id).status == LoadStatus.REJECTED
    assert trial.plans(load_id)[CODE].status == PlanStatus.BLOCKED
    assert trial.rules(load_id)["school.contradicted"] == CODE
    assert (trial.moodle(), identities(trial)) == (before, known)
    # The school's own file goes on as before.
    own = variant(trial, first, ("2026-10-01T08:30:00", "2026-10-03T08:30:00"))
    assert trial.counts(trial.load(own), CODE) == {}


def test_another_school_s_file_with_ids_of_its_own_is_stopped(trial: Trial) -> None:
    first, second = case("d15-other-school-same-ids")
    trial.sync(first)
    known = identities(trial)
    load_id = trial.load(variant(trial, second, ('"s-', '"x-'), ('"t-', '"y-')))
    assert trial.run(load_id).status == LoadStatus.REJECTED
    assert trial.rules(load_id)["school.strangers"] == CODE
    assert identities(trial) == known


def test_a_few_contradictions_stop_nobody_else(trial: Trial) -> None:
    first, second = case("d15-other-school-same-ids")
    trial.sync(first)
    text, others = first.read_text("utf-8"), second.read_text("utf-8")
    pairs = []
    for key in ("s-1", "s-2", "s-3"):
        mine, theirs = rows(text, key)[0], rows(others, key)[0]
        pairs.append((mine[mine.index("<student ") :], theirs[theirs.index("<student ") :]))
    own = variant(trial, first, *pairs, ("2026-10-01T08:30:00", "2026-10-03T08:30:00"))
    load_id = trial.load(own)
    assert trial.run(load_id).status == LoadStatus.PLANNED
    assert trial.plans(load_id)[CODE].set_aside == 3


def identities(trial: Trial) -> int:
    with trial.application.sessions() as session:
        return session.scalar(select(func.count()).select_from(Identity)) or 0
