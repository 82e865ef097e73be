"""How each state of a person counts in reports (docs/facts/indicators.md F4), then and later."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

from provisioning.person_states import STATES, PersonState
from service.calendar.period import Period
from service.calendar.weeks import week_of
from service.loads import by_hand
from service.loads.applying import apply_load
from service.loads.due import approve_within_limits, begin
from service.loads.planning import plan_load
from tests.service.factories import sign_in
from tests.service.installation import SCOPE
from tests.service.report_questions import people
from tests.service.trial import (
    EXPORTED,
    A,
    Trial,
    make_class,
    on_both_databases,
    pupil,
    pupils,
)

WINTER = datetime(2027, 1, 15, 9, tzinfo=UTC)
LEAVING = (
    ("archived", datetime(2027, 1, 20, 9, tzinfo=UTC)),
    ("suspended", datetime(2027, 4, 20, 9, tzinfo=UTC)),
    ("in-transit", datetime(2027, 6, 1, 9, tzinfo=UTC)),
    ("graduate", datetime(2027, 6, 1, 10, tzinfo=UTC)),
)
"""Who is in the last file before, and when a file without them is loaded."""
ASKED = datetime(2027, 6, 4, 9, tzinfo=UTC)
PERIOD = Period(first=WINTER.date(), last=date(2027, 6, 3))
WHOM = {
    "activity": (A, "provisioned", PERIOD),
    "coverage": (f"{A}|all", "roll", None),
    "funnel": (f"{A}|all", "roll", None),
    "weekly": (f"{A}|own", "c5", week_of(PERIOD.last)),
    "transition": (A, "accounts", week_of(PERIOD.last)),
}
"""By report the row and the column of the people on the roll."""


def set_clock(trial: Trial, moment: datetime) -> None:
    # Moments that follow each other, as the clock of a trial has them.
    usual = iter(range(1_000_000))
    trial.application.clock = lambda: moment + timedelta(milliseconds=next(usual))


def let_time_work(trial: Trial) -> None:
    load_id = begin(trial.application)
    assert load_id is not None
    plan_load(trial.application, load_id)
    assert approve_within_limits(trial.application, load_id)
    apply_load(trial.application, load_id)


def people_in_each_state(trial: Trial) -> dict[PersonState, str]:
    """The person id of somebody in each state, on the morning when reports are asked for."""
    last = make_class("c-11", "11А", grade=11)
    classes = [make_class(), last]
    rows = {
        "on-roll": pupil("on-roll"),
        **{key: pupil(key, "c-11" if key == "graduate" else "c-1") for key, _at in LEAVING},
    }
    others = [*pupils("a", 20), pupil("of the last class", "c-11")]

    def load(moment: datetime) -> None:
        set_clock(trial, moment)
        file = trial.write(
            A, [*others, *rows.values()], classes=classes, exported_at=moment - timedelta(hours=1)
        )
        trial.sync(file)

    assert WINTER > EXPORTED
    load(WINTER)
    found = {key: trial.person_id(A, key) for key in rows}
    for key, moment in LEAVING:
        del rows[key]
        load(moment)
    set_clock(trial, LEAVING[-1][1] + timedelta(days=1))
    let_time_work(trial)
    new = pupil("new", snils="").person
    assert new.birth_date
    load_id = by_hand.add(
        trial.application,
        by_hand.Entered(
            school_code=A, family_name=new.family_name, given_name=new.given_name,
            middle_name=new.middle_name, birth_date=new.birth_date, class_id="c-1",
            until=date(2027, 6, 30),
        ),
        scope=SCOPE,
    )  # fmt: skip
    trial.carry_out(load_id)
    (found["by-hand"],) = {one.key for one in trial.changes(load_id)}
    return {PersonState(key.replace("-", "_")): person_id for key, person_id in found.items()}


def counted(trial: Trial, each: dict[PersonState, str]) -> dict[str, set[PersonState]]:
    """Report -> the states that it counts as on the roll; ``left``: those shown apart."""
    with trial.application.sessions() as session:
        found = {
            name: people(
                session, name, row, column, now=ASKED, **({"period": period} if period else {})
            )
            for name, (row, column, period) in WHOM.items()
        }
        found["left"] = people(session, "activity", A, "left", now=ASKED, period=PERIOD)
    return {
        name: {state for state, person_id in each.items() if person_id in ids}
        for name, ids in found.items()
    }


@on_both_databases
def test_each_state_counts_in_all_reports_as_its_table_says(trial: Trial) -> None:
    each = people_in_each_state(trial)
    assert each.keys() == set(PersonState)
    with trial.rows() as session:
        for person_id in each.values():
            sign_in(session, person_id, WINTER + timedelta(days=1))
    on_roll = {state for state, rule in STATES.items() if rule.on_roll}
    expected = dict.fromkeys(WHOM, on_roll) | {"left": set(PersonState) - on_roll}
    assert counted(trial, each) == expected
    # Later time has moved people on; only the transition tells of now, not of the cut-off.
    set_clock(trial, ASKED + timedelta(days=40))
    let_time_work(trial)
    assert counted(trial, each) == expected | {"transition": {PersonState.ON_ROLL}}
