"""Switches of one system: a late check, older tokens, a clock that is off, and any error."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from auth.esia.protocol.errors import CATALOGUE, REST_CATALOGUE
from auth.esia.workbench.faults import KINDS, SLOW_SECONDS, check_faults, clock_shift
from tests.auth.esia.conftest import EsiaStandin
from tests.auth.esia.signing import Signer, url_safe
from tests.auth.esia.system import came_back, error_in, parts_of, told_back

ON_SQLITE = True

OID = 1000000103

Start = Callable[..., EsiaStandin]


def switch(esia: EsiaStandin, **changes: Any) -> None:
    """Change the settings of the systems of a running stand-in."""
    changed = {
        mnemonic: replace(system, settings=replace(system.settings, **changes))
        for mnemonic, system in esia.standin.systems.items()
    }
    esia.app.extensions["esia"] = replace(esia.standin, registered=lambda: changed)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"client_secret": url_safe(Signer(number=2).raw("anything"))}, "007053"),
        ({"scope": "openid military_doc"}, "007019"),
    ],
)
def test_what_speaks_against_a_system_may_be_told_after_the_sign_in(
    start_esia: Start, browse: Any, changes: dict[str, str], code: str
) -> None:
    esia = start_esia(system={"check_after_sign_in": True})
    browser = browse(esia)
    page = browser.open(esia.system().authorize_url(**changes))
    assert "/login?" in page.url
    assert [one.code for one in esia.refusals()] == [code]
    back = came_back(browser.submit(page, persona="confirmed"))
    assert back["error_description"][5:11] == code
    assert back["state"]


def test_a_request_in_order_is_let_in_with_a_late_check_too(start_esia: Start, browse: Any) -> None:
    esia = start_esia(system={"check_after_sign_in": True})
    assert esia.system().tokens(esia.system().sign_in(browse(esia)))["access_token"]


def test_the_form_of_a_request_is_checked_at_once_all_the_same(start_esia: Start) -> None:
    esia = start_esia(system={"check_after_sign_in": True})
    back = told_back(esia.system().authorize(timestamp="now"))
    assert error_in(back)[1] == "007015"


def test_tokens_can_have_their_older_form(start_esia: Start, browse: Any) -> None:
    esia = start_esia(system={"auth_time_milliseconds": True, "level_claim": False})
    system = esia.system()
    claims = parts_of(system.tokens(system.sign_in(browse(esia)))["id_token"])[1]
    assert claims["auth_time"] == int(esia.clock().timestamp()) * 1000
    assert "urn:esia:sbj:lvl" not in claims["urn:esia:sbj"]
    assert claims["urn:esia:sbj"]["urn:esia:sbj:is_tru"] is True


@pytest.mark.parametrize(
    ("fault", "hours"),
    [("clock_shift", 3), ("clock_shift:-5", -5), ("clock_shift:+12", 12)],
)
def test_the_clock_behind_our_tokens_can_be_off_by_hours(
    start_esia: Start, browse: Any, fault: str, hours: int
) -> None:
    esia = start_esia(system={"faults": (f"te:{fault}", f"ac:{fault}")})
    system = esia.system()
    shown = esia.clock() + timedelta(hours=hours)
    code = system.sign_in(browse(esia))
    token = system.tokens(code)["access_token"]
    claims = parts_of(token)[1]
    assert system.rest(f"prns/{OID}", token).status_code == 200
    assert claims["iat"] == claims["nbf"] == claims["exp"] - 3600 == int(shown.timestamp())
    assert parts_of(code)[1]["iat"] == int(shown.timestamp())


def test_the_date_of_our_answers_can_be_off_by_hours(start_esia: Start) -> None:
    esia = start_esia(system={"faults": ("ac:clock_shift", "te:clock_shift:-5")})
    system = esia.system()
    client = esia.app.test_client()  # a web server of the tests would add a Date of its own
    authorized = client.get(system.authorize_url().removeprefix(esia.url))
    form = system.parameters(code="any", grant_type="authorization_code")
    refused = client.post("/aas/oauth2/v3/te", data=form)
    dates = [parsedate_to_datetime(one.headers["Date"]) for one in (authorized, refused)]
    assert dates == [esia.clock() + timedelta(hours=hours) for hours in (3, -5)]
    switch(esia, faults=())
    assert "Date" not in client.get(system.authorize_url().removeprefix(esia.url)).headers


def test_without_a_number_the_clock_is_off_by_the_offset_of_moscow() -> None:
    assert clock_shift({"clock_shift", "slow"}) == timedelta(hours=3)
    assert clock_shift({"slow"}) == timedelta(0)


@pytest.mark.parametrize("fault", ["clock_shift:", "clock_shift:3h", "clock_shift:100", "nothing"])
def test_a_shift_must_be_whole_hours(fault: str) -> None:
    with pytest.raises(ValueError, match="no fault te:"):
        check_faults([f"te:{fault}"])


def test_authorization_can_be_slow_or_a_page(start_esia: Start) -> None:
    esia = start_esia(system={"faults": ("ac:slow", "ac:html")})
    waited: list[float] = []
    esia.app.extensions["esia"] = replace(esia.standin, sleep=waited.append)
    answer = esia.system().authorize()
    assert (answer.status_code, answer.headers["Content-Type"][:9]) == (503, "text/html")
    assert waited == [SLOW_SECONDS]


def test_every_error_can_be_forced_at_every_place(start_esia: Start, browse: Any) -> None:
    esia = start_esia()
    system = esia.system()
    token = system.tokens(system.sign_in(browse(esia)))["access_token"]
    for code, (error, _) in CATALOGUE.items():
        switch(esia, faults=(f"ac:{code}", f"te:{code}"))
        for values in (told_back(system.authorize()), system.ask(code="any").json()):
            assert (values["error"], values["error_description"][:12]) == (error, f"ESIA-{code}:")
    for code, (status, _) in REST_CATALOGUE.items():
        switch(esia, faults=(f"rs:{code}",))
        read = system.rest(f"prns/{OID}", token)
        assert (read.status_code, read.json()["code"]) == (status, f"ESIA-{code}")
    assert CATALOGUE.keys() <= KINDS["ac"] & KINDS["te"]


def test_the_catalogue_is_the_recorded_one() -> None:
    recorded = (
        "007002 007003 007004 007005 007006 007007 007008 007009 007011 007012 007013 007014 "
        "007015 007019 007023 007038 007039 007040 007046 007053 007055 007060 007061 007062 "
        "007194 008010 036700 036701 036702 036703 036704 036705 036706 036707 036716 036726 "
        "036727"
    )
    assert sorted(CATALOGUE) == recorded.split()


def test_an_id_token_comes_without_openid_too(start_esia: Start, browse: Any) -> None:
    esia = start_esia()
    system = esia.system(scope="fullname")
    assert parts_of(system.tokens(system.sign_in(browse(esia)))["id_token"])[1]["sub"] == OID


def test_a_scope_that_we_do_not_know_counts_when_it_is_registered(
    start_esia: Start, browse: Any
) -> None:
    esia = start_esia(system={"scopes": ("openid", "educational_doc")})
    system = esia.system(scope="openid educational_doc")
    claims = parts_of(system.tokens(system.sign_in(browse(esia)))["access_token"])[1]
    assert claims["scope"] == f"openid educational_doc?oid={OID}"
