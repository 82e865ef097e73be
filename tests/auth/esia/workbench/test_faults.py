"""Switches of one system: each fault on demand, a late check, older tokens, a clock that is off."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import replace
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding

from auth.esia.protocol.errors import CATALOGUE, REST_CATALOGUE
from auth.esia.protocol.gost import Gost
from auth.esia.standin import read_systems
from auth.esia.workbench.faults import KINDS, SLOW_SECONDS, check_faults
from auth.settings import EsiaSettings, EsiaSystem
from tests.auth.esia.conftest import EsiaStandin, Start
from tests.auth.esia.signing import Signer, url_safe
from tests.auth.esia.system import OID, STATE, came_back, error_in, parts_of, told_back, unpadded

ON_SQLITE = True

Switch = Callable[..., None]


@pytest.fixture
def switch(esia: EsiaStandin) -> Switch:
    """Change the settings of the systems of the running stand-in."""

    def switch(**changes: Any) -> None:
        changed = {
            mnemonic: replace(system, settings=replace(system.settings, **changes))
            for mnemonic, system in esia.standin.systems.items()
        }
        esia.change_standin(registered=lambda: changed)

    return switch


def test_states_and_tokens_go_wrong_as_asked(start_esia: Start) -> None:
    faults = ("ac:wrong_state", "te:wrong_state", "te:wrong_audience", "te:expired_token")
    esia = start_esia(system={"faults": faults})
    system = esia.system()
    back = came_back(system.enter(state=STATE))
    found = system.tokens(back["code"], state=STATE)
    assert STATE not in {back["state"], found["state"]}
    claims = parts_of(found["id_token"])[1]
    assert claims["aud"] == "ANOTHER"
    assert claims["exp"] < esia.clock().timestamp()
    assert system.rest(f"prns/{OID}", found["access_token"]).json()["code"] == "ESIA-005013"


@pytest.mark.parametrize(("faults", "fits"), [((), True), (("te:changed_certificate",), False)])
def test_a_changed_certificate_is_a_signature_that_does_not_fit(
    start_esia: Start, faults: tuple[str, ...], fits: bool
) -> None:
    esia = start_esia(system={"faults": faults})
    signed, _, signature = esia.system().signed_in()["id_token"].rpartition(".")
    key = esia.standin.keys.rsa_key.public_key()
    with nullcontext() if fits else pytest.raises(InvalidSignature):
        key.verify(unpadded(signature), signed.encode(), padding.PKCS1v15(), hashes.SHA256())


@pytest.mark.parametrize("place", KINDS)
def test_every_place_can_be_slow_or_a_page(esia: EsiaStandin, switch: Switch, place: str) -> None:
    system = esia.system()
    token, code = system.signed_in()["access_token"], system.sign_in()
    waited: list[float] = []
    esia.change_standin(sleep=waited.append)
    ask = {
        "ac": system.authorize,
        "te": lambda: system.ask(code=code),
        "rs": lambda: system.rest(f"prns/{OID}", token),
    }[place]
    switch(faults=(f"{place}:slow",))
    assert ask().status_code == (302 if place == "ac" else 200)
    switch(faults=(f"{place}:slow", f"{place}:html"))
    answer = ask()
    assert (answer.status_code, answer.headers["Content-Type"][:9]) == (503, "text/html")
    assert waited == [SLOW_SECONDS] * 2


def test_a_fault_there_is_not_is_refused_by_name() -> None:
    system = EsiaSystem(mnemonic="SCHOOL01", certificate="any.pem", faults=("te:nothing",))
    with pytest.raises(ValueError, match="te:nothing"):
        read_systems(EsiaSettings(systems=(system,)), Gost())


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"client_secret": url_safe(Signer(number=2).raw("anything"))}, "007053"),
        ({"scope": "openid military_doc"}, "007019"),
    ],
)
def test_what_speaks_against_a_system_may_be_told_after_the_sign_in(
    start_esia: Start, changes: dict[str, str], code: str
) -> None:
    esia = start_esia(system={"check_after_sign_in": True})
    page = esia.system().come(**changes)
    assert "/login?" in page.url
    assert [one.code for one in esia.refusals()] == [code]
    back = came_back(esia.browser.submit(page, persona="confirmed"))
    assert error_in(back)[1] == code
    assert back["state"]


def test_with_a_late_check_the_form_is_checked_at_once_all_the_same(start_esia: Start) -> None:
    system = start_esia(system={"check_after_sign_in": True}).system()
    assert error_in(told_back(system.authorize(timestamp="now")))[1] == "007015"
    assert system.signed_in()["access_token"]


def test_tokens_can_have_their_older_form(start_esia: Start) -> None:
    esia = start_esia(system={"auth_time_milliseconds": True, "level_claim": False})
    claims = parts_of(esia.system().signed_in()["id_token"])[1]
    assert claims["auth_time"] == int(esia.clock().timestamp()) * 1000
    assert "urn:esia:sbj:lvl" not in claims["urn:esia:sbj"]
    assert claims["urn:esia:sbj"]["urn:esia:sbj:is_tru"] is True


@pytest.mark.parametrize(
    ("fault", "hours"),
    [("clock_shift", 3), ("clock_shift:-5", -5), ("clock_shift:+12", 12), ("wrong_state", 0)],
)
def test_the_clock_behind_our_tokens_can_be_off_by_hours(
    start_esia: Start, fault: str, hours: int
) -> None:
    esia = start_esia(system={"faults": (f"te:{fault}", f"ac:{fault}")})
    system = esia.system()
    shown = int((esia.clock() + timedelta(hours=hours)).timestamp())
    code = system.sign_in()
    token = system.tokens(code)["access_token"]
    claims = parts_of(token)[1]
    assert system.rest(f"prns/{OID}", token).status_code == 200
    assert claims["iat"] == claims["nbf"] == claims["exp"] - 3600 == shown
    assert parts_of(code)[1]["iat"] == shown


def test_the_date_of_our_answers_can_be_off_by_hours(esia: EsiaStandin, switch: Switch) -> None:
    switch(faults=("ac:clock_shift", "te:clock_shift:-5"))
    system = esia.system(url="")
    client = esia.app.test_client()  # a web server of the tests would add a Date of its own
    authorized = client.get(system.authorize_url())
    form = system.parameters(code="any", grant_type="authorization_code")
    refused = client.post("/aas/oauth2/v3/te", data=form)
    dates = [parsedate_to_datetime(one.headers["Date"]) for one in (authorized, refused)]
    assert dates == [esia.clock() + timedelta(hours=hours) for hours in (3, -5)]
    switch(faults=())
    assert "Date" not in client.get(system.authorize_url()).headers


@pytest.mark.parametrize("fault", ["clock_shift:", "clock_shift:3h", "clock_shift:100", "nothing"])
def test_a_shift_must_be_whole_hours(fault: str) -> None:
    with pytest.raises(ValueError, match="no fault te:"):
        check_faults([f"te:{fault}"])


def test_every_error_can_be_forced_at_every_place(esia: EsiaStandin, switch: Switch) -> None:
    system = esia.system()
    token = system.signed_in()["access_token"]
    for code, (error, _) in CATALOGUE.items():
        switch(faults=(f"ac:{code}", f"te:{code}"))
        for values in (told_back(system.authorize()), system.ask(code="any").json()):
            assert (values["error"], values["error_description"][:12]) == (error, f"ESIA-{code}:")
    for code, (status, _) in REST_CATALOGUE.items():
        switch(faults=(f"rs:{code}",))
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


def test_an_id_token_comes_without_openid_too(esia: EsiaStandin) -> None:
    answer = esia.system(scope="fullname").signed_in()
    assert parts_of(answer["id_token"])[1]["sub"] == OID


def test_a_scope_that_we_do_not_know_counts_when_it_is_registered(start_esia: Start) -> None:
    esia = start_esia(system={"scopes": ("openid", "educational_doc")})
    answer = esia.system(scope="openid educational_doc").signed_in()
    claims = parts_of(answer["access_token"])[1]
    assert claims["scope"] == f"openid educational_doc?oid={OID}"
