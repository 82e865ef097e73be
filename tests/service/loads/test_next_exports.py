"""Exports that go wrong, loaded in order: what each does to people who have accounts already.

The files are ours, the people in them are invented (tests/data/next-exports).
"""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest
from sqlalchemy import select

from service.models import Identity, LoadStatus
from tests.service.trial import Trial, on_both_databases, refusal

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


def rows(path: Path, sourced_id: str) -> list[str]:
    """The pupil rows of an id, as they stand in a file."""
    return re.findall(rf'<student id="{sourced_id}">.*?</student>', path.read_text("utf-8"), re.S)


def place(trial: Trial, sourced_id: str) -> tuple[int, str]:
    account = trial.account(CODE, sourced_id)
    return account["suspended"], account["department"]


# An ended row beside an active one


Returner = tuple[Trial, Path, str, str]


@pytest.fixture
def returner(trial: Trial) -> Returner:
    """A school whose pupil s-1 of class 5А left; the next file, with the ended and the new row."""
    first, second = case("c3-left-row-first")
    trial.sync(first)
    ended, active = rows(second, "s-1")
    return trial, second, ended, active


def with_number(row: str) -> str:
    return row.replace("</birth_date>", "</birth_date><snils>11223344595</snils>")


@on_both_databases
def test_an_active_row_beats_an_ended_one_before_it(trial: Trial, returner: Returner) -> None:
    load_id = trial.load(returner[1])
    assert trial.plans(load_id)[CODE].breaches == []
    assert trial.carry_out(load_id).status == LoadStatus.APPLIED
    assert trial.rules(load_id)["id.ended_row"] == CODE
    assert place(trial, "s-1") == (0, "5Б")
    assert any("5Б" in name for name in trial.cohorts_of(CODE, "s-1"))
    assert not any("5А" in name for name in trial.cohorts_of(CODE, "s-1"))


@pytest.mark.parametrize("unsaid", ["<status>left</status>", "<left_on>2026-09-30</left_on>"])
def test_an_active_row_beats_an_ended_one_after_it(returner: Returner, unsaid: str) -> None:
    trial, second, ended, active = returner
    turned = f"{active}\n{ended.replace(unsaid, '')}"
    run = trial.sync(variant(trial, second, (f"{ended}\n{active}", turned)))
    assert trial.rules(run.id)["id.ended_row"] == CODE
    assert place(trial, "s-1") == (0, "5Б")


def test_an_active_row_that_cannot_be_used_keeps_its_person(returner: Returner) -> None:
    trial, second, _ended, active = returner
    before = trial.account(CODE, "s-1")
    broken = active.replace("2015-02-08", "2015-02-30")
    run = trial.sync(variant(trial, second, (active, broken)))
    assert trial.rules(run.id)["birth_date.impossible"] == CODE
    assert trial.account(CODE, "s-1") == before


def test_a_pupil_who_came_back_under_a_new_id_keeps_the_account(trial: Trial) -> None:
    first, second = case("c3-left-row-first")
    (known,) = rows(first, "s-1")
    ended, active = rows(second, "s-1")
    trial.sync(variant(trial, first, (known, with_number(known))))
    login = trial.account(CODE, "s-1")["username"]
    gone, back = with_number(ended), with_number(active.replace('"s-1"', '"s-777"'))
    for day, two in ((2, (gone, back)), (3, (back, gone))):
        changed = variant(
            trial, second, (f"{ended}\n{active}", "\n".join(two)),
            ("2026-10-02T", f"2026-10-0{day}T"), name=f"{day}.xml",
        )  # fmt: skip
        run = trial.sync(changed)
        assert trial.rules(run.id)["person.ended_row"] == CODE
        assert trial.account(CODE, "s-777")["username"] == login
        assert place(trial, "s-777") == (0, "5Б")
        assert trial.person_id(CODE, "s-1") == trial.person_id(CODE, "s-777")
    assert len(trial.moodle()["users"]) == 31


def test_a_leaver_whose_number_stands_on_the_twin_s_row_too_leaves(returner: Returner) -> None:
    trial, second, ended, active = returner
    twin = active.replace('"s-1"', '"s-777"').replace("Семён", "Степан")
    two = f"{with_number(ended)}\n{with_number(twin)}"
    trial.sync(variant(trial, second, (f"{ended}\n{active}", two)))
    assert trial.known(CODE, "s-1").state == "in_transit"
    assert trial.known(CODE, "s-777").state == "on_roll"


# Dates


@on_both_databases
@pytest.mark.parametrize(
    ("name", "rule"),
    [("c1-utc-midnight", "birth_date.time_of_day"), ("c19-yyyymmdd", "birth_date.nobody_alive")],
)
def test_a_doubtful_birth_date_makes_no_account(trial: Trial, name: str, rule: str) -> None:
    run = trial.sync(*case(name))
    assert trial.rules(run.id)[rule] == CODE
    assert trial.plans(run.id)[CODE].people == 1
    assert len(trial.moodle()["users"]) == 1
    assert identities(trial) == 1


@pytest.mark.parametrize(
    ("name", "field", "born"),
    [
        ("c1-utc-midnight", 'zone = "Europe/Moscow"', date(2015, 2, 9)),
        ("c19-yyyymmdd", 'transform = "year_month_day"', date(2012, 10, 4)),
    ],
)
def test_a_layout_may_say_how_days_are_written(
    trial: Trial, tmp_path: Path, name: str, field: str, born: date
) -> None:
    shipped = Path("provisioning/formats/layouts/roster-1.toml").read_text("utf-8")
    own = shipped.replace(
        'birth_date = "birth_date"', f'birth_date = {{ path = "birth_date", {field} }}', 1
    )
    folder = tmp_path / "layouts"
    folder.mkdir()
    (folder / "own.toml").write_text(own, "utf-8")
    trial.configure("reading", layout_dirs=(folder,))
    trial.sync(*case(name))
    assert trial.identity(CODE, "s-1").birth_date == born


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
    assert refusal(trial.approve, load_id) == "load.over_limits"
    assert trial.moodle() == before


@on_both_databases
@pytest.mark.parametrize(
    ("ids", "rule"),
    [((), "school.contradicted"), ((('"s-', '"x-'), ('"t-', '"y-')), "school.strangers")],
    ids=["same ids", "ids of its own"],
)
def test_another_school_s_file_under_our_code_is_stopped(
    trial: Trial, ids: tuple[tuple[str, str], ...], rule: str
) -> None:
    first, second = case("d15-other-school-same-ids")
    trial.sync(first)
    before, known = trial.moodle(), identities(trial)
    load_id = trial.load(variant(trial, second, *ids))
    assert trial.run(load_id).status == LoadStatus.REJECTED
    assert trial.decisions(load_id) == {CODE: "blocked"}
    assert trial.rules(load_id)[rule] == CODE
    assert (trial.moodle(), identities(trial)) == (before, known)
    # The school's own file goes on as before.
    own = variant(trial, first, ("2026-10-01T08:30:00", "2026-10-03T08:30:00"))
    assert trial.counts(trial.load(own), CODE) == {}


def test_a_few_contradictions_stop_nobody_else(trial: Trial) -> None:
    first, second = case("d15-other-school-same-ids")
    trial.sync(first)
    pairs = [(rows(first, key)[0], rows(second, key)[0]) for key in ("s-1", "s-2", "s-3")]
    own = variant(trial, first, *pairs, ("2026-10-01T08:30:00", "2026-10-03T08:30:00"))
    load_id = trial.load(own)
    assert trial.run(load_id).status == LoadStatus.PLANNED
    assert trial.plans(load_id)[CODE].set_aside == 3


def identities(trial: Trial) -> int:
    return len(trial.stored(select(Identity)))
