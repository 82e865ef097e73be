"""Somebody comes back from an outside provider: who is let in at once, who is asked or refused."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import date, timedelta

import pytest

from auth.linking.links import link_by_evidence
from auth.linking.models import Evidence, PendingIdentity
from auth.models import digest
from auth.outside import OutsideIdentity
from tests.auth.conftest import Portal
from tests.auth.linking.conftest import OTHER_SNILS, SNILS, Door, heading, make_identity
from tests.auth.people import PUPIL, TEACHER, make_account, make_teacher
from tests.relying_party import Browser

ON_SQLITE = pytest.mark.parametrize("session_factory", ["sqlite"], indirect=True)
IN = "Вы вошли"
NOT_FOUND = "Мы не нашли вашу учётную запись"


def of_two_accounts(door: Door) -> OutsideIdentity:
    identity = make_identity()
    for person_id in (PUPIL, TEACHER):
        door.link(person_id, identity)
    return identity


@ON_SQLITE
def test_a_linked_identity_is_let_in(door: Door, browser: Browser) -> None:
    identity = make_identity(snils="", confirmed=False)
    door.link(PUPIL, identity)
    assert heading(browser.open(door.address(identity))) == IN


def test_the_snils_of_one_person_links_at_once_and_lets_in(door: Door, browser: Browser) -> None:
    door.pupil(PUPIL, snils=SNILS)
    assert heading(browser.open(door.address(make_identity()))) == IN
    assert door.links() == {PUPIL: "1000299353"}
    assert door.history() == [("linked", "snils", "")]
    assert heading(browser.open(door.address(make_identity()))) == IN
    assert len(door.history()) == 1


@ON_SQLITE
def test_the_application_gets_its_code_and_the_event_says_how(door: Door, browser: Browser) -> None:
    door.pupil(PUPIL, snils=SNILS)
    moodle = door.portal.moodle()
    start = moodle.start()
    back = browser.open(door.address(make_identity(), start.url))
    assert back.parameters["state"] == start.state
    tokens = moodle.redeem(back.parameters["code"], start).json()
    assert moodle.userinfo(tokens["access_token"]).json()["sub"] == PUPIL
    assert [(e.person_id, e.method, e.result) for e in door.portal.events()] == [
        (PUPIL, "esia", "allowed"),
        (PUPIL, "session", "allowed"),
    ]


@ON_SQLITE
def test_an_application_may_keep_the_sign_in_short(door: Door, browser: Browser) -> None:
    door.pupil(PUPIL, snils=SNILS)
    classroom = door.portal.client("classroom")
    browser.open(door.address(make_identity(), classroom.start().url))
    door.portal.clock.forward(601)
    page = browser.open(f"{door.portal.issuer}/auth/")
    assert page.url.endswith("/auth/login")


@ON_SQLITE
@pytest.mark.parametrize("differs", [{"family_name": "Новая"}, {"birth_date": date(2014, 3, 6)}])
def test_a_snils_under_another_name_or_birth_date_is_a_question(
    door: Door, browser: Browser, differs: dict[str, object]
) -> None:
    door.pupil(PUPIL, snils=SNILS)
    page = browser.open(door.address(make_identity(**differs)))
    assert heading(page) == NOT_FOUND
    assert door.links() == {}
    assert door.refusals() == [(None, "esia", "not_linked")]


@ON_SQLITE
def test_an_account_linked_to_another_identity_is_not_linked_again(
    door: Door, browser: Browser
) -> None:
    door.pupil(PUPIL, snils=SNILS)
    door.link(PUPIL, make_identity(subject="1"))
    assert heading(browser.open(door.address(make_identity()))) == NOT_FOUND
    assert door.links() == {PUPIL: "1"}


@ON_SQLITE
def test_an_equal_email_changes_nothing(door: Door, browser: Browser) -> None:
    """An identity has no e-mail at all, and a subject that is one means nothing."""
    assert not [name for name in OutsideIdentity.__dataclass_fields__ if "mail" in name]
    stranger = make_identity(
        subject=make_account().email, family_name="Иная", given_name="Особа", snils=""
    )
    assert heading(browser.open(door.address(stranger))) == NOT_FOUND
    assert door.links() == {}


@ON_SQLITE
def test_a_suspended_person_is_refused_before_any_sign_in(door: Door, browser: Browser) -> None:
    door.pupil(PUPIL, snils=SNILS, suspended=True)
    page = browser.open(door.address(make_identity(), door.portal.moodle().start().url))
    assert page.status == 403
    assert "отключена" in page.text
    assert door.refusals() == [(PUPIL, "esia", "suspended")]
    assert browser.open(f"{door.portal.issuer}/auth/").url.endswith("/auth/login")


@ON_SQLITE
def test_a_person_who_comes_back_finds_the_link(door: Door, browser: Browser) -> None:
    door.pupil(PUPIL, snils=SNILS)
    browser.open(door.address(make_identity()))
    door.pupil(PUPIL, suspended=True, snils="")
    assert browser.open(door.address(make_identity())).status == 403
    door.pupil(PUPIL, suspended=False, school_code="2001", family_name="Новая")
    assert heading(browser.open(door.address(make_identity()))) == IN


@ON_SQLITE
def test_an_application_for_teachers_refuses_a_pupil(door: Door, browser: Browser) -> None:
    door.pupil(PUPIL, snils=SNILS)
    page = browser.open(door.address(make_identity(), door.portal.journal().start().url))
    assert page.status == 403
    assert door.refusals() == [(PUPIL, "esia", "role")]


@ON_SQLITE
@pytest.mark.parametrize("application", [True, False])
def test_the_phase_may_refuse(start_portal: Callable[..., Portal], application: bool) -> None:
    portal = start_portal(phase="password_only")
    door = Door(portal=portal)
    portal.app.add_url_rule("/outside/<int:number>", view_func=door.callback)
    door.pupil(PUPIL, snils=SNILS)
    browser = Browser(portal.issuer)
    page = browser.open(
        door.address(make_identity(), portal.moodle().start().url if application else "")
    )
    browser.close()
    assert page.status == 403
    assert door.refusals() == [(PUPIL, "esia", "method")]


def test_two_arrivals_at_once_make_one_link_and_both_get_in(
    door: Door, browser: Browser, another_browser: Browser
) -> None:
    door.pupil(PUPIL, snils=SNILS)
    addresses = [door.address(make_identity()) for _ in range(2)]
    together = threading.Barrier(2)
    pages = []

    def arrive(which: Browser, address: str) -> None:
        together.wait()
        pages.append(which.open(address))

    threads = [
        threading.Thread(target=arrive, args=pair)
        for pair in zip((browser, another_browser), addresses, strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [heading(page) for page in pages] == [IN, IN]
    assert door.history() == [("linked", "snils", "")]


def test_of_two_identities_at_once_one_is_linked(door: Door) -> None:
    pupil, now = make_account(), door.portal.clock()
    factory = door.portal.session_factory
    first, second = make_identity(), make_identity(subject="2")
    assert link_by_evidence(factory, first, pupil, Evidence.SNILS, now)
    assert link_by_evidence(factory, first, pupil, Evidence.SNILS, now)
    assert not link_by_evidence(factory, second, pupil, Evidence.SNILS, now)
    assert door.links() == {PUPIL: first.subject}


@ON_SQLITE
def test_an_unconfirmed_account_is_told_how_to_become_one(door: Door, browser: Browser) -> None:
    door.pupil(PUPIL, snils=SNILS)
    page = browser.open(door.address(make_identity(confirmed=False)))
    assert heading(page) == "Учётная запись Госуслуг не подтверждена"
    school = browser.open(page.url.replace("/linking/?", "/linking/school?"))
    assert heading(school) == heading(page)
    assert door.links() == {}


@ON_SQLITE
def test_the_page_is_for_this_browser_alone_and_not_for_long(
    door: Door, browser: Browser, another_browser: Browser
) -> None:
    page = browser.open(door.address(make_identity()))
    assert heading(another_browser.open(page.url)) == "Начните заново"
    assert "Проверочный" not in another_browser.open(page.url).text
    door.portal.clock.forward(timedelta(minutes=30).total_seconds())
    assert heading(browser.open(page.url)) == "Начните заново"


@ON_SQLITE
def test_nothing_personal_stands_in_an_address_and_only_a_digest_of_the_key_is_kept(
    door: Door, browser: Browser
) -> None:
    page = browser.open(door.address(make_identity(), door.portal.moodle().start().url))
    assert set(page.parameters) == {"arrival"}
    with door.portal.session_factory() as db:
        assert db.get(PendingIdentity, digest(page.parameters["arrival"]))
        assert not db.get(PendingIdentity, page.parameters["arrival"])
    assert repr(make_identity()) == "OutsideIdentity(provider='esia')"


@ON_SQLITE
def test_a_person_with_two_accounts_chooses_and_is_not_asked_again(
    door: Door, browser: Browser, another_browser: Browser
) -> None:
    identity = of_two_accounts(door)
    journal = door.portal.journal()
    page = browser.open(door.address(identity, journal.start().url))
    assert heading(page) == "Под какой учётной записью войти?"
    assert "Ученик, класс 5А" in page.text
    refused = browser.submit(page, form_to="choose", person=PUPIL)
    assert refused.status == 403
    back = browser.submit(page, form_to="choose", person=TEACHER)
    assert "code" in back.parameters
    again = browser.open(door.address(identity, journal.start().url))
    assert "code" in again.parameters
    asked = another_browser.open(door.address(identity, journal.start().url))
    assert heading(asked) == heading(page)
    door.portal.clock.forward(timedelta(days=30).total_seconds())
    asked = browser.open(door.address(identity, journal.start().url))
    assert heading(asked) == heading(page)


@ON_SQLITE
def test_the_choice_can_be_changed(door: Door, browser: Browser) -> None:
    identity = of_two_accounts(door)
    page = browser.open(door.address(identity))
    home = browser.submit(page, form_to="choose", person=PUPIL)
    assert heading(home) == IN
    login = browser.submit(home, form_to="other")
    assert login.url.endswith("/auth/login")
    assert heading(browser.open(door.address(identity))) == heading(page)


@ON_SQLITE
def test_nobody_is_chosen_who_is_not_linked(door: Door, browser: Browser) -> None:
    identity = of_two_accounts(door)
    door.portal.people.add(make_teacher(person_id="p-3", username="1111p1111"))
    page = browser.open(door.address(identity))
    assert heading(browser.submit(page, form_to="choose", person="p-3")) == heading(page)
    assert heading(browser.submit(page, form_to="choose", person=PUPIL, form_token="")) != IN


@ON_SQLITE
def test_a_choice_that_an_application_refuses_is_asked_again(door: Door, browser: Browser) -> None:
    identity = of_two_accounts(door)
    page = browser.open(door.address(identity))
    browser.submit(page, form_to="choose", person=PUPIL)
    asked = browser.open(door.address(identity, door.portal.journal().start().url))
    assert heading(asked) == heading(page)


@ON_SQLITE
def test_another_snils_in_the_record_is_a_question(door: Door, browser: Browser) -> None:
    door.pupil(PUPIL, snils=OTHER_SNILS)
    assert heading(browser.open(door.address(make_identity()))) == NOT_FOUND
