"""Where the forms of the sign-in's pages may lead: to the asking application, and nobody else's."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest
from flask import Flask, Response, request
from playwright.sync_api import Browser, Page
from werkzeug.test import TestResponse

from auth.clients.client import Client
from auth.linking.pending_identities import keep
from auth.outside import OutsideIdentity
from auth.settings import AuthSettings, EsiaSettings, EsiaSystem
from auth.upstream.settings import OidcUpstream, UpstreamSettings
from service.db import make_engine
from tests.auth.esia.signing import Signer
from tests.auth.esia.system import System
from tests.service.console_factories import ConsoleUnderTest, make_console
from tests.service.factories import NOW, add_known_person, add_school
from tests.service.odd_requests import Visitor
from tests.service.whole_sign_in import NOBODY
from tests.web import running_app

OTHERS = 100
MOST_BYTES = 1000
"""Of the header: nginx takes 4,096 for all headers of an answer together."""
FIRST = "01092012"
OWN = "зимний жираф"


@pytest.fixture(scope="module")
def back() -> Iterator[str]:
    """At another origin: its first page sends people on to its next, as Moodle does."""
    app = Flask("application")

    @app.get("/first")
    def first() -> Response:
        return Response(status=302, headers={"Location": f"/next?{request.query_string.decode()}"})

    @app.get("/next")
    def following() -> str:
        return "<h1>back</h1>"

    with running_app(app) as address:
        yield f"{address}/first"


@pytest.fixture
def console(tmp_path: Path, stand_keys: Path, back: str) -> Iterator[ConsoleUnderTest]:
    """With 100 applications and as many systems beside those that ask."""
    (tmp_path / "system.pem").write_text(Signer().pem)
    asking = Client(
        client_id="diary",
        client_secret="s",
        redirect_uris=(back,),
        post_logout_redirect_uris=(back,),
        ask_consent=True,
    )
    system = EsiaSystem(
        mnemonic="SCHOOL01",
        certificate=str(tmp_path / "system.pem"),
        redirect_hosts=(urlsplit(back).hostname or "",),
        scopes=("openid", "fullname"),
    )
    clients, systems = [asking], [system]
    for number in range(OTHERS):
        host = f"other-{number}.example"
        addresses = {
            "redirect_uris": (f"https://{host}/back",), "post_logout_redirect_uris": (),
        }  # fmt: skip
        clients.append(replace(asking, client_id=f"other-{number}", **addresses))
        systems.append(replace(system, mnemonic=f"OTHER{number}", redirect_hosts=(host,)))
    gateway = OidcUpstream(key="gateway", issuer=NOBODY, client_id="p", client_secret="s")
    engine = make_engine(f"sqlite:///{tmp_path / 'targets.sqlite'}")
    console = make_console(
        tmp_path,
        engine=engine,
        stand_keys=stand_keys,
        auth=AuthSettings(phase="both", clients=tuple(clients)),
        esia=EsiaSettings(systems=tuple(systems), test_people=True),
        upstream=UpstreamSettings(oidc=(gateway,)),
    )
    with console.rows() as rows:
        add_school(rows, "1")
        add_known_person(rows, "pupil")
    yield console
    engine.dispose()


def asked(back: str, **more: str) -> str:
    values = {"client_id": "diary", "redirect_uri": back, "response_type": "code"}
    return urlencode(values | {"scope": "openid profile", "state": "s"} | more)


def targets(answer: TestResponse) -> set[str]:
    """Where the forms of a page may lead."""
    policy = answer.headers["Content-Security-Policy"]
    assert len(policy) < MOST_BYTES, len(policy)
    assert "other-" not in policy
    (directive,) = re.findall(r"form-action ([^;]*)", policy)
    return set(directive.split())


def origin(address: str) -> str:
    return "://".join(urlsplit(address)[:2])


def test_each_page_names_the_asking_application_alone(console: ConsoleUnderTest, back: str) -> None:
    own, with_application = {"'self'"}, {"'self'", origin(back)}
    visitor = Visitor(console.app, "pupil")
    query = asked(back)
    for address in (f"/auth/authorize?{query}", f"/auth/login?{query}"):
        assert targets(visitor.visit(address)) == with_application, address
    for address in ("/auth/login", "/auth/logout", "/auth/login?client_id=nobody", "/auth/class"):
        assert targets(visitor.visit(address)) == own, address
    refused = visitor.visit(f"/auth/authorize?{asked('https://evil.example/x')}")
    assert (refused.status_code, targets(refused)) == (400, with_application)
    wrong = visitor.visit(f"/auth/login?{query}", [("username", "48ppupil"), ("password", "x")])
    assert (wrong.status_code, targets(wrong)) == (400, with_application)
    visitor.submit(f"/auth/login?{query}", username="48ppupil", password=FIRST)
    chosen = visitor.visit(f"/auth/set-password?{query}")
    assert (chosen.status_code, targets(chosen)) == (200, with_application)
    visitor.submit(f"/auth/set-password?{query}", password=OWN, repeated=OWN)
    assert targets(visitor.visit(f"/auth/consent?{query}")) == with_application
    leaving = urlencode({"client_id": "diary", "post_logout_redirect_uri": back})
    assert targets(visitor.visit(f"/auth/logout?{leaving}")) == with_application
    assert targets(visitor.visit("/auth/logout?client_id=nobody")) == own


def test_pages_about_outside_sign_ins_name_the_asking_application_alone(
    console: ConsoleUnderTest, back: str
) -> None:
    with_application = {"'self'", origin(back)}
    visitor = Visitor(console.app, "parent")
    visitor.visit(f"/auth/login?{asked(back)}")
    identity = OutsideIdentity(
        provider="gateway", subject="7", family_name="Образцов", given_name="Образец",
        birth_date=NOW.date(), confirmed=True,
    )  # fmt: skip
    context, browser = console.app.extensions["auth"].context, visitor.cookies["signin"]
    arrival = keep(context, identity, query=asked(back), browser=browser)
    for page in ("", "school", "confirm", "children"):
        answer = visitor.visit(f"/auth/linking/{page}?arrival={arrival}")
        if answer.status_code == 200:
            assert targets(answer) == with_application, page
    failed = visitor.visit(f"/auth/upstream/gateway/start?{asked(back)}", [("form_token", "x")])
    assert (failed.status_code, targets(failed)) == (400, with_application)
    assert targets(visitor.visit("/auth/upstream/gateway/callback?state=x")) == {"'self'"}


def test_pages_of_the_esia_face_name_the_asking_system_alone(
    console: ConsoleUnderTest, back: str
) -> None:
    host = urlsplit(back).hostname
    with_system = {"'self'", origin(back), f"http://{host}:*", f"https://{host}:*"}
    visitor = Visitor(console.app, "persona")
    page = visitor.visit(system(back).authorize_url())
    assert targets(visitor.visit(page.location)) == with_system
    answer = visitor.submit(page.location, persona="confirmed")
    assert targets(visitor.visit(answer.location)) == with_system
    for address in ("/login", "/login?request=x", "/idp/ext/Logout"):
        assert targets(visitor.visit(address)) == {"'self'"}, address


def system(back: str) -> System:
    return System(
        url="", mnemonic="SCHOOL01", signer=Signer(), clock=lambda: NOW, redirect_uri=back
    )


@pytest.fixture
def page(console: ConsoleUnderTest, chromium: Browser) -> Iterator[Page]:
    with (
        running_app(console.app) as url,
        chromium.new_context(base_url=url, locale="ru-RU") as context,
    ):
        yield context.new_page()


def press(page: Page, name: str, **typed: str) -> None:
    for field, value in typed.items():
        page.fill(f"#{field}", value)
    with page.expect_navigation():
        page.get_by_role("button", name=name, exact=True).click()


def test_chromium_comes_back_after_every_form_of_a_sign_in(page: Page, back: str) -> None:
    there = re.compile(re.escape(origin(back)) + r"/next\?.*code=")
    page.goto(f"/auth/authorize?{asked(back)}")
    press(page, "Войти", username="48ppupil", password=FIRST)
    press(page, "Сохранить и продолжить", password=OWN, repeated=OWN)
    press(page, "Разрешить")
    assert there.match(page.url), page.url
    # Consent is given: now the right password itself is answered with the way back.
    page.goto(f"/auth/authorize?{asked(back, prompt='login')}")
    press(page, "Войти", username="48ppupil", password=OWN)
    assert there.match(page.url), page.url
    leaving = urlencode({"client_id": "diary", "post_logout_redirect_uri": back})
    page.goto(f"/auth/logout?{leaving}")
    press(page, "Выйти")
    assert page.url.startswith(f"{origin(back)}/next"), page.url


def test_chromium_comes_back_after_every_form_of_the_esia_face(page: Page, back: str) -> None:
    page.goto(system(back).authorize_url())
    for button in ("button[name=persona][value=confirmed]", "button[name=decision][value=allow]"):
        with page.expect_navigation():
            page.locator(button).click()
    assert re.match(re.escape(origin(back)) + r"/next\?.*code=", page.url), page.url


def test_a_browser_stops_a_form_that_would_lead_elsewhere(page: Page, back: str) -> None:
    """The policy is what the browser goes by: without it the tests above would show nothing."""
    page.goto("/auth/login")
    page.evaluate(
        "address => { document.forms[0].action = address; document.forms[0].submit(); }", back
    )
    page.wait_for_load_state()
    assert origin(back) not in page.url


ODD_HOSTS = ("a.example;script-src", "a.example,b.example", "*", "*.example", "кот.example", "a b")


@pytest.mark.parametrize("host", [*ODD_HOSTS, "user:x@a.example", "a%3Bb.example"])
@pytest.mark.parametrize("field", ["redirect_uris", "post_logout_redirect_uris"])
def test_an_application_with_another_host_than_a_plain_one_is_refused(
    host: str, field: str
) -> None:
    addresses: dict[str, Any] = {"redirect_uris": ("https://a.example/x",)}
    with pytest.raises(ValueError, match=r"host|ASCII"):
        Client(client_id="diary", **addresses | {field: (f"https://{host}/back",)})


@pytest.mark.parametrize("host", [*ODD_HOSTS, "a.example:8080", "", "a.example\n"])
def test_a_system_with_another_host_than_a_plain_one_is_refused(host: str) -> None:
    with pytest.raises(ValueError, match="redirect_hosts"):
        EsiaSystem(mnemonic="A", certificate="a.pem", redirect_hosts=(host,))


@pytest.mark.parametrize(
    "address",
    [
        "https://moodle.example.org/admin/oauth2callback.php",
        "http://127.0.0.1:8765/x", "http://[::1]:80/x", "app.test:/back", "moodlemobile://token",
        "https://xn--j1aef.xn--p1ai/a;b,c",
    ],
)  # fmt: skip
def test_plain_addresses_are_taken(address: str) -> None:
    assert Client(client_id="diary", redirect_uris=(address,)).redirect_uris == (address,)
