"""Codes and refresh tokens count once, tokens end in time, and systems have tokens of their own."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
import requests
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from auth.esia.protocol.keys import load_standin_keys
from tests.auth.conftest import START
from tests.auth.esia.conftest import EsiaStandin
from tests.auth.esia.system import OID, STATE, System, came_back, error_in, parts_of
from tests.auth.people import PUPIL

ORGANISATION = 1000000901


def code_of(answer: requests.Response) -> str:
    assert answer.status_code == 400, answer.text
    return error_in(answer.json())[1]


def post(system: System, form: dict[str, str]) -> requests.Response:
    return requests.post(f"{system.url}/aas/oauth2/v3/te", data=form, timeout=60)


def test_a_code_counts_once_and_its_second_use_ends_the_tokens(system: System) -> None:
    code = system.sign_in()
    token = system.tokens(code)["access_token"]
    assert system.rest(f"prns/{OID}", token).status_code == 200
    again = system.ask(code=code, state=STATE)
    assert (again.json()["error"], again.json()["state"]) == ("invalid_grant", STATE)
    assert code_of(again) == "007011"
    assert system.rest(f"prns/{OID}", token).json()["code"] == "ESIA-005011"


def test_of_many_exchanges_at_once_one_succeeds(system: System) -> None:
    code = system.sign_in()
    forms = [system.parameters(code=code, grant_type="authorization_code") for _ in range(4)]
    with ThreadPoolExecutor(len(forms)) as threads:
        statuses = threads.map(lambda form: post(system, form).status_code, forms)
    assert sorted(statuses) == [200, 400, 400, 400]


def test_a_code_counts_for_its_system_address_and_minute_only(esia: EsiaStandin) -> None:
    system = esia.system()
    code = system.sign_in()
    assert code_of(esia.system("GOST01").ask(code=code)) == "007011"
    assert system.tokens(code)["access_token"]  # it is still good
    elsewhere = "https://journal.example/other"
    assert code_of(system.ask(code=system.sign_in(), redirect_uri=elsewhere)) == "007011"
    code = system.sign_in()
    esia.clock.forward(60)
    assert code_of(system.ask(code=code)) == "007011"
    assert code_of(system.ask(code="invented")) == "007011"


def test_granted_scopes_come_from_the_code(system: System) -> None:
    answer = system.tokens(system.sign_in(scope="openid fullname"), scope="openid")
    assert "fullname?oid=" in parts_of(answer["access_token"])[1]["scope"]


def test_the_same_state_may_come_again_with_the_code(esia: EsiaStandin) -> None:
    system = esia.system(dialect=1)
    assert system.tokens(system.sign_in(state=STATE), state=STATE)["state"] == STATE


def test_without_offline_access_there_is_no_refresh_token(system: System) -> None:
    assert "refresh_token" not in system.signed_in(access_type="online")


def test_a_refresh_token_gives_a_new_one_and_counts_once(esia: EsiaStandin) -> None:
    system = esia.system()
    first = system.signed_in()["refresh_token"]
    answer = system.refresh(first).json()
    assert answer["refresh_token"] != first
    assert system.rest(f"prns/{OID}", answer["access_token"]).status_code == 200
    assert code_of(system.refresh(first)) == "007011"
    assert code_of(esia.system("GOST01").refresh(answer["refresh_token"])) == "007011"


def test_an_access_token_refreshes_nothing(system: System) -> None:
    token = system.signed_in()["access_token"]
    assert code_of(system.refresh(token)) == "007011"
    assert system.rest(f"prns/{OID}", token).status_code == 200


@pytest.mark.parametrize(
    ("begun", "verifier", "code"),
    [
        (True, "v" * 43, ""),
        (True, "w" * 43, "007040"),
        (True, None, "007040"),
        (False, "v" * 43, "007039"),
    ],
)
def test_pkce_is_checked_when_it_was_begun(
    system: System, begun: bool, verifier: str | None, code: str
) -> None:
    challenge = {"code_challenge": create_s256_code_challenge("v" * 43)} if begun else {}
    answer = system.ask(code=system.sign_in(**challenge), code_verifier=verifier)
    assert error_in(answer.json())[1] == code
    assert answer.status_code == (400 if code else 200)


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


def test_the_code_is_masked_in_the_explanation(esia: EsiaStandin) -> None:
    system = esia.system(signed_names=("client_id", "scope", "timestamp", "state", "redirect_uri"))
    code = "header.claims.signature"
    system.ask(code=code)
    (refusal,) = esia.refusals()
    assert refusal.explanation["fits"] == "without code"
    assert code not in str(refusal.explanation)
    assert refusal.explanation["expected"].endswith("<code, 23 characters>")


def test_a_signed_token_request_cannot_be_sent_again(system: System) -> None:
    form = system.parameters(code=system.sign_in(), grant_type="authorization_code")
    assert post(system, form).status_code == 200
    assert code_of(post(system, form)) == "007003"


def test_a_system_has_tokens_about_organisations(system: System) -> None:
    def ask(scope: str) -> requests.Response:
        return system.ask(grant_type="client_credentials", scope=scope)

    def statuses(token: str, *paths: str) -> list[int]:
        return [system.rest(path, token).status_code for path in paths]

    answer = ask(f"http://esia.gosuslugi.ru/org_inn?org_oid={ORGANISATION}").json()
    assert set(answer) == {"access_token", "expires_in", "state", "token_type"}
    found = system.rest(f"orgs/{ORGANISATION}", answer["access_token"]).json()
    assert found["inn"] == "0000000901"
    assert "fullName" not in found
    assert statuses(answer["access_token"], "orgs/1000000902", f"prns/{OID}") == [403, 403]
    assert code_of(ask("org_inn")) == "007006"
    token = ask(f"prm_chg?oid={OID}").json()["access_token"]
    header, claims = parts_of(token)
    assert (header["sbt"], claims["scope"]) == ("access", f"prm_chg?oid={OID}")
    assert "urn:esia:sbj_id" not in claims
    assert statuses(token, f"prns/{OID}") == [403]


def test_somebody_switched_off_since_gets_no_tokens(esia: EsiaStandin) -> None:
    esia.give_password(PUPIL)
    system = esia.system()
    code = came_back(system.enter_with_password())["code"]
    esia.people.add(replace(esia.people.accounts[PUPIL], suspended=True))
    assert code_of(system.ask(code=code)) == "007011"
    assert "/login?" in system.come().url


def test_the_keys_stay_until_their_file_is_deleted(tmp_path: Path) -> None:
    first = load_standin_keys(tmp_path, START)
    assert load_standin_keys(tmp_path, START).rsa_certificate == first.rsa_certificate
    (file,) = tmp_path.iterdir()
    assert file.stat().st_mode & 0o077 == 0
    file.unlink()
    assert load_standin_keys(tmp_path, START).rsa_certificate != first.rsa_certificate
