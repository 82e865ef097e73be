"""Codes and refresh tokens count once, tokens end in time, and systems have tokens of their own."""

from __future__ import annotations

import base64
import hashlib
import threading
import uuid
from dataclasses import replace
from pathlib import Path

import pytest
import requests

from auth.esia.protocol.keys import load_standin_keys
from tests.auth.conftest import START
from tests.auth.esia.conftest import EsiaStandin
from tests.auth.esia.system import System, came_back, error_in, parts_of
from tests.auth.people import PUPIL
from tests.relying_party import Browser

OID = 1000000103
ORGANISATION = 1000000901


def code_of(answer: requests.Response) -> str:
    assert answer.status_code == 400, answer.text
    return error_in(answer.json())[1]


def test_a_code_counts_once_and_its_second_use_ends_the_tokens(
    system: System, browser: Browser
) -> None:
    code = system.sign_in(browser)
    token = system.tokens(code)["access_token"]
    assert system.rest(f"prns/{OID}", token).status_code == 200
    again = system.ask(code=code, state=(state := str(uuid.uuid4())))
    assert again.json()["error"] == "invalid_grant"
    assert again.json()["state"] == state
    assert code_of(again) == "007011"
    assert system.rest(f"prns/{OID}", token).json()["code"] == "ESIA-005011"


def test_of_many_exchanges_at_once_one_succeeds(esia: EsiaStandin, browser: Browser) -> None:
    system = esia.system()
    code = system.sign_in(browser)
    requests_ready = [system.parameters(code=code, grant_type="authorization_code") for _ in "1234"]
    found: list[int] = []

    def exchange(form: dict[str, str]) -> None:
        address = f"{esia.url}/aas/oauth2/v3/te"
        found.append(requests.post(address, data=form, timeout=60).status_code)

    threads = [threading.Thread(target=exchange, args=(form,)) for form in requests_ready]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(found) == [200, 400, 400, 400]


def test_a_code_counts_for_its_system_address_and_minute_only(
    esia: EsiaStandin, browser: Browser
) -> None:
    system = esia.system()
    foreign = esia.system("GOST01").ask(code=system.sign_in(browser))
    assert code_of(foreign) == "007011"
    elsewhere = "https://journal.example/other"
    assert code_of(system.ask(code=system.sign_in(browser), redirect_uri=elsewhere)) == "007011"
    code = system.sign_in(browser)
    esia.clock.forward(60)
    assert code_of(system.ask(code=code)) == "007011"
    assert code_of(system.ask(code="invented")) == "007011"


def test_a_code_tried_by_another_system_is_still_good(esia: EsiaStandin, browser: Browser) -> None:
    system = esia.system()
    code = system.sign_in(browser)
    esia.system("GOST01").ask(code=code)
    assert system.tokens(code)["access_token"]


def test_granted_scopes_come_from_the_code(system: System, browser: Browser) -> None:
    answer = system.tokens(system.sign_in(browser, scope="openid fullname"), scope="openid")
    assert "fullname?oid=" in parts_of(answer["access_token"])[1]["scope"]


def test_the_same_state_may_come_again_with_the_code(esia: EsiaStandin, browser: Browser) -> None:
    system = esia.system(dialect=1)
    state = str(uuid.uuid4())
    assert system.tokens(system.sign_in(browser, state=state), state=state)["state"] == state


def test_without_offline_access_there_is_no_refresh_token(system: System, browser: Browser) -> None:
    answer = system.tokens(system.sign_in(browser, access_type="online"))
    assert "refresh_token" not in answer


def test_a_refresh_token_gives_a_new_one_and_counts_once(
    esia: EsiaStandin, browser: Browser
) -> None:
    system = esia.system()
    first = system.tokens(system.sign_in(browser))["refresh_token"]
    refresh = {"grant_type": "refresh_token", "refresh_token": first}
    answer = system.ask(**refresh).json()
    assert answer["refresh_token"] != first
    assert system.rest(f"prns/{OID}", answer["access_token"]).status_code == 200
    assert code_of(system.ask(**refresh)) == "007011"
    other = {"grant_type": "refresh_token", "refresh_token": answer["refresh_token"]}
    assert code_of(esia.system("GOST01").ask(**other)) == "007011"


def test_an_access_token_refreshes_nothing(system: System, browser: Browser) -> None:
    token = system.tokens(system.sign_in(browser))["access_token"]
    assert code_of(system.ask(grant_type="refresh_token", refresh_token=token)) == "007011"
    assert system.rest(f"prns/{OID}", token).status_code == 200


def test_pkce_is_checked_when_it_was_begun(system: System, browser: Browser) -> None:
    verifier = "v" * 43
    digest = hashlib.sha256(verifier.encode()).digest()
    challenge = base64.urlsafe_b64encode(digest).decode().rstrip("=")

    def ask(code_verifier: str | None) -> requests.Response:
        code = system.sign_in(browser, code_challenge=challenge)
        return system.ask(code=code, code_verifier=code_verifier)

    assert ask(verifier).status_code == 200
    assert code_of(ask("w" * 43)) == "007040"
    assert code_of(ask(None)) == "007040"
    assert code_of(system.ask(code=system.sign_in(browser), code_verifier=verifier)) == "007039"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"grant_type": None}, "007014"),
        ({"grant_type": "password"}, "007012"),
        ({"token_type": "mac"}, "007003"),
        ({"code": ""}, "007014"),
        ({"redirect_uri": ""}, "007014"),
        ({"client_secret": "AAAA"}, "007053"),
        ({"client_id": "UNKNOWN"}, "007005"),
        ({"timestamp": "now"}, "007015"),
    ],
)
def test_wrong_token_requests_are_refused(
    esia: EsiaStandin, changes: dict[str, str | None], code: str
) -> None:
    assert code_of(esia.system().ask(**{"code": "x"} | changes)) == code
    assert [one.code for one in esia.refusals()] == [code]


def test_the_code_is_masked_in_the_explanation(esia: EsiaStandin, browser: Browser) -> None:
    system = esia.system(signed_names=("client_id", "scope", "timestamp", "state", "redirect_uri"))
    code = "header.claims.signature"
    system.ask(code=code)
    (refusal,) = esia.refusals()
    assert refusal.explanation["fits"] == "without code"
    assert code not in str(refusal.explanation)
    assert refusal.explanation["expected"].endswith("<code, 23 characters>")


def test_a_signed_token_request_cannot_be_sent_again(esia: EsiaStandin, browser: Browser) -> None:
    system = esia.system()
    form = system.parameters(code=system.sign_in(browser), grant_type="authorization_code")
    address = f"{esia.url}/aas/oauth2/v3/te"
    assert requests.post(address, data=form, timeout=60).status_code == 200
    assert code_of(requests.post(address, data=form, timeout=60)) == "007003"


def test_a_system_has_tokens_about_organisations(system: System) -> None:
    scope = f"http://esia.gosuslugi.ru/org_inn?org_oid={ORGANISATION}"
    answer = system.ask(grant_type="client_credentials", scope=scope).json()
    assert set(answer) == {"access_token", "expires_in", "state", "token_type"}
    found = system.rest(f"orgs/{ORGANISATION}", answer["access_token"])
    assert found.json()["inn"] == "0000000901"
    assert "fullName" not in found.json()
    assert system.rest("orgs/1000000902", answer["access_token"]).status_code == 403
    assert system.rest(f"prns/{OID}", answer["access_token"]).status_code == 403
    bare = system.ask(grant_type="client_credentials", scope="org_inn")
    assert code_of(bare) == "007006"
    change = system.ask(grant_type="client_credentials", scope=f"prm_chg?oid={OID}").json()
    header, claims = parts_of(change["access_token"])
    assert header["sbt"] == "access"
    assert claims["scope"] == f"prm_chg?oid={OID}"
    assert "urn:esia:sbj_id" not in claims
    assert system.rest(f"prns/{OID}", change["access_token"]).status_code == 403


def test_somebody_switched_off_since_gets_no_tokens(esia: EsiaStandin, browser: Browser) -> None:
    esia.give_password()
    system = esia.system()
    code = came_back(system.enter_with_password(browser))["code"]
    esia.people.add(replace(esia.people.accounts[PUPIL], suspended=True))
    assert code_of(system.ask(code=code)) == "007011"
    page = browser.open(system.authorize_url())
    assert "/login?" in page.url


def test_the_keys_stay_until_their_file_is_deleted(tmp_path: Path) -> None:
    first = load_standin_keys(tmp_path, START)
    assert load_standin_keys(tmp_path, START).rsa_certificate == first.rsa_certificate
    (file,) = tmp_path.iterdir()
    assert file.stat().st_mode & 0o077 == 0
    file.unlink()
    assert load_standin_keys(tmp_path, START).rsa_certificate != first.rsa_certificate
