"""Phases as people and applications meet them: at the form, at the switch, and afterwards."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from zoneinfo import ZoneInfo

import pytest

from auth.directory import Account
from auth.models import Method, SignIn
from auth.signin.phases import CITY, Exemption, Exemptions, Phase, Rule, Schedule, Target, Who
from tests.auth.conftest import OWN_PASSWORD, Portal, Visit
from tests.auth.people import PUPIL
from tests.relying_party import Browser

pytestmark = pytest.mark.parametrize("session_factory", ["sqlite"], indirect=True)

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
    linked: bool = False
    asked: int = 0

    def rule(self, phase: Phase, day: date, target: Target = CITY) -> None:
        self.rules.append(Rule(target=target, phase=phase, starts_on=day))

    def schedule(self) -> Schedule:
        return Schedule(
            default=self.default,
            rules=self.rules,
            zone=ZoneInfo("Europe/Moscow"),
            has_exemptions=bool(self.items),
        )

    def exemptions(self, account: Account) -> Exemptions:
        self.asked += 1
        return Exemptions(items=self.items, linked=self.linked)


@pytest.fixture
def phases(portal: Portal) -> KeptPhases:
    kept = KeptPhases()
    portal.change(phases=kept)
    return kept


def ends_soon(phases: KeptPhases) -> None:
    phases.rule(Phase.ESIA_ONLY, SWITCH)


def test_until_midnight_in_moscow_a_password_opens_and_from_then_on_it_does_not(
    portal: Portal, browser: Browser, pupil: Visit, phases: KeptPhases
) -> None:
    ends_soon(phases)
    portal.clock.forward(TO_MIDNIGHT - 1)
    assert "code" in pupil(portal.moodle().start().url).parameters
    portal.clock.forward(1)
    page = browser.open(portal.moodle().start().url)
    assert page.status == 403
    assert "только через Госуслуги" in page.text
    last = portal.events()[-1]
    assert (last.person_id, last.method, last.reason) == (PUPIL, "session", "method")


def test_what_an_application_got_ends_at_the_switch_too(
    portal: Portal, pupil: Visit, phases: KeptPhases
) -> None:
    ends_soon(phases)
    diary = portal.client("diary", scope="openid profile offline_access")
    portal.clock.forward(TO_MIDNIGHT - 30)
    tokens = diary.redeem(pupil(diary.start().url).parameters["code"]).json()
    late_code = pupil(diary.start().url).parameters["code"]
    assert diary.userinfo(tokens["access_token"]).status_code == 200
    portal.clock.forward(31)
    assert diary.userinfo(tokens["access_token"]).status_code == 401
    assert diary.redeem(late_code).json()["error"] == "invalid_grant"
    assert diary.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert diary.ask("introspection_endpoint", token=tokens["access_token"]).json() == {
        "active": False
    }


def test_a_sign_in_through_esia_goes_on_over_the_switch(
    portal: Portal, pupil: Visit, phases: KeptPhases
) -> None:
    ends_soon(phases)
    diary = portal.client("diary", scope="openid profile offline_access")
    portal.clock.forward(TO_MIDNIGHT - 30)
    pupil(portal.moodle().start().url)
    with portal.session_factory.begin() as db:
        db.query(SignIn).update({"method": Method.ESIA.value})
    tokens = diary.redeem(pupil(diary.start().url).parameters["code"]).json()
    portal.clock.forward(31)
    assert diary.userinfo(tokens["access_token"]).status_code == 200
    refreshed = diary.refresh(tokens["refresh_token"]).json()
    assert diary.userinfo(refreshed["access_token"]).status_code == 200
    assert "code" in pupil(diary.start().url).parameters


def test_a_wrong_password_does_not_tell_the_phase(
    portal: Portal, browser: Browser, pupil: Visit, phases: KeptPhases
) -> None:
    url = portal.moodle().start().url
    before = browser.sign_in(url, "1234p5678", "wrong")
    phases.rule(Phase.ESIA_ONLY, date(2026, 8, 1), Target(school_code="1001"))
    after = browser.sign_in(url, "1234p5678", "wrong")
    unknown = browser.sign_in(url, "1234p9999", "wrong")
    assert before.text == after.text
    assert after.text.replace("1234p5678", "1234p9999") == unknown.text
    assert {before.status, after.status, unknown.status} == {400}
    right = browser.sign_in(url, "1234p5678", OWN_PASSWORD)
    assert right.status == 403
    assert "Логин и пароль верные" in right.text


def test_whom_the_phase_refuses_is_not_signed_in(
    portal: Portal, browser: Browser, pupil: Visit, phases: KeptPhases
) -> None:
    phases.default = Phase.ESIA_ONLY
    phases.items = [Exemption(target=Target(school_code="another"))]
    page = pupil(portal.moodle().start().url)
    assert page.status == 403
    with portal.session_factory() as db:
        assert db.query(SignIn).count() == 0
    (event,) = portal.events()
    assert (event.method, event.reason, event.client_id) == ("password", "method", "moodle")


def test_a_first_password_opens_nothing_when_passwords_have_ended(
    portal: Portal, browser: Browser, phases: KeptPhases
) -> None:
    phases.default = Phase.ESIA_ONLY
    phases.items = [Exemption(target=Target(school_code="another"))]
    page = browser.sign_in(portal.moodle().start().url, "1234p5678", "05032014")
    assert page.status == 403
    assert "Придумайте пароль" not in page.text


def test_the_exempt_go_on_with_a_password(portal: Portal, pupil: Visit, phases: KeptPhases) -> None:
    phases.default = Phase.ESIA_ONLY
    phases.items = [Exemption(target=CITY, who=Who.UNDER_14)]
    code = pupil(portal.moodle().start().url).parameters["code"]
    assert portal.moodle().redeem(code).status_code == 200


def test_exemptions_are_asked_for_only_where_they_matter(
    portal: Portal, pupil: Visit, phases: KeptPhases
) -> None:
    code = pupil(portal.moodle().start().url).parameters["code"]
    portal.moodle().redeem(code)
    assert phases.asked == 0


def test_a_silent_request_is_refused_by_an_error(
    portal: Portal, browser: Browser, pupil: Visit, phases: KeptPhases
) -> None:
    pupil(portal.moodle().start().url)
    phases.default = Phase.ESIA_ONLY
    answer = browser.open(portal.moodle().start(prompt="none").url)
    assert answer.parameters["error"] == "access_denied"


def test_our_own_page_does_not_say_signed_in_when_it_opens_nothing(
    portal: Portal, browser: Browser, pupil: Visit, phases: KeptPhases
) -> None:
    page = pupil(f"{portal.issuer}/auth/")
    assert "Вы вошли" in page.text
    phases.default = Phase.ESIA_ONLY
    assert browser.open(f"{portal.issuer}/auth/").status == 403


@pytest.mark.parametrize(
    ("days_before", "says"),
    [(12, "Через 12 дней"), (3, "Через 3 дня"), (1, "Через 1 день"), (0, None)],
)
def test_the_sign_in_page_counts_the_days_down(
    portal: Portal, browser: Browser, phases: KeptPhases, days_before: int, says: str | None
) -> None:
    ends_soon(phases)
    phases.items = [Exemption(target=CITY, who=Who.UNDER_14)]
    portal.clock.forward((12 - days_before) * 86_400)
    text = browser.open(portal.moodle().start().url).text
    assert (
        (f"{says} входить можно будет только через Госуслуги" in text)
        if says
        else "Через" not in text
    )
    assert ("13 сентября 2026" in text) is bool(says)


def test_far_ahead_nothing_is_counted(portal: Portal, browser: Browser, phases: KeptPhases) -> None:
    phases.rule(Phase.ESIA_ONLY, date(2026, 10, 2))
    assert "Госуслуги" not in browser.open(portal.moodle().start().url).text
    portal.clock.forward(86_400)
    assert "Через 30 дней" in browser.open(portal.moodle().start().url).text


def test_what_is_ruled_for_one_class_is_told_to_its_pupils_only_after_the_sign_in(
    portal: Portal, browser: Browser, pupil: Visit, phases: KeptPhases
) -> None:
    phases.rule(Phase.ESIA_ONLY, SWITCH, Target(school_code="1001"))
    assert "Госуслуги" not in browser.open(portal.moodle().start().url).text
    assert "Через 12 дней" in pupil(f"{portal.issuer}/auth/").text


def test_the_exempt_are_not_frightened(portal: Portal, pupil: Visit, phases: KeptPhases) -> None:
    ends_soon(phases)
    phases.items = [Exemption(target=CITY, who=Who.UNDER_14)]
    assert "Госуслуги" not in pupil(f"{portal.issuer}/auth/").text


def test_when_passwords_open_nothing_for_anybody_none_is_asked_for(
    portal: Portal, browser: Browser, phases: KeptPhases
) -> None:
    url = portal.moodle().start().url
    assert 'name="password"' in browser.open(url).text
    phases.default = Phase.ESIA_ONLY
    assert 'name="password"' not in browser.open(url).text
    phases.rule(Phase.BOTH, date(2026, 8, 1), Target(school_code="1001", class_id="c"))
    assert 'name="password"' in browser.open(url).text
