"""Phases as people and applications meet them: at the form, at the switch, and afterwards."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest

from auth.directory import Account
from auth.models import Method, SignIn
from auth.signin.phases import CITY, Exemption, Exemptions, Phase, Rule, Schedule, Target, Who
from tests.auth.conftest import FIRST_PASSWORD, ON_SQLITE, OWN_PASSWORD, START, Person, Portal
from tests.auth.people import PUPIL
from tests.relying_party import Browser, RelyingParty

pytestmark = ON_SQLITE

SWITCH = date(2026, 9, 13)
"""Twelve days after ``START``."""

TO_MIDNIGHT = (timedelta(days=12) - timedelta(hours=11)).total_seconds()
"""Seconds from ``START``, eleven o'clock in Moscow, to the first moment of ``SWITCH``."""


@dataclass(kw_only=True)
class KeptPhases:
    """Rules and exemptions that a test changes; how often the latter were asked for."""

    rules: list[Rule] = field(default_factory=list)
    items: list[Exemption] = field(default_factory=list)
    default: Phase = Phase.BOTH
    asked: int = 0

    def rule(self, day: date, target: Target = CITY, phase: Phase = Phase.ESIA_ONLY) -> None:
        self.rules.append(Rule(target=target, phase=phase, starts_on=day))

    def end_passwords(self, *exempt: Exemption) -> None:
        """At once and for all but these."""
        self.default, self.items = Phase.ESIA_ONLY, [*exempt]

    def schedule(self) -> Schedule:
        return Schedule(
            default=self.default,
            rules=self.rules,
            zone=ZoneInfo("Europe/Moscow"),
            has_exemptions=bool(self.items),
        )

    def exemptions(self, account: Account) -> Exemptions:
        self.asked += 1
        return Exemptions(items=self.items)


@pytest.fixture
def phases(portal: Portal) -> KeptPhases:
    kept = KeptPhases()
    portal.change(phases=kept)
    return kept


UNDER_14 = Exemption(target=CITY, who=Who.UNDER_14)
OF_OTHERS = Exemption(target=Target(school_code="another"))
OWN_SCHOOL = Target(school_code="1001")


def test_until_midnight_in_moscow_a_password_opens_and_from_then_on_it_does_not(
    portal: Portal, moodle: RelyingParty, pupil: Person, phases: KeptPhases
) -> None:
    phases.rule(SWITCH)
    portal.clock.forward(TO_MIDNIGHT - 1)
    assert pupil.code(moodle)
    portal.clock.forward(1)
    page = pupil.visit(moodle)
    assert page.status == 403
    assert "только через Госуслуги" in page.text
    assert portal.told()[-1] == (PUPIL, "moodle", "session", "refused", "method")


def test_what_an_application_got_ends_at_the_switch_too(
    portal: Portal, diary: RelyingParty, pupil: Person, phases: KeptPhases
) -> None:
    phases.rule(SWITCH)
    portal.clock.forward(TO_MIDNIGHT - 30)
    tokens, late_code = pupil.tokens(diary), pupil.code(diary)
    assert diary.userinfo(tokens["access_token"]).status_code == 200
    portal.clock.forward(31)
    assert diary.userinfo(tokens["access_token"]).status_code == 401
    assert diary.redeem(late_code).json()["error"] == "invalid_grant"
    assert diary.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    told = diary.ask("introspection_endpoint", token=tokens["access_token"]).json()
    assert told == {"active": False}


def test_a_sign_in_through_esia_goes_on_over_the_switch(
    portal: Portal, moodle: RelyingParty, diary: RelyingParty, pupil: Person, phases: KeptPhases
) -> None:
    phases.rule(SWITCH)
    portal.clock.forward(TO_MIDNIGHT - 30)
    pupil.code(moodle)
    with portal.session_factory.begin() as db:
        db.query(SignIn).update({"method": Method.ESIA.value})
    tokens = pupil.tokens(diary)
    portal.clock.forward(31)
    assert diary.userinfo(tokens["access_token"]).status_code == 200
    refreshed = diary.refresh(tokens["refresh_token"]).json()
    assert diary.userinfo(refreshed["access_token"]).status_code == 200
    assert pupil.code(diary)


def test_a_wrong_password_does_not_tell_the_phase(
    moodle: RelyingParty, pupil: Person, phases: KeptPhases
) -> None:
    url = moodle.start().url
    before = pupil.sign_in(url, "1234p5678", "wrong")
    phases.rule(date(2026, 8, 1), OWN_SCHOOL)
    after = pupil.sign_in(url, "1234p5678", "wrong")
    unknown = pupil.sign_in(url, "1234p9999", "wrong")
    assert before.text == after.text
    assert after.text.replace("1234p5678", "1234p9999") == unknown.text
    assert {before.status, after.status, unknown.status} == {400}
    right = pupil.sign_in(url, "1234p5678", OWN_PASSWORD)
    assert right.status == 403
    assert "Логин и пароль верные" in right.text


def test_whom_the_phase_refuses_is_not_signed_in(
    portal: Portal, moodle: RelyingParty, pupil: Person, phases: KeptPhases
) -> None:
    phases.end_passwords(OF_OTHERS)
    assert pupil(moodle.start().url).status == 403
    with portal.session_factory() as db:
        assert db.query(SignIn).count() == 0
    assert portal.told() == [(PUPIL, "moodle", "password", "refused", "method")]


def test_a_first_password_opens_nothing_when_passwords_have_ended(
    moodle: RelyingParty, browser: Browser, phases: KeptPhases
) -> None:
    phases.end_passwords(OF_OTHERS)
    page = browser.sign_in(moodle.start().url, "1234p5678", FIRST_PASSWORD)
    assert page.status == 403
    assert "Придумайте пароль" not in page.text


def test_the_exempt_go_on_with_a_password(
    moodle: RelyingParty, pupil: Person, phases: KeptPhases
) -> None:
    phases.end_passwords(UNDER_14)
    assert pupil.tokens(moodle)["access_token"]


def test_exemptions_are_asked_for_only_where_they_matter(
    moodle: RelyingParty, pupil: Person, phases: KeptPhases
) -> None:
    assert pupil.tokens(moodle)["access_token"]
    assert phases.asked == 0


def test_a_silent_request_is_refused_by_an_error(
    moodle: RelyingParty, pupil: Person, phases: KeptPhases
) -> None:
    pupil.code(moodle)
    phases.end_passwords()
    assert pupil.visit(moodle, prompt="none").error == "access_denied"


def test_our_own_page_does_not_say_signed_in_when_it_opens_nothing(
    portal: Portal, pupil: Person, phases: KeptPhases
) -> None:
    page = pupil(f"{portal.issuer}/auth/")
    assert page.url == f"{portal.issuer}/auth/"
    assert "Вы вошли" in page.text
    phases.end_passwords()
    assert pupil.open(f"{portal.issuer}/auth/").status == 403


@pytest.mark.parametrize(
    ("days", "says"),
    [(21, "21 день"), (12, "12 дней"), (11, "11 дней"), (3, "3 дня"), (1, "1 день")],
)
def test_the_sign_in_page_counts_the_days_down(
    portal: Portal, moodle: RelyingParty, browser: Browser, phases: KeptPhases, days: int, says: str
) -> None:
    phases.rule(START.date() + timedelta(days=days))
    phases.items = [UNDER_14]
    text = browser.visit(moodle).text
    assert f"Через {says} входить можно будет только через Госуслуги" in text
    assert f"{days + 1} сентября 2026" in text
    portal.clock.forward(days=days)
    text = browser.visit(moodle).text
    assert "Через" not in text
    assert "сентября 2026" not in text


def test_far_ahead_nothing_is_counted(
    portal: Portal, moodle: RelyingParty, browser: Browser, phases: KeptPhases
) -> None:
    phases.rule(date(2026, 10, 2))
    assert "Госуслуги" not in browser.visit(moodle).text
    portal.clock.forward(86_400)
    assert "Через 30 дней" in browser.visit(moodle).text


def test_what_is_ruled_for_one_class_is_told_to_its_pupils_only_after_the_sign_in(
    portal: Portal, moodle: RelyingParty, pupil: Person, phases: KeptPhases
) -> None:
    phases.rule(SWITCH, OWN_SCHOOL)
    assert "Госуслуги" not in pupil.visit(moodle).text
    assert "Через 12 дней" in pupil(f"{portal.issuer}/auth/").text


def test_the_exempt_are_not_frightened(portal: Portal, pupil: Person, phases: KeptPhases) -> None:
    phases.rule(SWITCH)
    phases.items = [UNDER_14]
    assert "Госуслуги" not in pupil(f"{portal.issuer}/auth/").text


def test_when_passwords_open_nothing_for_anybody_none_is_asked_for(
    moodle: RelyingParty, browser: Browser, phases: KeptPhases
) -> None:
    assert 'name="password"' in browser.visit(moodle).text
    phases.end_passwords()
    assert 'name="password"' not in browser.visit(moodle).text
    phases.rule(date(2026, 8, 1), Target(school_code="1001", class_id="c"), Phase.BOTH)
    assert 'name="password"' in browser.visit(moodle).text
