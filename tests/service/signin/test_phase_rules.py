"""Operators set phases and exemptions inside their part of the city, and it is written down."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
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
from tests.service.factories import NOW, add_known_person, add_school

TODAY = date(2026, 10, 6)
OF_CITY = Scope(actor="anna", role=OperatorRole.CITY)
OF_DISTRICT = Scope(actor="boris", role=OperatorRole.DISTRICT, items=frozenset({"Невский"}))
OF_SCHOOL = Scope(actor="vera", role=OperatorRole.SCHOOL, items=frozenset({"1"}))

SCHOOL = Target(school_code="1")
CLASS = Target(school_code="1", class_id="c-8a")
PUPILS = Target(school_code="1", role="student")
TEACHERS = Target(role="teacher")
DISTRICT = Target(district="Невский")
OTHER_DISTRICT = Target(district="Другой")
OTHER_SCHOOL = Target(school_code="2")


@dataclass(kw_only=True)
class City:
    """Of two schools, and what its operators do."""

    session: Session
    settings: Settings

    def rules(self, scope: Scope = OF_CITY) -> PhaseRules:
        return PhaseRules(
            session=self.session, settings=self.settings, scope=scope, now=NOW, today=TODAY
        )

    def set_phase(self, scope: Scope = OF_CITY, **changes: Any) -> PhaseRule:
        values = {"target": CITY, "phase": Phase.ESIA_ONLY, "starts_on": TODAY + timedelta(days=9)}
        return self.rules(scope).set_phase(**values | changes)

    def may_rule(self, scope: Scope, target: Target) -> bool:
        try:
            return self.set_phase(scope, target=target).target == target
        except Forbidden:
            return False

    def exempt(self, scope: Scope = OF_CITY, **changes: Any) -> PhaseExemption:
        return self.rules(scope).add_exemption(**{"reason": "нет телефона"} | changes)

    def audit(self) -> list[tuple[str, str, dict[str, Any]]]:
        entries = self.session.scalars(select(AuditEntry).order_by(AuditEntry.id))
        return [(entry.actor, entry.action, entry.details) for entry in entries]

    @property
    def acts(self) -> list[str]:
        return [action for _actor, action, _details in self.audit()]


@pytest.fixture
def city(session: Session, tmp_path: Path) -> City:
    add_school(session, "1", district="Невский")
    add_school(session, "2", district="Другой")
    add_known_person(session, "a", "1")
    add_known_person(session, "b", "2")
    gateway = OidcUpstream(
        key="gateway", issuer="https://gateway.example", client_id="portal", client_secret="secret"
    )
    settings = Settings(home=tmp_path, upstream=UpstreamSettings(oidc=(gateway,)))
    return City(session=session, settings=settings)


@pytest.fixture
def free(city: City) -> City:
    """The same where schools may set phases."""
    settings = replace(city.settings, auth=AuthSettings(schools_set_phases=True))
    return replace(city, settings=settings)


@contextmanager
def refused(code: str) -> Iterator[None]:
    with pytest.raises(PhaseProblem) as problem:
        yield
    assert problem.value.code == code


@pytest.mark.parametrize(
    ("scope", "target", "allowed"),
    [
        (OF_CITY, CITY, True),
        (OF_CITY, TEACHERS, True),
        (OF_CITY, OTHER_DISTRICT, True),
        (OF_CITY, CLASS, True),
        (OF_CITY, Target(school_code="no such"), False),
        (OF_DISTRICT, CITY, False),
        (OF_DISTRICT, TEACHERS, False),
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
    city: City, scope: Scope, target: Target, allowed: bool
) -> None:
    assert city.may_rule(scope, target) is allowed
    assert city.acts == ["phase.set"] * allowed


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
def test_a_school_rules_its_classes_and_roles_alone_where_the_settings_allow_it(
    free: City, target: Target, allowed: bool
) -> None:
    assert free.may_rule(OF_SCHOOL, target) is allowed


def test_esia_only_needs_a_way_to_esia(city: City) -> None:
    city.settings = replace(city.settings, upstream=UpstreamSettings())
    with refused("phase.no_upstream"):
        city.set_phase()
    city.set_phase(phase=Phase.BOTH)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"starts_on": TODAY - timedelta(days=1)}, "phase.past"),
        ({"target": Target(district="Неведомый")}, "phase.no_district"),
    ],
)
def test_what_makes_no_sense_is_refused(city: City, changes: dict[str, Any], why: str) -> None:
    with refused(why):
        city.set_phase(**changes)


def test_two_rules_for_the_same_people_on_one_day_are_refused(city: City) -> None:
    city.set_phase()
    with refused("phase.taken"):
        city.set_phase(phase=Phase.BOTH)
    city.set_phase(target=SCHOOL)


def test_a_phase_is_moved_and_removed_and_each_step_is_written_down(city: City) -> None:
    rule = city.set_phase(target=CLASS)
    later = TODAY + timedelta(days=30)
    city.rules().move_phase(rule.id, starts_on=later)
    assert rule.starts_on == later
    city.rules(OF_DISTRICT).remove_phase(rule.id)
    city.session.flush()
    assert city.session.scalars(select(PhaseRule)).all() == []
    place = {"id": rule.id, "class_id": "c-8a", "phase": "esia_only"}
    assert city.audit() == [
        ("anna", "phase.set", {**place, "starts_on": "2026-10-15"}),
        ("anna", "phase.move", {**place, "from": "2026-10-15", "to": "2026-11-05"}),
        ("boris", "phase.remove", {**place, "starts_on": "2026-11-05"}),
    ]


def test_a_phase_moved_to_its_own_day_stays_and_nothing_is_written_down(city: City) -> None:
    rule = city.set_phase()
    city.rules().move_phase(rule.id, starts_on=rule.starts_on)
    assert city.acts == ["phase.set"]


def test_a_phase_that_has_begun_is_not_moved(city: City) -> None:
    rule = city.set_phase(starts_on=TODAY)
    with refused("phase.past"):
        city.rules().move_phase(rule.id, starts_on=TODAY + timedelta(days=3))


def test_others_rules_can_be_neither_moved_nor_removed(city: City) -> None:
    rules = [city.set_phase(target=OTHER_SCHOOL).id, city.set_phase().id]
    for scope, number in ((OF_DISTRICT, rules[0]), (OF_DISTRICT, rules[1]), (OF_CITY, 999_999)):
        with pytest.raises(Forbidden):
            city.rules(scope).remove_phase(number)


def test_operators_see_what_concerns_their_people(city: City) -> None:
    for target in (CITY, DISTRICT, CLASS, OTHER_DISTRICT, OTHER_SCHOOL):
        city.set_phase(target=target)
    seen = {
        scope.actor: {row.target for row in phase_rules.rules(city.session, scope)}
        for scope in (OF_CITY, OF_DISTRICT, OF_SCHOOL)
    }
    assert len(seen["anna"]) == 5
    assert seen["boris"] == seen["vera"] == {CITY, DISTRICT, CLASS}


def test_a_person_is_exempted_by_login_with_a_reason(city: City) -> None:
    row = city.exempt(OF_DISTRICT, login="48pa", until=TODAY)
    assert (row.person_id, row.school_code, row.reason) == ("a", "1", "нет телефона")
    details = {"id": row.id, "person_id": "a", "who": "all", "until": "2026-10-06"}
    assert city.audit() == [("boris", "exemption.add", details)]
    assert city.session.scalars(select(AuditEntry.school_code)).one() == "1"
    ((shown, person),) = phase_rules.exemptions(city.session, OF_SCHOOL)
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
    city: City, changes: dict[str, Any], why: str
) -> None:
    with refused(why):
        city.exempt(**changes)


def test_exemptions_by_rule_may_be_for_the_whole_city(city: City) -> None:
    for who in (Who.UNDER_14, Who.STAFF_WITHOUT_ESIA):
        city.exempt(who=who)
    city.exempt(target=TEACHERS)
    with pytest.raises(Forbidden):
        city.exempt(OF_DISTRICT, who=Who.UNDER_14)


def test_nobody_exempts_people_of_others(city: City, free: City) -> None:
    for scope, login in ((OF_DISTRICT, "48pb"), (OF_SCHOOL, "48pa")):
        with pytest.raises(Forbidden):
            city.exempt(scope, login=login)
    own = free.exempt(OF_SCHOOL, login="48pa")
    with pytest.raises(Forbidden):
        city.rules(OF_SCHOOL).remove_exemption(own.id)
    free.rules(OF_SCHOOL).remove_exemption(own.id)
    city.session.flush()
    assert phase_rules.exemptions(city.session, OF_CITY) == []
    assert city.acts[-1] == "exemption.remove"


EMPTY = {"district": "", "school_code": "", "class_name": "", "role": ""}


@pytest.mark.parametrize("name", ["8А", "c-8a"])
def test_a_class_is_found_by_its_title_or_identifier(city: City, name: str) -> None:
    place = EMPTY | {"school_code": "1", "class_name": name}
    assert phase_rules.find_target(city.session, **place) == CLASS


@pytest.mark.parametrize(
    ("place", "why"),
    [
        ({"school_code": "1", "class_name": "9Я"}, "phase.no_class"),
        ({"district": "Невский", "school_code": "1"}, "phase.no_sense"),
        ({"class_name": "8А"}, "phase.no_sense"),
        ({"school_code": "1", "class_name": "8А", "role": "student"}, "phase.no_sense"),
    ],
)
def test_a_place_that_is_not_there_or_contradicts_itself_is_refused(
    city: City, place: dict[str, str], why: str
) -> None:
    with refused(why):
        phase_rules.find_target(city.session, **EMPTY | place)
