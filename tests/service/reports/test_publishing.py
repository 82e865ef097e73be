"""Published reports: frozen figures, versions, and small numbers of people."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.orm import Session

from service.models import PublishedReport
from service.reports.coverage import COVERAGE
from service.reports.export import to_csv
from service.reports.publishing import PublishProblem, answer, publish
from service.reports.question import Question
from service.reports.report import Column, Kind, Report, Sum
from service.reports.stored import from_data
from service.reports.suppression import hide_small
from tests.service.factories import add_person
from tests.service.report_questions import NOW, make_city, question
from tests.service.reports.test_export import make_report
from tests.soak import soak

pytestmark = pytest.mark.usefixtures("english")


@pytest.fixture
def city(session: Session) -> None:
    make_city(session, 3)


def asked(now: datetime = NOW) -> Question:
    return question("coverage", now=now)


def published(
    session: Session, cut_off: datetime = NOW, late: timedelta = timedelta(), **why: str
) -> PublishedReport:
    return publish(session, COVERAGE, asked(cut_off), now=cut_off + late, by="city", **why)


@pytest.mark.usefixtures("city")
def test_a_published_question_gives_its_figures_byte_for_byte(session: Session) -> None:
    first = published(session)
    add_person(session, "new", "1")
    again = answer(session, COVERAGE, asked(NOW + timedelta(days=99)))
    assert (again.published, to_csv(again.report)) == (first, first.csv)
    live = answer(session, COVERAGE, asked(), live=True)
    assert live.differs
    assert to_csv(live.report) != first.csv


@pytest.mark.usefixtures("city")
def test_a_correction_needs_a_reason_and_leaves_the_old_version(session: Session) -> None:
    first = published(session)
    old = first.csv
    add_person(session, "new", "1")
    with pytest.raises(PublishProblem):
        published(session, reason="  ")
    second = published(session, reason="late load")
    assert (second.version, second.reason) == (2, "late load")
    assert answer(session, COVERAGE, asked()).published == second
    session.expire_all()
    assert (first.csv, first.version) == (old, 1)


@pytest.mark.usefixtures("city")
def test_preliminary_figures_are_another_publication(session: Session) -> None:
    inside = datetime(2026, 10, 31, 14, tzinfo=UTC)
    assert published(session, inside).preliminary
    assert answer(session, COVERAGE, asked(inside)).published is None
    final = published(session)
    assert (final.preliminary, final.version) == (False, 1)


@pytest.mark.usefixtures("city")
def test_what_is_built_late_says_so(session: Session) -> None:
    on_time = published(session, late=timedelta(minutes=10))
    late = published(session, late=timedelta(days=2), reason="x")
    assert on_time.data["notes"] == ()
    assert "22.11.2026 15:00" in late.data["notes"][0]
    assert from_data(late.data).cut_off == NOW


COLUMNS = (
    Column(key="school", title="School", kind=Kind.TEXT, absent=""),
    Column(key="roll", title="Roll", kind=Kind.INTEGER, absent="no data", people=True),
    Column(key="in", title="Signed in", kind=Kind.INTEGER, absent="no data", people=True),
    Column(key="share", title="Share", kind=Kind.SHARE, absent="no data", of=("in", "roll")),
    Column(key="loads", title="Loads", kind=Kind.INTEGER, absent="no data"),
)


def report_of(*counts: int | None, **overrides: Any) -> Report:
    rows = tuple((f"s{n}", 1000, count, 0.5, 1) for n, count in enumerate(counts))
    whole = sum(count or 0 for count in counts)
    fields: dict[str, Any] = {
        "columns": COLUMNS,
        "rows": rows,
        "totals": (("Total", 1000 * len(rows), whole, 0.5, len(rows)),),
        "keys": tuple(f"s{n}" for n in range(len(rows))),
        "total_keys": ("all",),
    }
    return make_report(**fields | overrides)


def column(report: Report, place: int) -> list[Any]:
    """With the total last."""
    return [row[place] for row in (*report.rows, *report.totals)]


@pytest.mark.parametrize(
    ("counts", "shown"),
    [
        # A small number and the next smallest.
        ([3, 40, 7, 0], ["<5", 40, "hidden", 0, 50]),
        # Two small numbers hide each other.
        ([3, 40, 2], ["<5", 40, "<5", 45]),
        # The only part is hidden with its sum.
        ([3], ["<5", "<5"]),
        # Zero is nobody and stays beside larger numbers.
        ([0, 5, None], [0, 5, None, 5]),
    ],
)
def test_small_numbers_are_hidden_and_what_they_could_be_computed_from(
    counts: list[int | None], shown: list[Any]
) -> None:
    report = hide_small(report_of(*counts), 5)
    assert column(report, 2) == shown
    assert "from 1 to 4" in report.notes[0]


def test_shares_are_hidden_with_what_they_are_of_and_what_counts_no_people_stays() -> None:
    report = hide_small(report_of(3, 40, 7, 0), 5)
    assert column(report, 3) == ["hidden", 0.5, "hidden", 0.5, 0.5]
    assert column(report, 4) == [1, 1, 1, 1, 4]


def test_sums_across_and_down_are_kept_secret_together() -> None:
    rows = (("a", 1000, 14, 0.5, 1), ("a pupils", 1000, 11, 0.5, 1), ("a staff", 1000, 3, 0.5, 1),
            ("b", 1000, 50, 0.5, 1), ("b pupils", 1000, 30, 0.5, 1), ("b staff", 1000, 20, 0.5, 1),
            ("c", 1000, 90, 0.5, 1), ("c pupils", 1000, 50, 0.5, 1), ("c staff", 1000, 40, 0.5, 1),
            )  # fmt: skip
    keys = tuple(str(row[0]) for row in rows)
    sums = (
        *(Sum(whole=one, parts=(f"{one} pupils", f"{one} staff")) for one in "abc"),
        *(Sum(whole=f"all{line}", parts=tuple(f"{one}{line}" for one in "abc"))
          for line in ("", " pupils", " staff")),
    )  # fmt: skip
    totals = (("", 0, 154, 0, 0), ("", 0, 91, 0, 0), ("", 0, 63, 0, 0))
    report = hide_small(
        report_of(rows=rows, keys=keys, totals=totals, sums=sums,
                  total_keys=("all", "all pupils", "all staff")), 5,
    )  # fmt: skip
    hidden = {key for key, row in zip(keys, report.rows, strict=True) if isinstance(row[2], str)}
    assert hidden == {"a pupils", "a staff", "b pupils", "b staff"}


@soak
@given(st.lists(st.integers(0, 30), min_size=1, max_size=12))
def test_no_hidden_number_can_be_computed_from_its_sum(counts: list[int]) -> None:
    report = hide_small(report_of(*counts), 5)
    members = column(report, 2)
    assert not any(isinstance(value, int) and 0 < value < 5 for value in members)
    assert sum(isinstance(value, str) for value in members) != 1
