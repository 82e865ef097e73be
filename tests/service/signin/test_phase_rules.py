"""Operators set phases and exemptions inside their part of the city, and it is written down."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from auth.settings import AuthSettings
from auth.signin.phases import CITY, Phase, Target, Who
from auth.upstream.settings import OidcUpstream, UpstreamSettings
from service.access import Forbidden, Scope
from service.models import AuditEntry, OperatorRole, PhaseExemption, PhaseRule
from service.settings import Settings
from service.signin import phase_rules
from service.signin.phase_rules import PhaseProblem, PhaseRules
from tests.service.coverage_city import add_school
from tests.service.slip_factories import NOW, add_person

TODAY = date(2026, 10, 6)
OF_CITY = Scope(actor="anna", role=OperatorRole.CITY)
OF_DISTRICT = Scope(actor="boris", role=OperatorRole.DISTRICT, items=frozenset({"Невский"}))
OF_SCHOOL = Scope(actor="vera", role=OperatorRole.SCHOOL, items=frozenset({"1"}))

SCHOOL = Target(school_code="1")
CLASS = Target(school_code="1", class_id="c-8a")
PUPILS = Target(school_code="1", role="student")
DISTRICT = Target(district="Невский")
OTHER_DISTRICT = Target(district="Другой")
OTHER_SCHOOL = Target(school_code="2")


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    gateway = OidcUpstream(
        key="gateway", issuer="https://gateway.example", client_id="portal", client_secret="secret"
    )
    return Settings(home=tmp_path, upstream=UpstreamSettings(oidc=(gateway,)))


@pytest.fixture
def free(settings: Settings) -> Settings:
    """Schools may set phases."""
    return replace(settings, auth=AuthSettings(schools_set_phases=True))


@pytest.fixture(autouse=True)
def city(session: Session) -> None:
    add_school(session, "1", district="Невский")
    add_school(session, "2", district="Другой")
    add_person(session, "a", "1")
    add_person(session, "b", "2")


def rules(session: Session, settings: Settings, scope: Scope = OF_CITY) -> PhaseRules:
    return PhaseRules(session=session, settings=settings, scope=scope, now=NOW, today=TODAY)


def set_phase(
    session: Session, settings: Settings, scope: Scope = OF_CITY, **changes: Any
) -> PhaseRule:
    values = {"target": CITY, "phase": Phase.ESIA_ONLY, "starts_on": TODAY + timedelta(days=9)}
    return rules(session, settings, scope).set_phase(**values | changes)


def exempt(
    session: Session, settings: Settings, scope: Scope = OF_CITY, **changes: Any
) -> PhaseExemption:
    return rules(session, settings, scope).add_exemption(**{"reason": "нет телефона"} | changes)


def audit(session: Session) -> list[tuple[str, str, dict[str, Any]]]:
    entries = session.scalars(select(AuditEntry).order_by(AuditEntry.id))
    return [(entry.actor, entry.action, entry.details) for entry in entries]


@pytest.mark.parametrize(
    ("scope", "target", "allowed"),
    [
        (OF_CITY, CITY, True),
        (OF_CITY, Target(role="teacher"), True),
        (OF_CITY, OTHER_DISTRICT, True),
        (OF_CITY, CLASS, True),
        (OF_CITY, Target(school_code="no such"), False),
        (OF_DISTRICT, CITY, False),
        (OF_DISTRICT, Target(role="teacher"), False),
        (OF_DISTRICT, DISTRICT, True),
        (OF_DISTRICT, SCHOOL, True),
        (OF_DISTRICT, CLASS, True),
        (OF_DISTRICT, OTHER_DISTRICT, False),
        (OF_DISTRICT, OTHER_SCHOOL, False),
        (OF_SCHOOL, CITY, False),
        (OF_SCHOOL, DISTRICT, False),
        (OF_SCHOOL, SCHOOL, False),
        (OF_SCHOOL, CLASS, False),
        (OF_SCHOOL, PUPILS, False),
    ],
)
def test_an_operator_rules_inside_the_scope_alone(
    session: Session, settings: Settings, scope: Scope, target: Target, allowed: bool
) -> None:
    if allowed:
        assert set_phase(session, settings, scope, target=target).target == target
    else:
        with pytest.raises(Forbidden):
            set_phase(session, settings, scope, target=target)
        assert audit(session) == []


@pytest.mark.parametrize(
    ("target", "allowed"),
    [
        (CLASS, True),
        (PUPILS, True),
        (SCHOOL, False),
        (DISTRICT, False),
        (Target(school_code="2", role="student"), False),
    ],
)
def test_a_school_rules_its_classes_and_roles_where_the_settings_allow_it(
    session: Session, free: Settings, target: Target, allowed: bool
) -> None:
    if allowed:
        set_phase(session, free, OF_SCHOOL, target=target)
    else:
        with pytest.raises(Forbidden):
            set_phase(session, free, OF_SCHOOL, target=target)


def test_esia_only_needs_a_way_to_esia(session: Session, settings: Settings) -> None:
    without = replace(settings, upstream=UpstreamSettings())
    with pytest.raises(PhaseProblem) as refused:
        set_phase(session, without)
    assert refused.value.code == "phase.no_upstream"
    set_phase(session, without, phase=Phase.BOTH)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"starts_on": TODAY - timedelta(days=1)}, "phase.past"),
        ({"target": Target(district="Неведомый")}, "phase.no_district"),
    ],
)
def test_what_makes_no_sense_is_refused(
    session: Session, settings: Settings, changes: dict[str, Any], why: str
) -> None:
    with pytest.raises(PhaseProblem) as refused:
        set_phase(session, settings, **changes)
    assert refused.value.code == why


def test_two_rules_for_the_same_people_on_one_day_are_refused(
    session: Session, settings: Settings
) -> None:
    set_phase(session, settings)
    with pytest.raises(PhaseProblem) as refused:
        set_phase(session, settings, phase=Phase.BOTH)
    assert refused.value.code == "phase.taken"
    set_phase(session, settings, target=SCHOOL)


def test_a_phase_is_moved_and_removed_and_each_step_is_written_down(
    session: Session, settings: Settings
) -> None:
    rule = set_phase(session, settings, target=CLASS)
    later = TODAY + timedelta(days=30)
    rules(session, settings).move_phase(rule.id, starts_on=later)
    assert rule.starts_on == later
    rules(session, settings, OF_DISTRICT).remove_phase(rule.id)
    session.flush()
    assert session.scalars(select(PhaseRule)).all() == []
    place = {"id": rule.id, "class_id": "c-8a", "phase": "esia_only"}
    assert audit(session) == [
        ("anna", "phase.set", {**place, "starts_on": "2026-10-15"}),
        ("anna", "phase.move", {**place, "from": "2026-10-15", "to": "2026-11-05"}),
        ("boris", "phase.remove", {**place, "starts_on": "2026-11-05"}),
    ]


def test_a_phase_moved_to_its_own_day_stays_and_nothing_is_written_down(
    session: Session, settings: Settings
) -> None:
    rule = set_phase(session, settings)
    rules(session, settings).move_phase(rule.id, starts_on=rule.starts_on)
    assert [action for _actor, action, _details in audit(session)] == ["phase.set"]


def test_a_phase_that_has_begun_is_not_moved(session: Session, settings: Settings) -> None:
    rule = set_phase(session, settings, starts_on=TODAY)
    with pytest.raises(PhaseProblem) as refused:
        rules(session, settings).move_phase(rule.id, starts_on=TODAY + timedelta(days=3))
    assert refused.value.code == "phase.past"


def test_others_rules_can_be_neither_moved_nor_removed(
    session: Session, settings: Settings
) -> None:
    foreign = set_phase(session, settings, target=OTHER_SCHOOL)
    of_city = set_phase(session, settings)
    for rule in (foreign, of_city):
        with pytest.raises(Forbidden):
            rules(session, settings, OF_DISTRICT).remove_phase(rule.id)
    with pytest.raises(Forbidden):
        rules(session, settings, OF_CITY).remove_phase(999_999)


def test_operators_see_what_concerns_their_people(session: Session, settings: Settings) -> None:
    for target in (CITY, DISTRICT, CLASS, OTHER_DISTRICT, OTHER_SCHOOL):
        set_phase(session, settings, target=target)
    seen = {scope.actor: {row.target for row in phase_rules.rules(session, scope)}
            for scope in (OF_CITY, OF_DISTRICT, OF_SCHOOL)}  # fmt: skip
    assert len(seen["anna"]) == 5
    assert seen["boris"] == seen["vera"] == {CITY, DISTRICT, CLASS}


def test_a_person_is_exempted_by_login_with_a_reason(session: Session, settings: Settings) -> None:
    row = exempt(session, settings, OF_DISTRICT, login="48pa", until=TODAY)
    assert (row.person_id, row.school_code, row.reason) == ("a", "1", "нет телефона")
    ((_actor, action, details),) = audit(session)
    assert action == "exemption.add"
    assert details == {"id": row.id, "person_id": "a", "who": "all", "until": "2026-10-06"}
    assert session.scalars(select(AuditEntry.school_code)).one() == "1"
    ((shown, person),) = phase_rules.exemptions(session, OF_SCHOOL)
    assert (shown.id, person.username if person else "") == (row.id, "48pa")


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"reason": "  ", "target": CLASS}, "phase.no_reason"),
        ({"target": CITY}, "phase.too_wide"),
        ({"target": SCHOOL}, "phase.too_wide"),
        ({"target": CLASS, "until": TODAY - timedelta(days=1)}, "phase.past"),
    ],
)
def test_an_exemption_that_makes_no_sense_is_refused(
    session: Session, settings: Settings, changes: dict[str, Any], why: str
) -> None:
    with pytest.raises(PhaseProblem) as refused:
        exempt(session, settings, **changes)
    assert refused.value.code == why


def test_exemptions_by_rule_may_be_for_the_whole_city(session: Session, settings: Settings) -> None:
    for who in (Who.UNDER_14, Who.STAFF_WITHOUT_ESIA):
        exempt(session, settings, who=who)
    exempt(session, settings, target=Target(role="teacher"))
    with pytest.raises(Forbidden):
        exempt(session, settings, OF_DISTRICT, who=Who.UNDER_14)


def test_nobody_exempts_people_of_others(
    session: Session, settings: Settings, free: Settings
) -> None:
    with pytest.raises(Forbidden):
        exempt(session, settings, OF_DISTRICT, login="48pb")
    with pytest.raises(Forbidden):
        exempt(session, settings, OF_SCHOOL, login="48pa")
    own = exempt(session, free, OF_SCHOOL, login="48pa")
    with pytest.raises(Forbidden):
        rules(session, settings, OF_SCHOOL).remove_exemption(own.id)
    rules(session, free, OF_SCHOOL).remove_exemption(own.id)
    session.flush()
    assert phase_rules.exemptions(session, OF_CITY) == []
    assert [action for _actor, action, _details in audit(session)][-1] == "exemption.remove"


def test_a_class_is_found_by_its_title(session: Session) -> None:
    found = [
        phase_rules.find_target(session, district="", school_code="1", class_name=name, role="")
        for name in ("8А", "c-8a")
    ]
    assert found == [CLASS, CLASS]
    with pytest.raises(PhaseProblem) as refused:
        phase_rules.find_target(session, district="", school_code="1", class_name="9Я", role="")
    assert refused.value.code == "phase.no_class"


@pytest.mark.parametrize(
    "place",
    [
        {"district": "Невский", "school_code": "1"},
        {"class_name": "8А"},
        {"school_code": "1", "class_name": "8А", "role": "student"},
    ],
)
def test_a_place_that_contradicts_itself_is_refused(
    session: Session, place: dict[str, str]
) -> None:
    empty = {"district": "", "school_code": "", "class_name": "", "role": ""}
    with pytest.raises(PhaseProblem) as refused:
        phase_rules.find_target(session, **empty | place)
    assert refused.value.code == "phase.no_sense"
