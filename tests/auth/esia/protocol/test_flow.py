"""The whole way through the stand-in, in both dialects, and the shapes of what it gives."""

from __future__ import annotations

import base64
import io
import uuid
import zipfile
from collections.abc import Callable

import pytest
import requests
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509 import load_pem_x509_certificate

from auth.esia.protocol.gost import Gost
from auth.esia.protocol.signatures import make_certificate
from tests.auth.esia.conftest import EsiaStandin
from tests.auth.esia.system import System, came_back, error_in, parts_of, unpadded
from tests.auth.people import PUPIL
from tests.relying_party import Browser

OID = 1000000103


@pytest.mark.parametrize("mnemonic", ["SCHOOL01", "GOST01"])
@pytest.mark.parametrize("dialect", [1, 2])
def test_a_person_signs_in_and_the_system_reads_who_it_is(
    esia: EsiaStandin, browser: Browser, mnemonic: str, dialect: int
) -> None:
    system = esia.system(mnemonic, dialect=dialect)
    answer = system.tokens(system.sign_in(browser))
    person = system.rest(f"prns/{OID}", answer["access_token"])
    assert person.status_code == 200
    assert person.json()["lastName"] == "Подтверждённый"
    assert esia.refusals() == []


def test_a_good_request_is_redirected_to_the_sign_in_page_of_the_same_host(
    esia: EsiaStandin,
) -> None:
    answer = esia.system().authorize()
    assert answer.status_code == 302
    assert answer.headers["Location"].startswith("/login?")


def test_the_access_token_has_the_recorded_shape(system: System, browser: Browser) -> None:
    answer = system.tokens(system.sign_in(browser, scope="openid fullname email"))
    header, claims = parts_of(answer["access_token"])
    assert header == {"ver": 1, "typ": "JWT", "sbt": "access", "alg": "RS256"}
    assert claims["urn:esia:sbj_id"] == OID
    assert isinstance(claims["urn:esia:sbj_id"], int)
    assert claims["scope"] == f"openid fullname?oid={OID} email?oid={OID}"
    assert claims["client_id"] == "SCHOOL01"
    assert claims["exp"] - claims["iat"] == 3600
    assert {"aud", "sub"} & set(claims) == set()


def test_the_id_token_has_the_recorded_shape(system: System, browser: Browser) -> None:
    answer = system.tokens(system.sign_in(browser))
    header, claims = parts_of(answer["id_token"])
    assert header == {"ver": 0, "typ": "JWT", "sbt": "id", "alg": "RS256"}
    assert claims["sub"] == OID
    assert isinstance(claims["sub"], int)
    assert claims["aud"] == "SCHOOL01"
    assert claims["iss"] == "http://esia.gosuslugi.ru/"
    assert claims["amr"] == claims["urn:esia:amd"] == "PWD"
    assert claims["exp"] - claims["iat"] == 10800
    assert claims["urn:esia:sbj"] == {
        "urn:esia:sbj:oid": OID,
        "urn:esia:sbj:nam": f"OID.{OID}",
        "urn:esia:sbj:typ": "P",
        "urn:esia:sbj:lvl": "PR",
        "urn:esia:sbj:is_tru": True,
    }
    access = parts_of(answer["access_token"])[1]
    assert (
        claims["urn:esia:sid"] == access["urn:esia:sid"] == str(uuid.UUID(access["urn:esia:sid"]))
    )


def test_slashes_are_escaped_in_tokens(system: System, browser: Browser) -> None:
    token = system.tokens(system.sign_in(browser))["id_token"]
    assert rb'"iss":"http:\/\/esia.gosuslugi.ru\/"' in unpadded(token.split(".")[1])


@pytest.mark.parametrize(
    ("person", "level"), [("simplified", "P"), ("standard", "P"), ("child", "KD")]
)
def test_is_tru_is_absent_when_the_account_is_not_confirmed(
    system: System, browser: Browser, person: str, level: str
) -> None:
    answer = system.tokens(system.sign_in(browser, person))
    subject = parts_of(answer["id_token"])[1]["urn:esia:sbj"]
    assert "urn:esia:sbj:is_tru" not in subject
    assert subject["urn:esia:sbj:lvl"] == level
    oid = subject["urn:esia:sbj:oid"]
    assert system.rest(f"prns/{oid}", answer["access_token"]).json()["trusted"] is False


def test_the_code_is_a_long_jwt_and_the_answer_has_the_recorded_fields(
    system: System, browser: Browser
) -> None:
    code = system.sign_in(browser)
    assert len(code) > 900
    header, claims = parts_of(code)
    assert header["sbt"] == "authorization_code"
    assert claims["exp"] > 10**12  # milliseconds
    state = str(uuid.uuid4())
    answer = system.tokens(code, state=state)
    assert answer["state"] == state
    assert answer["token_type"] == "Bearer"
    assert answer["expires_in"] == 3600
    assert answer["refresh_token"] == str(uuid.UUID(answer["refresh_token"]))


def test_tokens_verify_with_the_published_certificates(esia: EsiaStandin, browser: Browser) -> None:
    packed = requests.get(f"{esia.url}/public/esia.zip", timeout=60).content
    archive = zipfile.ZipFile(io.BytesIO(packed))
    for mnemonic, name in (("SCHOOL01", "RSA.cer"), ("GOST01", "GOST2012.cer")):
        system = esia.system(mnemonic)
        token = system.tokens(system.sign_in(browser))["access_token"]
        signed, _, signature = token.rpartition(".")
        raw = unpadded(signature)
        if name == "RSA.cer":
            key = load_pem_x509_certificate(archive.read(name)).public_key()
            assert isinstance(key, rsa.RSAPublicKey)
            key.verify(raw, signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        else:
            assert parts_of(token)[0]["alg"] == "GOST3410_2012_256"
            certificate = make_certificate(archive.read(name), Gost())
            assert certificate.check(signed.encode(), raw, Gost())


def test_a_second_system_is_entered_without_a_password_for_three_hours(
    esia: EsiaStandin, browser: Browser
) -> None:
    esia.system().sign_in(browser)
    page = browser.open(esia.system("GOST01").authorize_url())
    assert "/login/consent?" in page.url
    esia.clock.forward(3 * 3600 - 1)
    assert "code" in came_back(browser.open(esia.system().authorize_url()))
    esia.clock.forward(1)
    assert "/login?" in browser.open(esia.system().authorize_url()).url


def test_consent_is_asked_once_and_again_for_more(system: System, browser: Browser) -> None:
    system.sign_in(browser)
    assert "code" in came_back(browser.open(system.authorize_url()))
    assert "consent" in browser.open(system.authorize_url(scope="openid fullname snils")).url


def test_a_refused_consent_goes_back_as_007004(system: System, browser: Browser) -> None:
    state = str(uuid.uuid4())
    page = browser.submit(browser.open(system.authorize_url(state=state)), persona="confirmed")
    back = came_back(browser.submit(page, decision="deny"))
    assert back["error"] == "access_denied"
    assert back["error_description"].startswith("ESIA-007004: ")
    assert back["state"] == state


def test_the_public_test_accounts_are_known(esia: EsiaStandin, browser: Browser) -> None:
    system = esia.system(scope="openid snils")
    page = browser.sign_in(system.authorize_url(), "EsiaTest006@yandex.ru", "11111111")
    answer = system.tokens(came_back(browser.submit(page, decision="allow"))["code"])
    oid = parts_of(answer["id_token"])[1]["sub"]
    person = system.rest(f"prns/{oid}", answer["access_token"]).json()
    assert person["snils"] == "000-000-600 06"


def test_a_provisioned_person_keeps_one_oid_and_leaves_an_event(
    esia: EsiaStandin, browser: Browser
) -> None:
    esia.give_password()
    system = esia.system()
    oids = []
    for _ in range(2):
        answer = system.tokens(came_back(system.enter_with_password(browser))["code"])
        oids.append(parts_of(answer["id_token"])[1]["sub"])
        browser.open(f"{esia.url}/idp/ext/Logout?client_id=SCHOOL01")
    assert oids[0] == oids[1]
    assert [(one.person_id, one.client_id, one.result) for one in esia.events()] == [
        (PUPIL, "esia:SCHOOL01", "allowed")
    ] * 2


def test_entering_a_system_again_is_an_event_of_single_sign_on(
    esia: EsiaStandin, browser: Browser
) -> None:
    esia.give_password()
    system = esia.system()
    system.enter_with_password(browser)
    esia.clock.forward(1)
    came_back(browser.open(system.authorize_url()))
    assert [one.method for one in esia.events()] == ["password", "session"]


def test_a_provisioned_persons_data_is_what_our_sign_in_knows(
    esia: EsiaStandin, browser: Browser
) -> None:
    esia.give_password()
    system = esia.system(scope="openid fullname birthdate snils")
    answer = system.tokens(came_back(system.enter_with_password(browser))["code"])
    claims = parts_of(answer["id_token"])[1]
    assert claims["urn:esia:sbj"]["urn:esia:sbj:lvl"] == "KD"
    person = system.rest(f"prns/{claims['sub']}", answer["access_token"]).json()
    assert person["birthDate"] == "05.03.2014"
    assert "snils" not in person


def test_a_first_password_does_not_open_the_stand_in(esia: EsiaStandin, browser: Browser) -> None:
    page = browser.sign_in(esia.system().authorize_url(), "1234p5678", "05032014")
    assert page.status == 400
    assert "первый пароль" in page.text


def test_a_wrong_password_is_refused_and_recorded(esia: EsiaStandin, browser: Browser) -> None:
    page = browser.sign_in(esia.system().authorize_url(), "1234p5678", "wrong")
    assert page.status == 400
    assert [(one.result, one.reason) for one in esia.events()] == [("refused", "wrong_password")]


def test_without_test_people_nobody_enters_without_a_password(
    start_esia: Callable[..., EsiaStandin], browse: Callable[[EsiaStandin], Browser]
) -> None:
    esia = start_esia(test_people=False)
    browser = browse(esia)
    page = browser.submit(browser.open(esia.system().authorize_url()), persona="confirmed")
    assert page.status == 400
    page = browser.sign_in(esia.system().authorize_url(), "EsiaTest001@yandex.ru", "11111111")
    assert page.status == 400


@pytest.mark.parametrize(
    ("person_filter", "person", "code"),
    [
        ("conf_acc", "simplified", "007055"),
        ("conf_acc", "confirmed", ""),
        ("acc_kid", "confirmed", "007062"),
        ("acc_kid", "child", ""),
        ("acc_not_kid", "child", "007062"),
        ("acc_not_kid", "parent", ""),
    ],
)
def test_person_filter_lets_only_its_people_in(
    esia: EsiaStandin, browser: Browser, person_filter: str, person: str, code: str
) -> None:
    encoded = base64.b64encode(person_filter.encode()).decode()
    back = came_back(esia.system().enter(browser, person, person_filter=encoded))
    assert error_in(back)[1] == code
    assert ("code" in back) is not bool(code)


def test_logout_ends_the_session_and_returns_to_a_registered_host_only(
    esia: EsiaStandin, browser: Browser
) -> None:
    system = esia.system()
    system.sign_in(browser)
    url = f"{esia.url}/idp/ext/Logout?client_id=SCHOOL01&redirect_url="
    assert browser.open(url + "https://evil.example/").url.startswith(esia.url)
    assert "/login?" in browser.open(system.authorize_url()).url
    page = browser.open(url + "https://journal.example/bye")
    assert page.url == "https://journal.example/bye"


def test_signing_in_again_makes_the_earlier_session_worthless(
    system: System, browser: Browser
) -> None:
    system.sign_in(browser)
    earlier = browser.session.cookies["ESIA_SESSION"]
    page = browser.open(system.authorize_url(scope="openid snils"))
    page = browser.open(page.url.replace("/login/consent?", "/login?"))
    browser.submit(page, persona="parent")
    for cookie, place in (
        (browser.session.cookies["ESIA_SESSION"], "/login/consent?"),
        (earlier, "/login?"),
    ):
        system.session.cookies.set("ESIA_SESSION", cookie)
        answer = system.session.get(system.authorize_url(), allow_redirects=False, timeout=60)
        assert answer.headers["Location"].startswith(place)


def test_a_sign_in_page_belongs_to_the_browser_that_brought_the_request(
    esia: EsiaStandin, browser: Browser, browse: Callable[[EsiaStandin], Browser]
) -> None:
    page = browser.open(esia.system().authorize_url())
    assert browse(esia).open(page.url).status == 400
    assert browser.submit(page, persona="confirmed", form_token="0").status == 400
