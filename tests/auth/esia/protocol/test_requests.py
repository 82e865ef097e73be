"""Wrong requests are refused with ЕСИА's own codes, and never sent to an unchecked address."""

from __future__ import annotations

import base64
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
import requests

from tests.auth.esia.conftest import EsiaStandin
from tests.auth.esia.signing import BEGIN, Signer, url_safe
from tests.auth.esia.system import V1_TEXT, System, error_in, parts_of, told_back
from tests.relying_party import Browser

ON_SQLITE = True

STATE = "c2215a0c-4d8c-4a5c-9b62-0123456789ab"


def error_of(answer: requests.Response) -> tuple[str, str]:
    """The error and its ЕСИА code that went back to the system, with the state."""
    assert answer.status_code == 302, answer.text
    assert answer.headers["Location"].startswith("https://journal.example/esia?")
    values = told_back(answer)
    assert values["error"]
    assert "state" not in values or values["state"] == STATE
    return error_in(values)


def is_let_in(answer: requests.Response) -> bool:
    return answer.headers["Location"].startswith("/login?")


def get(url: str) -> requests.Response:
    return requests.get(url, allow_redirects=False, timeout=60)


@pytest.mark.parametrize("dialect", [1, 2])
@pytest.mark.parametrize(
    ("changes", "error", "code"),
    [
        ({"response_type": None}, "invalid_request", "007014"),
        ({"response_type": "token"}, "unsupported_response_type", "007009"),
        ({"scope": ""}, "invalid_scope", "007013"),
        ({"scope": "openid no_such_scope"}, "invalid_scope", "007006"),
        ({"scope": "http://esia.gosuslugi.ru/usr_inf"}, "invalid_scope", "007006"),
        ({"scope": "http://esia.gosuslugi.ru/fullname"}, "invalid_scope", "007006"),
        ({"scope": "openid fullname?oid=1000000103"}, "invalid_scope", "007006"),
        ({"scope_org": "http://esia.gosuslugi.ru/org_inn"}, "invalid_scope", "007006"),
        ({"scope": "openid military_doc"}, "access_denied", "007019"),
        ({"timestamp": None}, "invalid_request", "007014"),
        ({"timestamp": "2026-09-01T11:00:00+03:00"}, "invalid_request", "007015"),
        ({"timestamp": "2026.09.01 11:00:00 +03:00"}, "invalid_request", "007015"),
        ({"timestamp": "2026.09.01 24:00:00 +0300"}, "invalid_request", "007015"),
        ({"timestamp": "2026.09.01 11:05:01 +0300"}, "invalid_request", "007015"),
        ({"timestamp": "2026.09.01 10:54:59 +0300"}, "invalid_request", "007015"),
        ({"client_secret": None}, "invalid_request", "007014"),
        ({"client_secret": "%%%"}, "access_denied", "007053"),
        ({"client_secret": "AAAA"}, "access_denied", "007053"),
        ({"access_type": "sometimes"}, "invalid_request", "007003"),
        ({"person_filter": "everybody"}, "invalid_request", "007003"),
        ({"code_challenge": "short"}, "invalid_request", "007003"),
    ],
)
def test_a_wrong_request_goes_back_with_its_error_and_state(
    esia: EsiaStandin, dialect: int, changes: dict[str, str | None], error: str, code: str
) -> None:
    answer = esia.system(dialect=dialect).authorize(**{"state": STATE} | changes)
    assert error_of(answer) == (error, code)
    assert [one.code for one in esia.refusals()] == [code]


@pytest.mark.parametrize("state", ["", "not-a-uuid", "/auth/login.php?sesskey=1"])
def test_the_state_must_be_a_uuid(esia: EsiaStandin, state: str) -> None:
    answer = esia.system().authorize(state=state)
    assert "ESIA-0070" in answer.headers["Location"]


def test_the_second_dialect_needs_the_hash_of_the_certificate(system: System) -> None:
    answer = system.authorize(state=STATE, client_certificate_hash=None)
    assert error_of(answer) == ("invalid_request", "007014")
    assert "%5Bclient_certificate_hash%5D" in answer.headers["Location"]
    wrong = system.authorize(state=STATE, client_certificate_hash="0" * 64)
    assert error_of(wrong) == ("access_denied", "007053")


def test_a_parameter_given_twice_is_refused(esia: EsiaStandin) -> None:
    url = esia.system().authorize_url(state=STATE)
    assert error_of(get(f"{url}&scope=openid")) == ("invalid_request", "007003")


@pytest.mark.parametrize("offset", ["+0000", "+0400", "-0800"])
def test_any_offset_of_the_timestamp_is_right(esia: EsiaStandin, offset: str) -> None:
    zone = datetime.strptime(offset, "%z").tzinfo
    moment = esia.clock().astimezone(zone)
    timestamp = f"{moment:%Y.%m.%d %H:%M:%S} {offset}"
    assert is_let_in(esia.system().authorize(timestamp=timestamp))


@pytest.mark.parametrize("time", ["10:55:00", "11:05:00"])
def test_a_clock_may_be_off_by_five_minutes(system: System, time: str) -> None:
    assert is_let_in(system.authorize(timestamp=f"2026.09.01 {time} +0300"))


@pytest.mark.parametrize(
    "redirect_uri",
    [
        "https://evil.example/esia",
        "https://journal.example.evil.example/",
        "https://evil.example@journal.example/",
        "https://journal.example@evil.example/",
        "https://evil.example\\@journal.example/",
        "//journal.example/esia",
        "javascript://journal.example/%0aalert(1)",
        "https://journal.example/esia#fragment",
        "https://journal.example:port/",
        "https://journal.example/\nesia",
        "https://[journal.example/",
    ],
)
def test_nothing_is_sent_to_an_address_whose_host_is_not_registered(
    esia: EsiaStandin, redirect_uri: str
) -> None:
    answer = esia.system(redirect_uri=redirect_uri).authorize()
    assert answer.status_code == 400
    assert "ESIA-007023" in answer.text


def test_any_port_and_path_of_a_registered_host_will_do(esia: EsiaStandin) -> None:
    system = esia.system(redirect_uri="http://JOURNAL.example:8443/any?path=1")
    assert is_let_in(system.authorize())


def test_an_unknown_system_is_told_on_a_page(esia: EsiaStandin) -> None:
    answer = esia.system().authorize(client_id="UNKNOWN")
    assert answer.status_code == 400
    assert "ESIA-007005" in answer.text
    assert [(one.system, one.code) for one in esia.refusals()] == [("", "007005")]


def test_a_request_is_accepted_once_and_again_from_its_own_browser(
    esia: EsiaStandin, browser: Browser
) -> None:
    url = esia.system().authorize_url(state=STATE)
    for _ in range(2):
        assert "/login?" in browser.open(url).url
    assert error_of(get(url)) == ("invalid_request", "007003")


@pytest.mark.parametrize("dialect", [1, 2])
def test_a_changed_parameter_breaks_the_signature(esia: EsiaStandin, dialect: int) -> None:
    system = esia.system(dialect=dialect)
    url = system.authorize_url(state=STATE, scope="openid fullname")
    assert error_of(get(url.replace("fullname", "snils"))) == ("access_denied", "007053")


def test_a_certificate_inside_the_cms_that_is_not_registered_is_007002(esia: EsiaStandin) -> None:
    system = esia.system(dialect=1, signer=Signer(number=2))
    assert error_of(system.authorize(state=STATE)) == ("unauthorized_client", "007002")


def test_a_system_without_a_certificate_yet_is_refused(
    start_esia: Callable[..., EsiaStandin],
) -> None:
    esia = start_esia(system={"certificate": "not-there.pem"})
    answer = esia.system().authorize(state=STATE)
    assert error_of(answer) == ("unauthorized_client", "007002")


def test_the_order_of_v1_is_accepted_by_a_lenient_system_only(
    esia: EsiaStandin, start_esia: Callable[..., EsiaStandin]
) -> None:
    strict = esia.system(signed_names=V1_TEXT)
    assert error_of(strict.authorize(state=STATE)) == ("access_denied", "007053")
    lenient = start_esia(system={"accept_v1_order": True}).system(signed_names=V1_TEXT)
    assert is_let_in(lenient.authorize())


@pytest.mark.parametrize("names", [V1_TEXT, ()])
def test_a_container_of_either_order_is_accepted_by_a_lenient_system(
    start_esia: Callable[..., EsiaStandin], names: tuple[str, ...]
) -> None:
    system = start_esia(system={"accept_v1_order": True}).system(signed_names=names)
    system.sign = lambda text: url_safe(system.signer.cms(text))
    assert is_let_in(system.authorize())
    system.sign = lambda text: url_safe(system.signer.cms(f"{text}0"))
    assert error_of(system.authorize(state=STATE)) == ("access_denied", "007053")


def test_two_certificates_count_while_both_are_valid(
    start_esia: Callable[..., EsiaStandin], tmp_path: Path
) -> None:
    later = Signer(number=3, begin=BEGIN + timedelta(days=300))
    (tmp_path / "next.pem").write_text(later.pem)
    esia = start_esia(system={"next_certificate": str(tmp_path / "next.pem")})

    def code(signer: Signer) -> str:
        return error_in(told_back(esia.system(signer=signer).authorize()))[1]

    first = esia.signers["SCHOOL01"]
    assert (code(first), code(later)) == ("", "007053")  # announced
    esia.clock.now = BEGIN + timedelta(days=400)
    assert (code(first), code(later)) == ("", "")  # overlapping
    esia.clock.now = BEGIN + timedelta(days=520)
    assert (code(first), code(later)) == ("007053", "")  # done


def test_the_person_filter_may_come_without_padding(esia: EsiaStandin) -> None:
    encoded = base64.b64encode(b"acc_kid").decode().rstrip("=")
    assert is_let_in(esia.system().authorize(person_filter=encoded))


def test_parameters_that_are_no_text_cannot_be_read(esia: EsiaStandin) -> None:
    url = esia.system().authorize_url(state=STATE)
    assert error_of(get(f"{url}&comment=%FF%FE")) == ("invalid_request", "007038")


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"client_id": "SCHOOL01"}', "application/json"),
        (b"client_id=SCHOOL01&state=%FF", "application/x-www-form-urlencoded"),
        (b"client_id=SCHOOL01&state=\xff", "application/x-www-form-urlencoded"),
        (b"client_id=" + b"A" * 100_001, "application/x-www-form-urlencoded"),
    ],
)
def test_a_token_request_that_is_no_form_cannot_be_read(
    esia: EsiaStandin, body: bytes, kind: str
) -> None:
    address = f"{esia.url}/aas/oauth2/v3/te"
    answer = requests.post(address, data=body, headers={"Content-Type": kind}, timeout=60)
    assert answer.status_code == 400
    assert answer.json()["error_description"].startswith("ESIA-007038: ")


def test_a_token_request_may_be_a_form_in_parts(esia: EsiaStandin) -> None:
    """PHP's curl sends one when it is given an array."""
    form = esia.system().parameters(code="x", grant_type="authorization_code")
    parts = {name: (None, value) for name, value in form.items()}
    answer = requests.post(f"{esia.url}/aas/oauth2/v3/te", files=parts, timeout=60)
    assert answer.json()["error_description"].startswith("ESIA-007011: ")


def test_what_esia_does_not_read_makes_no_difference(system: System, browser: Browser) -> None:
    code = system.sign_in(browser, nonce="n-0S6_WzA2Mj", prompt="login", display="page")
    answer = system.tokens(code, refresh_token=STATE)
    assert "nonce" not in parts_of(answer["id_token"])[1]
    assert answer["refresh_token"] != STATE
