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
from tests.service.place import Place, make_place, on_both_databases, with_settings

CASES = Path(__file__).parents[2] / "data" / "next-exports"
CODE = "S1"


def case(name: str) -> list[Path]:
    return sorted((CASES / name).iterdir())


def variant(place: Place, path: Path, *pairs: tuple[str, str], name: str = "variant.xml") -> Path:
    """The file with some of its text replaced."""
    text = path.read_text("utf-8")
    for old, new in pairs:
        assert old in text
        text = text.replace(old, new)
    place.folder.mkdir(parents=True, exist_ok=True)
    changed = place.folder / name
    changed.write_text(text, "utf-8")
    return changed


def rows(text: str, sourced_id: str) -> list[str]:
    """The pupil rows of an id, as they stand in a file."""
    parts = text.split("</student>")
    return [f"{one.strip()}</student>" for one in parts if f'<student id="{sourced_id}">' in one]


def birth_date(place: Place, sourced_id: str) -> date | None:
    with place.application.sessions() as session:
        return session.get_one(Identity, place.person_id(CODE, sourced_id)).birth_date


# An ended row beside an active one


@on_both_databases
def test_an_active_row_beats_an_ended_one_before_it(place: Place) -> None:
    first, second = case("c3-left-row-first")
    place.sync(first)
    load_id = place.load(second)
    assert place.plans(load_id)[CODE].breaches == []
    place.approve(load_id)
    assert place.apply(load_id).status == LoadStatus.APPLIED
    assert place.rules(load_id)["id.ended_row"] == CODE
    account = place.account(CODE, "s-1")
    assert (account["suspended"], account["department"]) == (0, "5Б")
    assert any("5Б" in name for name in place.cohorts_of(CODE, "s-1"))
    assert not any("5А" in name for name in place.cohorts_of(CODE, "s-1"))


@pytest.mark.parametrize("ending", ["<status>left</status>", "<left_on>2026-09-30</left_on>"])
def test_an_active_row_beats_an_ended_one_after_it(place: Place, ending: str) -> None:
    first, second = case("c3-left-row-first")
    place.sync(first)
    text = second.read_text("utf-8")
    ended, active = rows(text, "s-1")
    ended = ended[ended.index("<student ") :]
    kept = "<left_on>2026-09-30</left_on>" if "status" in ending else "<status>left</status>"
    turned = (active, ended.replace(kept, ""))
    run = place.sync(variant(place, second, (f"{ended}\n{active}", "\n".join(turned))))
    assert place.rules(run.id)["id.ended_row"] == CODE
    assert place.account(CODE, "s-1")["department"] == "5Б"
    assert not place.account(CODE, "s-1")["suspended"]


def test_an_active_row_that_cannot_be_used_keeps_its_person(place: Place) -> None:
    first, second = case("c3-left-row-first")
    place.sync(first)
    before = place.account(CODE, "s-1")
    _, active = rows(second.read_text("utf-8"), "s-1")
    broken = active.replace("2015-02-08", "2015-02-30")
    run = place.sync(variant(place, second, (active, broken)))
    assert place.rules(run.id)["birth_date.impossible"] == CODE
    assert place.account(CODE, "s-1") == before


def test_a_pupil_who_came_back_under_a_new_id_keeps_the_account(place: Place) -> None:
    first, second = case("c3-left-row-first")
    number = "</birth_date><snils>11223344595</snils>"
    ended, active = rows(second.read_text("utf-8"), "s-1")
    known = rows(first.read_text("utf-8"), "s-1")[0]
    known = known[known.index("<student ") :]
    place.sync(variant(place, first, (known, known.replace("</birth_date>", number))))
    login = place.account(CODE, "s-1")["username"]
    back = active.replace('"s-1"', '"s-777"').replace("</birth_date>", number)
    ended = ended[ended.index("<student ") :]
    with_number = ended.replace("</birth_date>", number)
    for day, two in ((2, (with_number, back)), (3, (back, with_number))):
        changed = variant(
            place, second, (f"{ended}\n{active}", "\n".join(two)),
            ("2026-10-02T", f"2026-10-0{day}T"), name=f"{day}.xml",
        )  # fmt: skip
        run = place.sync(changed)
        assert place.rules(run.id)["person.ended_row"] == CODE
        account = place.account(CODE, "s-777")
        assert (account["username"], account["suspended"]) == (login, 0)
        assert account["department"] == "5Б"
        assert place.person_id(CODE, "s-1") == place.person_id(CODE, "s-777")
    assert len(place.moodle()["users"]) == 31


def test_a_leaver_whose_number_stands_on_the_twin_s_row_too_leaves(place: Place) -> None:
    first, second = case("c3-left-row-first")
    place.sync(first)
    number = "</birth_date><snils>11223344595</snils>"
    ended, active = rows(second.read_text("utf-8"), "s-1")
    ended = ended[ended.index("<student ") :]
    twin = active.replace('"s-1"', '"s-777"').replace("Семён", "Степан")
    two = (ended.replace("</birth_date>", number), twin.replace("</birth_date>", number))
    place.sync(variant(place, second, (f"{ended}\n{active}", "\n".join(two))))
    assert place.account(CODE, "s-1")["suspended"]
    assert not place.account(CODE, "s-777")["suspended"]


# Dates


@on_both_databases
@pytest.mark.parametrize(
    ("name", "rule"),
    [("c1-utc-midnight", "birth_date.time_of_day"), ("c19-yyyymmdd", "birth_date.nobody_alive")],
)
def test_a_doubtful_birth_date_makes_no_account(place: Place, name: str, rule: str) -> None:
    (path,) = case(name)
    run = place.sync(path)
    assert place.rules(run.id)[rule] == CODE
    assert place.plans(run.id)[CODE].people == 1
    assert len(place.moodle()["users"]) == 1
    with place.application.sessions() as session:
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
    configure = with_settings("reading", layout_dirs=(str(folder),))
    with make_place(tmp_path, configure=configure) as place:
        place.sync(path)
        assert birth_date(place, "s-1") == born


@pytest.mark.parametrize("empty", ["0001-01-01", "0001-01-01T00:00:00", "01.01.0001 0:00:00"])
def test_an_empty_date_of_1c_says_nothing(place: Place, empty: str) -> None:
    (first, second) = case("d13-classes-blank")
    place.sync(first)
    born = "<birth_date>2015-02-08</birth_date>"
    changed = variant(
        place, first,
        (born, f"<birth_date>{empty}</birth_date>"),
        ("<class_id>c-5</class_id></student>",
         f"<class_id>c-5</class_id><enrolled_on>{empty}</enrolled_on><left_on>{empty}</left_on></student>"),
        ("2026-10-01T08:30:00", "2026-10-02T08:30:00"),
    )  # fmt: skip
    load_id = place.load(changed)
    assert place.rules(load_id).keys() == {"field.missing", "birth_date.first_of_january"}
    assert place.counts(load_id, CODE) == {}
    nameless = variant(place, second, ("2026-10-02T08:00:00", empty), name="undated.xml")
    assert "header.field_missing" in place.rules(place.load(nameless))


# Places lost, and another school's file


@on_both_databases
def test_a_file_with_blank_classes_needs_a_second_yes(place: Place) -> None:
    first, second = case("d13-classes-blank")
    place.sync(first)
    before = place.moodle()
    load_id = place.load(second)
    assert place.plans(load_id)[CODE].breaches == [
        {"limit": "course_places", "count": 30, "base": 31},
        {"limit": "memberships", "count": 30, "base": 31},
    ]
    with pytest.raises(LoadProblem, match=r"load\.over_limits"):
        place.approve(load_id)
    assert place.moodle() == before


@on_both_databases
def test_another_school_s_file_under_our_code_is_stopped(place: Place) -> None:
    first, second = case("d15-other-school-same-ids")
    place.sync(first)
    before, known = place.moodle(), identities(place)
    load_id = place.load(second)
    assert place.run(load_id).status == LoadStatus.REJECTED
    assert place.plans(load_id)[CODE].status == PlanStatus.BLOCKED
    assert place.rules(load_id)["school.contradicted"] == CODE
    assert (place.moodle(), identities(place)) == (before, known)
    # The school's own file goes on as before.
    own = variant(place, first, ("2026-10-01T08:30:00", "2026-10-03T08:30:00"))
    assert place.counts(place.load(own), CODE) == {}


def test_another_school_s_file_with_ids_of_its_own_is_stopped(place: Place) -> None:
    first, second = case("d15-other-school-same-ids")
    place.sync(first)
    known = identities(place)
    load_id = place.load(variant(place, second, ('"s-', '"x-'), ('"t-', '"y-')))
    assert place.run(load_id).status == LoadStatus.REJECTED
    assert place.rules(load_id)["school.strangers"] == CODE
    assert identities(place) == known


def test_a_few_contradictions_stop_nobody_else(place: Place) -> None:
    first, second = case("d15-other-school-same-ids")
    place.sync(first)
    text, others = first.read_text("utf-8"), second.read_text("utf-8")
    pairs = []
    for key in ("s-1", "s-2", "s-3"):
        mine, theirs = rows(text, key)[0], rows(others, key)[0]
        pairs.append((mine[mine.index("<student ") :], theirs[theirs.index("<student ") :]))
    own = variant(place, first, *pairs, ("2026-10-01T08:30:00", "2026-10-03T08:30:00"))
    load_id = place.load(own)
    assert place.run(load_id).status == LoadStatus.PLANNED
    assert place.plans(load_id)[CODE].set_aside == 3


def identities(place: Place) -> int:
    with place.application.sessions() as session:
        return session.scalar(select(func.count()).select_from(Identity)) or 0
