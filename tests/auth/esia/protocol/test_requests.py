"""Wrong requests are refused with ЕСИА's own codes, and never sent to an unchecked address."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
import requests

from tests.auth.esia.conftest import EsiaStandin, Start
from tests.auth.esia.signing import BEGIN, Signer, url_safe
from tests.auth.esia.system import STATE, V1_TEXT, System, error_in, parts_of, told_back

ON_SQLITE = True


def error_of(answer: requests.Response) -> tuple[str, str]:
    """The error and its ЕСИА code that went back to the system, with the state."""
    assert answer.status_code == 302, answer.text
    assert answer.headers["Location"].startswith("https://journal.example/esia?")
    values = told_back(answer)
    assert values["error"]
    assert "state" not in values or values["state"] == STATE
    return error_in(values)


def is_let_in(answer: requests.Response) -> bool:
    assert answer.status_code == 302, answer.text
    return answer.headers["Location"].startswith("/login?")


def get(url: str) -> requests.Response:
    return requests.get(url, allow_redirects=False, timeout=60)


WRONG, SIGNATURE = ("invalid_request", "007003"), ("access_denied", "007053")


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
        ({"client_secret": "%%%"}, *SIGNATURE),
        ({"client_secret": "AAAA"}, *SIGNATURE),
        ({"access_type": "sometimes"}, *WRONG),
        ({"person_filter": "everybody"}, *WRONG),
        ({"code_challenge": "short"}, *WRONG),
        ({"roles": "DIRECTOR"}, "invalid_request", "007060"),
        ({"roles": "chief"}, "invalid_request", "007060"),
        ({"roles": " "}, "invalid_request", "007060"),
        ({"obj_type": "COMPANY"}, "invalid_request", "007061"),
        ({"obj_type": "LEGAL PERSON"}, "invalid_request", "007061"),
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
    assert error_of(system.authorize(state=STATE, client_certificate_hash="0" * 64)) == SIGNATURE


@pytest.mark.parametrize(
    ("added", "code"),
    [("scope=openid", "007003"), ("comment=%FF%FE", "007038")],
    ids=["a parameter given twice", "no text"],
)
def test_what_cannot_be_read_in_one_way_is_refused(system: System, added: str, code: str) -> None:
    url = system.authorize_url(state=STATE)
    assert error_of(get(f"{url}&{added}")) == ("invalid_request", code)


@pytest.mark.parametrize(
    "changes",
    [
        *(
            {"timestamp": f"2026.09.01 {moment}"}
            for moment in (
                "08:00:00 +0000", "12:00:00 +0400", "00:00:00 -0800",  # any offset
                "10:55:00 +0300", "11:05:00 +0300",  # a clock may be off by five minutes
            )
        ),
        {"redirect_uri": "http://JOURNAL.example:8443/any?path=1"},  # any port and path
        {"person_filter": base64.b64encode(b"acc_kid").decode().rstrip("=")},
    ],
)  # fmt: skip
def test_what_is_in_order_is_let_in(system: System, changes: dict[str, str]) -> None:
    assert is_let_in(system.authorize(**changes))


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


def test_an_unknown_system_is_told_on_a_page(esia: EsiaStandin) -> None:
    answer = esia.system().authorize(client_id="UNKNOWN")
    assert answer.status_code == 400
    assert "ESIA-007005" in answer.text
    assert [(one.system, one.code) for one in esia.refusals()] == [("", "007005")]


def test_a_request_is_accepted_once_and_again_from_its_own_browser(system: System) -> None:
    url = system.authorize_url(state=STATE)
    for _ in range(2):
        assert "/login?" in system.browser.open(url).url
    assert error_of(get(url)) == WRONG


@pytest.mark.parametrize("dialect", [1, 2])
def test_a_changed_parameter_breaks_the_signature(esia: EsiaStandin, dialect: int) -> None:
    system = esia.system(dialect=dialect)
    url = system.authorize_url(state=STATE, scope="openid fullname")
    assert error_of(get(url.replace("fullname", "snils"))) == SIGNATURE


def test_a_certificate_inside_the_cms_that_is_not_registered_is_007002(esia: EsiaStandin) -> None:
    system = esia.system(dialect=1, signer=Signer(number=2))
    assert error_of(system.authorize(state=STATE)) == ("unauthorized_client", "007002")


def test_a_system_without_a_certificate_yet_is_refused(start_esia: Start) -> None:
    system = start_esia(system={"certificate": "not-there.pem"}).system()
    assert error_of(system.authorize(state=STATE)) == ("unauthorized_client", "007002")


FORMS: dict[str, Callable[[Signer, str], bytes]] = {
    "bare": lambda signer, text: signer.raw(text),
    "container": lambda signer, text: signer.cms(text),
    "without attributes": lambda signer, text: signer.cms(text, attributes=False),
}


@pytest.mark.parametrize("mnemonic", ["SCHOOL01", "GOST01"])
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("lenient", [True, False])
def test_a_lenient_system_may_sign_as_in_the_first_dialect_in_every_form(
    start_esia: Start, mnemonic: str, form: str, lenient: bool
) -> None:
    esia = start_esia(system={"accept_v1_order": lenient})
    system = esia.system(mnemonic, signed_names=V1_TEXT)
    system.sign = lambda text: url_safe(FORMS[form](system.signer, text))
    answer = system.authorize(state=STATE)
    assert is_let_in(answer) if lenient else error_of(answer) == SIGNATURE
    token = system.ask(grant_type="client_credentials", scope="openid").json()
    # Past the signature, the scope of a system's own token has to say whom it is about.
    assert error_in(token)[1] == ("007006" if lenient else "007053")


def test_leniency_about_the_form_does_not_reach_the_key_the_text_or_the_hash(
    start_esia: Start,
) -> None:
    esia = start_esia(system={"accept_v1_order": True})

    def passes(by: Signer, tail: str = "", names: Sequence[str] = V1_TEXT, **more: str) -> bool:
        system = esia.system(signed_names=names, sign=lambda text: url_safe(by.cms(text + tail)))
        answer = system.authorize(**more)
        assert is_let_in(answer) or error_in(told_back(answer)) == SIGNATURE
        return is_let_in(answer)

    own = esia.signers["SCHOOL01"]
    assert passes(own)
    assert passes(own, names=())  # the second dialect's order in the first one's container
    assert not passes(Signer(number=2))
    assert not passes(own, "0")
    assert not passes(own, "0", names=())
    assert not passes(own, client_certificate_hash="0" * 64)


def test_two_certificates_count_while_both_are_valid(start_esia: Start, tmp_path: Path) -> None:
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


def test_what_esia_does_not_read_makes_no_difference(system: System) -> None:
    code = system.sign_in(nonce="n-0S6_WzA2Mj", prompt="login", display="page")
    answer = system.tokens(code, refresh_token=STATE)
    assert "nonce" not in parts_of(answer["id_token"])[1]
    assert answer["refresh_token"] != STATE
