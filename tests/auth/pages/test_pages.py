"""What people see: the sign-in form, the own password, signing out, languages and safety."""

from __future__ import annotations

import re
from urllib.parse import urljoin

import lxml.html
import pytest
import requests

from auth.models import Credential
from auth.signin.passwords import own_password_hash
from tests.auth.conftest import FIRST_PASSWORD as FIRST
from tests.auth.conftest import OWN_PASSWORD as OWN
from tests.auth.conftest import START, Person, Portal, StartPortal, with_settings
from tests.auth.people import PUPIL
from tests.relying_party import Browser, Page, RelyingParty


@pytest.fixture
def url(moodle: RelyingParty) -> str:
    """Of Moodle's button to sign in."""
    return moodle.start().url


@pytest.fixture
def choice(url: str, browser: Browser) -> Page:
    """The page on which the pupil, signed in with the first password, chooses an own one."""
    return browser.sign_in(url, "1234p5678", FIRST)


def problem(page: Page) -> str:
    found = re.search(r'role="alert"[^>]*>(.*?)</p>', page.text, re.DOTALL)
    return found[1].strip() if found else ""


def test_a_wrong_login_and_a_wrong_password_look_the_same(
    portal: Portal, url: str, browser: Browser
) -> None:
    wrong_password = browser.sign_in(url, "1234p5678", "05032015")
    wrong_login = browser.sign_in(url, "1234p5679", FIRST)

    assert problem(wrong_password) == problem(wrong_login) != ""
    assert wrong_password.text.replace("1234p5678", "1234p5679") == wrong_login.text
    assert [(e.person_id, e.reason, e.client_id) for e in portal.events()] == [
        (PUPIL, "wrong_password", "moodle"),
        (None, "unknown_username", "moodle"),
    ]


def test_the_first_password_leads_to_an_own_one_and_is_gone_then(
    portal: Portal, url: str, choice: Page, browser: Browser, another_browser: Browser
) -> None:
    assert "Придумайте пароль" in choice.text
    assert browser.open(url).url.startswith(f"{portal.issuer}/auth/set-password?")
    assert browser.submit(choice, password=OWN, repeated=OWN).code
    assert problem(another_browser.sign_in(url, "1234p5678", FIRST))
    assert another_browser.sign_in(url, "1234p5678", OWN).code


@pytest.mark.parametrize(
    ("password", "repeated", "says"),
    [
        ("кратко", "кратко", "слишком короткий"),
        ("72635142", "72635142", "только цифры"),
        (FIRST, FIRST, "первый пароль"),
        ("05.03.2014", "05.03.2014", "Дату рождения"),
        ("x1234P5678", "x1234P5678", "ваш логин"),
        ("qwerty123", "qwerty123", "пользуются многие"),
        (OWN, OWN + "а", "не совпадают"),
    ],
)
def test_a_weak_own_password_is_refused_in_plain_words(
    browser: Browser, choice: Page, password: str, repeated: str, says: str
) -> None:
    page = browser.submit(choice, password=password, repeated=repeated)
    assert says in problem(page)
    assert password not in page.text
    assert browser.submit(page, password=OWN, repeated=OWN).code


def test_of_two_browsers_with_the_first_password_one_sets_the_own_one(
    url: str, choice: Page, browser: Browser, another_browser: Browser
) -> None:
    others_choice = another_browser.sign_in(url, "1234p5678", FIRST)
    assert browser.submit(choice, password=OWN, repeated=OWN).code
    late = another_browser.submit(others_choice, password="другой жираф", repeated="другой жираф")
    assert late.asks_who
    assert problem(another_browser.sign_in(url, "1234p5678", "другой жираф"))


def test_a_first_password_typed_just_before_the_own_one_was_set_leads_to_the_sign_in_again(
    portal: Portal, browser: Browser, choice: Page
) -> None:
    with portal.session_factory.begin() as db:
        db.add(Credential(person_id=PUPIL, password_hash="of another browser", changed_at=START))
    assert browser.submit(choice, password=OWN, repeated=OWN).asks_who


def test_a_form_from_another_site_sets_nobodys_password(
    portal: Portal, browser: Browser, choice: Page
) -> None:
    forged = browser.submit(choice, password=OWN, repeated=OWN, form_token="0" * 64)
    assert "слишком долго" in problem(forged)
    assert own_password_hash(portal.session_factory, PUPIL) is None


def test_an_unknown_client_in_the_address_is_not_kept(portal: Portal, browser: Browser) -> None:
    browser.sign_in(f"{portal.issuer}/auth/login?client_id={'x' * 300}", "1234p5678", "wrong")
    assert [event.client_id for event in portal.events()] == [""]


def test_the_page_for_an_own_password_is_not_open_to_others(
    portal: Portal, url: str, pupil: Person
) -> None:
    address = f"{portal.issuer}/auth/set-password"
    assert pupil.open(address).url == f"{portal.issuer}/auth/login"
    pupil(url)
    assert pupil.open(address).url == f"{portal.issuer}/auth/"


def test_a_form_from_another_site_signs_nobody_in(portal: Portal, browser: Browser) -> None:
    address = f"{portal.issuer}/auth/login"
    form = {"username": "1234p5678", "password": FIRST}
    own = browser.open(address)
    for form_token in (None, "", "0" * 64, "ü"):
        answer = browser.session.post(
            address, data=form | {"form_token": form_token}, allow_redirects=False, timeout=60
        )
        assert answer.status_code == 400
    without_cookie = requests.post(address, data=form, allow_redirects=False, timeout=60)
    assert without_cookie.status_code == 400
    assert "cookie" in problem(Page(url=address, text=without_cookie.text))
    assert portal.events() == []
    assert "Придумайте" in browser.submit(own, username="1234p5678", password=FIRST).text


def test_a_cookie_planted_before_signing_in_is_worth_nothing(
    url: str, another_browser: Browser, pupil: Person
) -> None:
    for one in (pupil, another_browser):
        one.session.cookies.set("signin", "planted", domain="127.0.0.1")
    assert pupil(url).code
    assert another_browser.open(url).is_ours


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(portal: Portal) -> None:
    answer = requests.get(f"{portal.issuer}/auth/login", timeout=60)
    cookie = answer.headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))


def test_behind_https_the_cookie_is_secure_and_bound_to_the_host(start_portal: StartPortal) -> None:
    portal = start_portal(issuer="https://login.example")
    with portal.app.test_client() as client:
        cookie = client.get("/auth/login").headers["Set-Cookie"]
    assert cookie.startswith("__Host-signin=")
    assert "Secure" in cookie.split("; ")


def test_pages_stay_out_of_frames_caches_and_referrers_and_run_no_scripts(
    portal: Portal, browser: Browser, choice: Page
) -> None:
    browser.submit(choice, password=OWN, repeated=OWN)
    consent = browser.visit(portal.client("canteen"))
    paths = ("login?client_id=moodle", "logout", "authorize?client_id=moodle")
    for page in (choice, consent, *(browser.open(f"{portal.issuer}/auth/{one}") for one in paths)):
        policy = page.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "script-src" not in policy
        assert ("https://moodle.example" in policy) == ("client_id=moodle" in page.url)
        assert page.headers["X-Frame-Options"] == "DENY"
        assert page.headers["Cache-Control"] == "no-store"
        assert page.headers["Referrer-Policy"] == "same-origin"
        assert "<script" not in page.text
        assert 'src="http' not in page.text


def test_what_was_typed_is_shown_as_text(portal: Portal, browser: Browser) -> None:
    page = browser.sign_in(f"{portal.issuer}/auth/login", '"><script>', "x")
    assert "<script" not in page.text


def test_russian_comes_first_and_english_on_wish(portal: Portal, browser: Browser) -> None:
    address = f"{portal.issuer}/auth/login"
    assert "Войти" in browser.open(address).text
    assert "Sign in" in browser.open(f"{address}?ui_locales=en-GB").text
    assert "Войти" in browser.open(f"{address}?ui_locales=fr+ru").text
    browser.session.headers["Accept-Language"] = "en-US,en;q=0.9"
    assert "Войти" in browser.open(address).text, "nobody chose the language of a browser"


def test_the_chosen_language_lasts_through_the_whole_sign_in(
    moodle: RelyingParty, browser: Browser
) -> None:
    page = browser.sign_in(moodle.start(ui_locales="en").url, "1234p5678", FIRST)
    assert "Choose a password" in page.text


def test_a_sign_in_that_leaves_nothing_to_ask_is_answered_with_the_code(
    moodle: RelyingParty, pupil: Person
) -> None:
    pupil.code(moodle)
    planted = pupil.session.cookies["signin"]
    start = moodle.start(prompt="login", max_age="0")
    page = pupil.open(start.url)
    assert page.url == start.url, "the sign-in page comes without a redirect"
    (form,) = lxml.html.fromstring(page.text).forms
    answer = pupil.session.post(
        urljoin(page.url, form.action),
        data=dict(form.form_values()) | {"username": "1234p5678", "password": OWN},
        allow_redirects=False,
        timeout=60,
    )
    assert answer.status_code == 303, "the pupil must not post the password on"
    back = Page(url=answer.headers["Location"])
    assert back.url.startswith("https://moodle.example/")
    assert set(back.parameters) == {"code", "state", "iss"}
    assert back.parameters["state"] == start.state
    assert pupil.session.cookies["signin"] != planted


def test_signing_out_asks_first_and_ends_the_session(
    portal: Portal, url: str, pupil: Person
) -> None:
    pupil(url)
    cookie = pupil.session.cookies["signin"]
    asked = pupil.open(f"{portal.issuer}/auth/logout")
    assert not pupil.open(url).is_ours, "a link alone must not sign out"

    assert "Вы вышли" in pupil.submit(asked).text
    pupil.session.cookies.set("signin", cookie, domain="127.0.0.1")
    assert pupil.open(url).is_ours


@with_settings(password_sign_in=False)
def test_where_moodle_keeps_passwords_the_page_says_so(
    portal: Portal, url: str, browser: Browser
) -> None:
    page = browser.open(url)
    assert "Пароль вводят на странице Moodle" in page.text
    assert "<input" not in page.text
    typed = {"username": "1234p5678", "password": FIRST}
    answer = requests.post(f"{portal.issuer}/auth/login", data=typed, timeout=60)
    assert answer.status_code == 403


@with_settings(failures_per_account=3)
def test_after_many_wrong_passwords_there_is_a_pause_for_this_login_and_address(
    portal: Portal, url: str, browser: Browser
) -> None:
    for _ in range(3):
        assert browser.sign_in(url, "1234р5678", "wrong").status == 400
    paused = browser.sign_in(url, "1234p5678", FIRST)
    assert paused.status == 429
    assert "15 мин" in problem(paused)
    assert portal.events()[-1].reason == "too_many_failures"
    assert browser.sign_in(url, "8765p4321", "31121980").status == 200, "another login goes on"

    portal.clock.forward(15 * 60)
    assert "Придумайте" in browser.sign_in(url, "1234p5678", FIRST).text


@with_settings(failures_per_account=2, failures_per_address=4)
def test_tries_over_the_limit_write_one_event_in_a_window(
    portal: Portal, url: str, browser: Browser
) -> None:
    def reasons_of(*logins: str) -> list[str]:
        """Of the events that these tries add."""
        before = len(portal.events())
        for login in logins:
            browser.sign_in(url, login, "wrong")
        return [event.reason for event in portal.events()[before:]]

    over = ["wrong_password"] * 2 + ["too_many_failures"]
    assert reasons_of(*["1234p5678"] * 7) == over
    many_from_one_address = [f"nobody{number}" for number in range(7)]
    assert reasons_of(*many_from_one_address) == ["unknown_username"] * 2 + ["too_many_failures"]
    portal.clock.forward(15 * 60)
    assert reasons_of(*["1234p5678"] * 7) == over


def test_a_person_who_is_gone_is_asked_to_sign_in_again(
    portal: Portal, browser: Browser, choice: Page
) -> None:
    portal.people.accounts.pop(PUPIL)
    assert browser.submit(choice, password=OWN, repeated=OWN).asks_who
