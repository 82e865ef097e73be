"""People of a school sign in to a real Moodle through us, where one is given that trusts us.

Besides the variables of tests/provisioning/test_real_moodle.py it takes the address that Moodle
knows our provider by (https, of this machine), a folder with ``cert.pem`` and ``key.pem`` for it,
and the client secret. ``schoolbridge moodle-login-setup`` says what else to set in Moodle.
"""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page
from sqlalchemy import select

from auth.clients.client import Client
from service.models import KnownObject, KnownUser
from service.web import create_app
from tests.functional.conftest import sign_in_first_time, type_first_password
from tests.provisioning.apply_city import ask, take_out
from tests.service.installation import installation
from tests.service.trial import Trial, left, pupil, pupils, teacher
from tests.web import running_app

URL = os.environ.get("SCHOOLBRIDGE_TEST_MOODLE_URL", "")
TOKEN = os.environ.get("SCHOOLBRIDGE_TEST_MOODLE_TOKEN", "")
ISSUER = os.environ.get("SCHOOLBRIDGE_TEST_MOODLE_ISSUER", "")
TLS = Path(os.environ.get("SCHOOLBRIDGE_TEST_MOODLE_TLS", ""))
SECRET = os.environ.get("SCHOOLBRIDGE_TEST_MOODLE_CLIENT_SECRET", "")

SCHOOL = "SB7301"
PUPILS = pupils("m", 4)
TEACHERS = [teacher("m-t"), teacher("m-u")]

pytestmark = pytest.mark.skipif(
    not (URL and TOKEN and ISSUER and SECRET),
    reason="SCHOOLBRIDGE_TEST_MOODLE_ISSUER and its companions name no Moodle that trusts us",
)


@dataclass(kw_only=True)
class Site:
    """A school whose people Moodle has, and our provider before it."""

    trial: Trial

    def person(self, sourced_id: str) -> KnownUser:
        return self.trial.known(SCHOOL, sourced_id)

    def moodle(self, function: str, **arguments: object) -> Any:
        return ask(self.trial.application.settings.moodle, function, **arguments)

    def account(self, person: KnownUser) -> dict[str, Any]:
        values = [person.moodle_id]
        [row] = self.moodle("core_user_get_users_by_field", field="id", values=values)
        return dict(row)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    home = tmp_path_factory.mktemp("site")
    with installation(home, moodle_url=URL) as application:
        client = Client(
            client_id="moodle",
            client_secret=SECRET,
            redirect_uris=(f"{URL}/admin/oauth2callback.php",),
        )
        settings = application.settings
        application.settings = replace(
            settings,
            moodle=replace(settings.moodle, token=TOKEN),
            auth=replace(settings.auth, issuer=ISSUER, clients=(client,)),
        )
        made = Site(trial=Trial(application=application, moodle_url=URL, folder=home / "files"))
        tls = (str(TLS / "cert.pem"), str(TLS / "key.pem"))
        with running_app(create_app(application), port=urlsplit(ISSUER).port or 443, tls=tls):
            try:
                made.trial.sync(made.trial.write(SCHOOL, [*PUPILS, *TEACHERS, pupil("m-9")]))
                yield made
            finally:
                _clear(made)


def _clear(site: Site) -> None:
    """Take out of Moodle what the test put there; the shared city and district stay."""
    with site.trial.application.sessions() as session:
        people = session.scalars(select(KnownUser.moodle_id)).all()
        numbers = defaultdict(list, {"user": [number for number in people if number]})
        of_school = select(KnownObject).where(KnownObject.school_code == SCHOOL)
        for one in session.scalars(of_school.order_by(KnownObject.moodle_id)):
            numbers[one.kind].append(one.moodle_id)
    take_out(site.trial.application.settings.moodle, numbers)


@pytest.fixture
def visitor(chromium: Browser) -> Iterator[BrowserContext]:
    """A browser that takes our certificate, which only Moodle was told to trust."""
    with chromium.new_context(ignore_https_errors=True) as context:
        yield context


def press_our_button(page: Page) -> None:
    page.goto(f"{URL}/login/index.php")
    page.locator("a[href*='/auth/oauth2/login.php']").first.click()


def whose_account(page: Page) -> int:
    """Moodle's number of who is signed in there; 0 for nobody."""
    page.goto(f"{URL}/user/profile.php")
    link = page.locator("a[href*='/user/edit.php'], a[href*='/user/profile.php?id=']").first
    address = link.get_attribute("href") if link.count() else ""
    found = re.search(r"[?&]id=(\d+)", address or "")
    return int(found[1]) if found else 0


@pytest.mark.parametrize(
    ("sourced_id", "auth"),
    [("m-1", "oauth2"), ("m-t", "oauth2"), ("m-2", "manual"), ("m-u", "manual")],
    ids=["pupil", "teacher", "pupil with a password of Moodle", "teacher with one"],
)
def test_a_person_signs_in_twice(
    site: Site, visitor: BrowserContext, sourced_id: str, auth: str
) -> None:
    """With the first password, and again: Moodle forgot the session, we did not."""
    person = site.person(sourced_id)
    if auth != "oauth2":  # which is what our plan made of it
        site.moodle("core_user_update_users", users=[{"id": person.moodle_id, "auth": auth}])
    assert site.account(person)["firstaccess"] == 0
    page = visitor.new_page()
    press_our_button(page)
    sign_in_first_time(page, person)
    page.wait_for_url(f"{URL}/**")
    assert whose_account(page) == person.moodle_id
    assert site.account(person)["firstaccess"] > 0
    visitor.clear_cookies(domain=urlsplit(URL).hostname, name=re.compile("MoodleSession.*"))
    assert whose_account(page) == 0
    press_our_button(page)
    page.wait_for_url(f"{URL}/**")
    assert whose_account(page) == person.moodle_id


def test_names_of_the_roll_reach_moodle(site: Site, visitor: BrowserContext) -> None:
    person = site.person("m-3")
    page = visitor.new_page()
    press_our_button(page)
    sign_in_first_time(page, person)
    page.wait_for_url(f"{URL}/**")
    row = site.account(person)
    names = (f"{person.firstname} {person.lastname}", person.email, person.person_id)
    assert (row["fullname"], row["email"], row["idnumber"]) == names


def test_a_suspended_person_is_refused_by_us_and_moodle_counts_no_visit(
    site: Site, visitor: BrowserContext
) -> None:
    site.trial.configure("people", transit_days=0)
    gone = left(pupil("m-9"))
    site.trial.sync(site.trial.write(SCHOOL, [*PUPILS, *TEACHERS, gone], day=1))
    person = site.person("m-9")
    assert person.suspended
    page = visitor.new_page()
    press_our_button(page)
    type_first_password(page, person)
    assert page.url.startswith(ISSUER)
    page.get_by_role("heading", name="Войти нельзя").wait_for()
    assert whose_account(page) == 0
    assert site.account(person)["firstaccess"] == 0
