"""What is excluded is touched by no plan: not made, not changed, not suspended, given no places."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from provisioning.exclusions import Excluded
from service.access import Forbidden, Scope
from service.models import AuditEntry, Exclusion, KnownUser, OperatorRole, SchoolPlan
from service.portal import excluding
from service.portal.excluding import Excluding, ExclusionProblem, OtherSchoolProblem
from tests.service.factories import CITY, NOW, put_on_roll
from tests.service.trial import A, B, Trial, left, make_class, on_both_databases, pupil, pupils
from tests.service.trial import teacher as a_teacher

OTHERS = [*pupils("a", 5), a_teacher("a-head")]
SCHOOL = Scope(actor="school", role=OperatorRole.SCHOOL, items=frozenset({A}))
SCHOOL_B = Scope(actor="b", role=OperatorRole.SCHOOL, items=frozenset({B}))


def exclude(
    trial: Trial, what: Excluded, pattern: str, school: str = "", scope: Scope = CITY
) -> int:
    with trial.rows() as session:
        use_cases = Excluding(
            session=session, settings=trial.application.settings, scope=scope, now=NOW
        )
        row = use_cases.add(what=what, pattern=pattern, school_code=school, reason="проверка")
        return row.id


def end(trial: Trial, number: int, scope: Scope = CITY) -> None:
    with trial.rows() as session:
        Excluding(session=session, settings=trial.application.settings, scope=scope, now=NOW).end(
            number
        )


def left_out(trial: Trial, load_id: int, code: str = A) -> dict[str, int]:
    return trial.plans(load_id)[code].left_out


@on_both_databases
def test_an_excluded_person_is_neither_changed_nor_suspended_and_comes_back_with_the_end(
    trial: Trial,
) -> None:
    one = pupil("a-77", "c-1")
    trial.sync(trial.write(A, [*OTHERS, one]))
    account = trial.account(A, "a-77")
    number = exclude(trial, Excluded.LOGIN, account["username"])
    moved = pupil("a-77", "c-2", family_name="Другая")
    load = trial.sync(trial.write(A, [*OTHERS, moved], day=1))
    assert left_out(trial, load.id) == {"people": 1}
    gone = trial.write(A, [*OTHERS, left(one)], day=2)
    trial.sync(gone)
    assert trial.account(A, "a-77") == account
    assert trial.cohorts_of(A, "a-77") == {
        "8А · Школа № 1 · 2026/2027", "Ученики · Школа № 1"
    }  # fmt: skip
    end(trial, number)
    load = trial.sync(trial.write(A, [*OTHERS, moved], day=3))
    assert left_out(trial, load.id) == {}
    assert trial.account(A, "a-77")["lastname"] == "Другая"


@on_both_databases
def test_an_excluded_class_has_no_cohort_no_course_and_no_places(trial: Trial) -> None:
    trial.sync(trial.write(A, OTHERS))
    rows = [*OTHERS, pupil("a-77", "c-2")]
    classes = [make_class(), make_class("c-2", "8Б")]
    exclude(trial, Excluded.CLASS, f"class:{A}:2026/2027:c-2", A)
    load = trial.sync(trial.write(A, rows, classes=classes, day=1))
    assert left_out(trial, load.id) == {"classes": 1, "courses": 1}
    assert trial.cohorts_of(A, "a-77") == {"Ученики · Школа № 1"}
    assert trial.courses_of(A, "a-77") == set()
    assert not any("8Б" in one["name"] for one in trial.moodle()["cohorts"])


def test_a_class_is_named_by_its_title_and_a_person_by_login(trial: Trial) -> None:
    trial.sync(trial.write(A, OTHERS))
    exclude(trial, Excluded.CLASS, "8А", A, SCHOOL)
    exclude(trial, Excluded.LOGIN, trial.known(A, "a-1").username, scope=SCHOOL)
    rows = trial.stored(select(Exclusion).order_by(Exclusion.id))
    assert [(row.what, row.pattern, row.school_code) for row in rows] == [
        ("class", f"class:{A}:2026/2027:c-1", A),
        ("person", trial.person_id(A, "a-1"), A),
    ]


def test_nobody_of_an_excluded_role_gets_an_account(trial: Trial) -> None:
    exclude(trial, Excluded.ROLE, "teacher")
    load = trial.sync(trial.write(A, OTHERS))
    assert left_out(trial, load.id) == {"people": 1}
    assert trial.counts(load.id, A)["user.create"] == 5


def test_what_is_excluded_after_a_yes_is_left_alone_when_the_plan_is_applied(
    trial: Trial,
) -> None:
    trial.sync(trial.write(A, OTHERS))
    load_id = trial.approved(trial.write(A, [left(OTHERS[0]), *OTHERS[1:]], day=1))
    exclude(trial, Excluded.PERSON, trial.person_id(A, "a-1"))
    trial.apply(load_id)
    assert {(one.result, one.code) for one in trial.changes(load_id)} == {("skipped", "excluded")}
    assert not trial.account(A, "a-1")["suspended"]


def test_a_pattern_of_the_settings_is_never_touched(trial: Trial) -> None:
    trial.sync(trial.write(A, OTHERS))
    trial.configure("moodle", untouched_logins=(trial.known(A, "a-1").username,))
    trial.writes()
    load = trial.sync(trial.write(A, [left(OTHERS[0]), *OTHERS[1:]], day=1))
    assert left_out(trial, load.id) == {"people": 1}
    assert trial.writes() == {}


def test_an_exclusion_of_one_school_says_nothing_at_another(trial: Trial) -> None:
    trial.sync(trial.write(A, OTHERS), trial.write(B, pupils("b", 3)))
    exclude(trial, Excluded.ROLE, "student", A)
    load = trial.sync(trial.write(B, pupils("b", 3), day=1))
    assert left_out(trial, load.id, B) == {}


@pytest.mark.parametrize(
    ("what", "pattern", "school", "code"),
    [
        (Excluded.LOGIN, " ", A, "exclusion.no_pattern"),
        (Excluded.PERSON, "*", "", "exclusion.everything"),
        (Excluded.CLASS, "11Я", A, "exclusion.no_class"),
    ],
)
def test_an_exclusion_that_makes_no_sense_is_refused(
    trial: Trial, what: Excluded, pattern: str, school: str, code: str
) -> None:
    trial.sync(trial.write(A, OTHERS))
    with pytest.raises(ExclusionProblem) as refused:
        exclude(trial, what, pattern, school)
    assert refused.value.code == code


def test_a_school_excludes_its_own_only_and_sees_no_other(trial: Trial) -> None:
    trial.sync(trial.write(A, OTHERS), trial.write(B, pupils("b", 3)))
    theirs = exclude(trial, Excluded.PERSON, trial.person_id(B, "b-1"))
    for what, pattern, school in (
        (Excluded.LOGIN, trial.known(B, "b-1").username, ""),
        (Excluded.CLASS, "8А", B),
    ):
        with pytest.raises(Forbidden):
            exclude(trial, what, pattern, school, SCHOOL)
    with pytest.raises(ExclusionProblem) as refused:
        exclude(trial, Excluded.COURSE, "course:*", "", SCHOOL)
    assert refused.value.code == "exclusion.no_school"
    with pytest.raises(Forbidden):
        end(trial, theirs, SCHOOL)
    with trial.rows() as session:
        assert excluding.listed(session, SCHOOL) == []


@on_both_databases
def test_only_the_school_that_speaks_for_a_shared_pupil_excludes_and_takes_back(
    trial: Trial,
) -> None:
    trial.sync(trial.write(A, OTHERS), trial.write(B, pupils("b", 3)))
    shared = trial.person_id(B, "b-1")
    with trial.rows() as session:
        put_on_roll(session, session.get_one(KnownUser, shared), A, confirmed=True)
    with trial.rows() as session:
        assert session.scalar(select(KnownUser).where(
            KnownUser.person_id == shared, SCHOOL.people()
        ))  # fmt: skip
    login = trial.known(B, "b-1").username
    for what, pattern in ((Excluded.PERSON, shared), (Excluded.LOGIN, login)):
        for school in ("", A):
            with pytest.raises(OtherSchoolProblem):
                exclude(trial, what, pattern, school, SCHOOL)
    assert trial.stored(select(Exclusion)) == []
    number = exclude(trial, Excluded.PERSON, shared, scope=SCHOOL_B)
    with pytest.raises(Forbidden):
        end(trial, number, SCHOOL)
    end(trial, number, SCHOOL_B)


def test_exclusions_are_audited_without_names_and_reasons(trial: Trial) -> None:
    trial.sync(trial.write(A, OTHERS))
    number = exclude(trial, Excluded.PERSON, trial.person_id(A, "a-1"))
    end(trial, number)
    of_exclusions = AuditEntry.action.in_(["exclusion.add", "exclusion.end"])
    entries = trial.stored(select(AuditEntry).where(of_exclusions).order_by(AuditEntry.id))
    assert [(one.action, one.school_code, one.details) for one in entries] == [
        ("exclusion.add", A, {"id": number, "what": "person"}),
        ("exclusion.end", A, {"id": number, "what": "person"}),
    ]
    assert trial.stored(select(SchoolPlan.left_out)) == [{}]
