"""What people see: the sign-in form, the own password, signing out, languages and safety."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urljoin

import lxml.html
import pytest
import requests

from auth.models import Credential
from auth.signin.passwords import own_password_hash
from tests.auth.conftest import START, Portal
from tests.auth.people import PUPIL
from tests.relying_party import Browser, Page

FIRST = "05032014"
OWN = "зимний жираф"


def set_own_password(browser: Browser, portal: Portal) -> None:
    page = browser.sign_in(portal.moodle().start().url, "1234p5678", FIRST)
    assert not browser.submit(page, password=OWN, repeated=OWN).is_ours


def problem(text: str) -> str:
    found = re.search(r'role="alert"[^>]*>(.*?)</p>', text, re.DOTALL)
    return found[1].strip() if found else ""


def test_a_wrong_login_and_a_wrong_password_look_the_same(portal: Portal, browser: Browser) -> None:
    url = portal.moodle().start().url
    wrong_password = browser.sign_in(url, "1234p5678", "05032015")
    wrong_login = browser.sign_in(url, "1234p5679", FIRST)

    assert problem(wrong_password.text) == problem(wrong_login.text) != ""
    assert wrong_password.text.replace("1234p5678", "1234p5679") == wrong_login.text
    assert [(e.person_id, e.reason, e.client_id) for e in portal.events()] == [
        (PUPIL, "wrong_password", "moodle"),
        (None, "unknown_username", "moodle"),
    ]


def test_the_first_password_leads_to_an_own_one_and_is_gone_then(
    start_portal: Callable[..., Portal], portal: Portal, browser: Browser
) -> None:
    url = portal.moodle().start().url
    page = browser.sign_in(url, "1234p5678", FIRST)
    assert "Придумайте пароль" in page.text
    assert browser.open(url).url.startswith(f"{portal.issuer}/auth/set-password?")
    assert "code" in browser.submit(page, password=OWN, repeated=OWN).parameters

    other = Browser(portal.issuer)
    assert problem(other.sign_in(url, "1234p5678", FIRST).text)
    assert "code" in other.sign_in(url, "1234p5678", OWN).parameters
    other.close()


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
    portal: Portal, browser: Browser, password: str, repeated: str, says: str
) -> None:
    page = browser.sign_in(portal.moodle().start().url, "1234p5678", FIRST)
    page = browser.submit(page, password=password, repeated=repeated)
    assert says in problem(page.text)
    assert password not in page.text
    assert "code" in browser.submit(page, password=OWN, repeated=OWN).parameters


def test_of_two_browsers_with_the_first_password_one_sets_the_own_one(
    portal: Portal, browser: Browser
) -> None:
    url = portal.moodle().start().url
    other = Browser(portal.issuer)
    page = browser.sign_in(url, "1234p5678", FIRST)
    others_page = other.sign_in(url, "1234p5678", FIRST)

    assert not browser.submit(page, password=OWN, repeated=OWN).is_ours
    late = other.submit(others_page, password="другой жираф", repeated="другой жираф")

    assert late.asks_who
    assert problem(other.sign_in(url, "1234p5678", "другой жираф").text)
    other.close()


def test_a_first_password_typed_just_before_the_own_one_was_set_leads_to_the_sign_in_again(
    portal: Portal, browser: Browser
) -> None:
    page = browser.sign_in(portal.moodle().start().url, "1234p5678", FIRST)
    with portal.session_factory.begin() as db:
        db.add(Credential(person_id=PUPIL, password_hash="of another browser", changed_at=START))
    late = browser.submit(page, password=OWN, repeated=OWN)
    assert late.asks_who


def test_a_form_from_another_site_sets_nobodys_password(portal: Portal, browser: Browser) -> None:
    page = browser.sign_in(portal.moodle().start().url, "1234p5678", FIRST)
    forged = browser.submit(page, password=OWN, repeated=OWN, form_token="0" * 64)
    assert "слишком долго" in problem(forged.text)
    assert own_password_hash(portal.session_factory, PUPIL) is None


def test_an_unknown_client_in_the_address_is_not_kept(portal: Portal, browser: Browser) -> None:
    browser.sign_in(f"{portal.issuer}/auth/login?client_id={'x' * 300}", "1234p5678", "wrong")
    assert [event.client_id for event in portal.events()] == [""]


def test_the_page_for_an_own_password_is_not_open_to_others(
    portal: Portal, browser: Browser
) -> None:
    address = f"{portal.issuer}/auth/set-password"
    assert browser.open(address).url == f"{portal.issuer}/auth/login"
    set_own_password(browser, portal)
    assert browser.open(address).url == f"{portal.issuer}/auth/"


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
    assert "cookie" in problem(without_cookie.text)
    assert portal.events() == []
    assert "Придумайте" in browser.submit(own, username="1234p5678", password=FIRST).text


def test_a_cookie_planted_before_signing_in_is_worth_nothing(
    portal: Portal, browser: Browser
) -> None:
    browser.session.cookies.set("signin", "planted", domain="127.0.0.1")
    set_own_password(browser, portal)
    attacker = Browser(portal.issuer)
    attacker.session.cookies.set("signin", "planted", domain="127.0.0.1")
    assert attacker.open(portal.moodle().start().url).is_ours
    attacker.close()


def test_the_cookie_is_out_of_reach_of_scripts_and_other_sites(portal: Portal) -> None:
    answer = requests.get(f"{portal.issuer}/auth/login", timeout=60)
    cookie = answer.headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))


def test_behind_https_the_cookie_is_secure_and_bound_to_the_host(
    start_portal: Callable[..., Portal],
) -> None:
    portal = start_portal(issuer="https://login.example")
    with portal.app.test_client() as client:
        cookie = client.get("/auth/login").headers["Set-Cookie"]
    assert cookie.startswith("__Host-signin=")
    assert "Secure" in cookie.split("; ")


@pytest.mark.parametrize(
    "path", ["/auth/login?client_id=moodle", "/auth/logout", "/auth/authorize?client_id=moodle"]
)
def test_pages_stay_out_of_frames_caches_and_referrers(portal: Portal, path: str) -> None:
    headers = requests.get(f"{portal.issuer}{path}", timeout=60).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert ("https://moodle.example" in policy) == ("client_id=moodle" in path)
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Cache-Control"] == "no-store"
    assert headers["Referrer-Policy"] == "same-origin"


def test_what_was_typed_is_shown_as_text(portal: Portal, browser: Browser) -> None:
    page = browser.sign_in(f"{portal.issuer}/auth/login", '"><script>', "x")
    assert "<script" not in page.text


def test_russian_comes_first_and_english_on_wish(portal: Portal, browser: Browser) -> None:
    address = f"{portal.issuer}/auth/login"
    assert "Войти" in browser.open(address).text
    assert "Sign in" in browser.open(f"{address}?ui_locales=en-GB").text
    assert "Войти" in browser.open(f"{address}?ui_locales=fr+ru").text
    english = Browser(portal.issuer)
    english.session.headers["Accept-Language"] = "en-US,en;q=0.9"
    assert "Войти" in english.open(address).text, "nobody chose the language of a browser"
    english.close()


def test_the_chosen_language_lasts_through_the_whole_sign_in(
    portal: Portal, browser: Browser
) -> None:
    page = browser.sign_in(portal.moodle().start(ui_locales="en").url, "1234p5678", FIRST)
    assert "Choose a password" in page.text


def test_a_sign_in_that_leaves_nothing_to_ask_is_answered_with_the_code(
    portal: Portal, browser: Browser
) -> None:
    set_own_password(browser, portal)
    planted = browser.session.cookies["signin"]
    start = portal.moodle().start(prompt="login", max_age="0")
    page = browser.open(start.url)
    assert page.url == start.url, "the sign-in page comes without a redirect"
    (form,) = lxml.html.fromstring(page.text).forms
    answer = browser.session.post(
        urljoin(page.url, form.action),
        data=dict(form.form_values()) | {"username": "1234p5678", "password": OWN},
        allow_redirects=False,
        timeout=60,
    )
    assert answer.status_code == 303, "the browser must not post the password on"
    back = Page(url=answer.headers["Location"])
    assert back.url.startswith("https://moodle.example/")
    assert set(back.parameters) == {"code", "state", "iss"}
    assert back.parameters["state"] == start.state
    assert browser.session.cookies["signin"] != planted


def test_somebody_without_an_application_lands_on_a_page(portal: Portal, browser: Browser) -> None:
    set_own_password(browser, portal)
    page = browser.sign_in(f"{portal.issuer}/auth/login", "1234p5678", OWN)
    assert page.url == f"{portal.issuer}/auth/"
    assert "Вы вошли" in page.text


def test_signing_out_asks_first_and_ends_the_session(portal: Portal, browser: Browser) -> None:
    set_own_password(browser, portal)
    cookie = browser.session.cookies["signin"]
    url = portal.moodle().start().url
    asked = browser.open(f"{portal.issuer}/auth/logout")
    assert not browser.open(url).is_ours, "a link alone must not sign out"

    assert "Вы вышли" in browser.submit(asked).text
    browser.session.cookies.set("signin", cookie, domain="127.0.0.1")
    assert browser.open(url).is_ours


def test_where_moodle_keeps_passwords_the_page_says_so(
    start_portal: Callable[..., Portal],
) -> None:
    portal = start_portal(password_sign_in=False)
    browser = Browser(portal.issuer)
    page = browser.open(portal.moodle().start().url)
    assert "Пароль вводят на странице Moodle" in page.text
    assert "<input" not in page.text
    answer = requests.post(
        f"{portal.issuer}/auth/login",
        data={"username": "1234p5678", "password": FIRST},
        timeout=60,
    )
    assert answer.status_code == 403
    browser.close()


def test_after_many_wrong_passwords_there_is_a_pause_for_this_login_and_address(
    start_portal: Callable[..., Portal],
) -> None:
    portal = start_portal(failures_per_account=3)
    url = portal.moodle().start().url
    browser = Browser(portal.issuer)
    for _ in range(3):
        assert browser.sign_in(url, "1234р5678", "wrong").status == 400
    paused = browser.sign_in(url, "1234p5678", FIRST)
    assert paused.status == 429
    assert "15 мин" in problem(paused.text)
    assert portal.events()[-1].reason == "too_many_failures"
    assert browser.sign_in(url, "8765p4321", "31121980").status == 200, "another login goes on"

    portal.clock.forward(15 * 60)
    assert "Придумайте" in browser.sign_in(url, "1234p5678", FIRST).text
    browser.close()


def test_tries_over_the_limit_write_one_event_in_a_window(
    start_portal: Callable[..., Portal],
) -> None:
    portal = start_portal(failures_per_account=2, failures_per_address=4)
    url = portal.moodle().start().url
    browser = Browser(portal.issuer)

    def reasons() -> list[str]:
        return [event.reason for event in portal.events()]

    for _ in range(2 + 5):
        browser.sign_in(url, "1234p5678", "wrong")
    assert reasons() == ["wrong_password"] * 2 + ["too_many_failures"]
    for number in range(2 + 5):  # many logins from one address
        browser.sign_in(url, f"nobody{number}", "x")
    over = ["unknown_username"] * 2 + ["too_many_failures"]
    assert reasons()[3:] == over

    portal.clock.forward(15 * 60)
    for _ in range(2 + 5):
        browser.sign_in(url, "1234p5678", "wrong")
    assert reasons()[6:] == ["wrong_password"] * 2 + ["too_many_failures"]
    browser.close()


def test_a_person_who_is_gone_is_asked_to_sign_in_again(portal: Portal, browser: Browser) -> None:
    url = portal.moodle().start().url
    page = browser.sign_in(url, "1234p5678", FIRST)
    portal.people.accounts.pop(PUPIL)
    assert browser.submit(page, password=OWN, repeated=OWN).asks_who
