"""The whole way through the stand-in, in both dialects, and the shapes of what it gives."""

from __future__ import annotations

import io
import uuid
import zipfile

import pytest
import requests
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509 import load_pem_x509_certificate

from auth.esia.protocol.gost import Gost
from auth.esia.protocol.signatures import make_certificate
from tests.auth.esia.conftest import EsiaStandin, Start
from tests.auth.esia.system import OID, STATE, System, came_back, parts_of, unpadded
from tests.auth.people import PUPIL


@pytest.mark.parametrize("mnemonic", ["SCHOOL01", "GOST01"])
@pytest.mark.parametrize("dialect", [1, 2])
def test_a_person_signs_in_and_the_system_reads_who_it_is(
    esia: EsiaStandin, mnemonic: str, dialect: int
) -> None:
    system = esia.system(mnemonic, dialect=dialect)
    assert system.person(system.signed_in())["lastName"] == "Подтверждённый"
    assert esia.refusals() == []


def test_the_access_token_has_the_recorded_shape(system: System) -> None:
    answer = system.signed_in(scope="openid fullname email")
    header, claims = parts_of(answer["access_token"])
    assert header == {"ver": 1, "typ": "JWT", "sbt": "access", "alg": "RS256"}
    assert claims["urn:esia:sbj_id"] == OID
    assert isinstance(claims["urn:esia:sbj_id"], int)
    assert claims["scope"] == f"openid fullname?oid={OID} email?oid={OID}"
    assert claims["client_id"] == "SCHOOL01"
    assert claims["exp"] - claims["iat"] == 3600
    assert {"aud", "sub"} & set(claims) == set()


def test_the_id_token_has_the_recorded_shape(system: System) -> None:
    answer = system.signed_in()
    header, claims = parts_of(answer["id_token"])
    assert header == {"ver": 0, "typ": "JWT", "sbt": "id", "alg": "RS256"}
    recorded = {
        "sub": OID,
        "aud": "SCHOOL01",
        "iss": "http://esia.gosuslugi.ru/",
        "amr": "PWD",
        "urn:esia:amd": "PWD",
        "exp": claims["iat"] + 10800,
        "urn:esia:sbj": {
            "urn:esia:sbj:oid": OID,
            "urn:esia:sbj:nam": f"OID.{OID}",
            "urn:esia:sbj:typ": "P",
            "urn:esia:sbj:lvl": "PR",
            "urn:esia:sbj:is_tru": True,
        },
    }
    assert claims | recorded == claims
    assert isinstance(claims["sub"], int)
    session = parts_of(answer["access_token"])[1]["urn:esia:sid"]
    assert claims["urn:esia:sid"] == session == str(uuid.UUID(session))
    # Slashes are escaped.
    assert rb'"iss":"http:\/\/esia.gosuslugi.ru\/"' in unpadded(answer["id_token"].split(".")[1])


@pytest.mark.parametrize(
    ("person", "level"), [("simplified", "P"), ("standard", "P"), ("child", "KD")]
)
def test_is_tru_is_absent_when_the_account_is_not_confirmed(
    system: System, person: str, level: str
) -> None:
    answer = system.signed_in(person)
    subject = parts_of(answer["id_token"])[1]["urn:esia:sbj"]
    assert "urn:esia:sbj:is_tru" not in subject
    assert subject["urn:esia:sbj:lvl"] == level
    assert system.person(answer)["trusted"] is False


def test_the_code_is_a_long_jwt_and_the_answer_has_the_recorded_fields(system: System) -> None:
    code = system.sign_in()
    assert len(code) > 900
    header, claims = parts_of(code)
    assert header["sbt"] == "authorization_code"
    assert claims["exp"] > 10**12  # milliseconds
    answer = system.tokens(code, state=STATE)
    assert answer | {"state": STATE, "token_type": "Bearer", "expires_in": 3600} == answer
    assert answer["refresh_token"] == str(uuid.UUID(answer["refresh_token"]))


def test_tokens_verify_with_the_published_certificates(esia: EsiaStandin) -> None:
    packed = requests.get(f"{esia.url}/public/esia.zip", timeout=60).content
    archive = zipfile.ZipFile(io.BytesIO(packed))
    for mnemonic, name in (("SCHOOL01", "RSA.cer"), ("GOST01", "GOST2012.cer")):
        token = esia.system(mnemonic).signed_in()["access_token"]
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


def test_a_second_system_is_entered_without_a_password_for_three_hours(esia: EsiaStandin) -> None:
    system = esia.system()
    system.sign_in()
    assert "/login/consent?" in esia.system("GOST01").come().url
    esia.clock.forward(3 * 3600 - 1)
    assert "code" in came_back(system.come())
    esia.clock.forward(1)
    assert "/login?" in system.come().url


def test_consent_is_asked_once_and_again_for_more(system: System) -> None:
    system.sign_in()
    assert "code" in came_back(system.come())
    assert "consent" in system.come(scope="openid fullname snils").url


def test_a_refused_consent_goes_back_as_007004(system: System) -> None:
    page = system.browser.submit(system.come(state=STATE), persona="confirmed")
    back = came_back(system.browser.submit(page, decision="deny"))
    assert (back["error"], back["state"]) == ("access_denied", STATE)
    assert back["error_description"].startswith("ESIA-007004: ")


def test_the_public_test_accounts_are_known(esia: EsiaStandin) -> None:
    system = esia.system(scope="openid snils")
    page = system.type_password("11111111", "EsiaTest006@yandex.ru")
    code = came_back(system.browser.submit(page, decision="allow"))["code"]
    assert system.person(system.tokens(code))["snils"] == "000-000-600 06"


def test_a_provisioned_person_keeps_one_oid_and_leaves_an_event(esia: EsiaStandin) -> None:
    esia.give_password(PUPIL)
    oids = set()
    for _ in range(2):
        oids.add(parts_of(esia.system().pupil_signed_in()["id_token"])[1]["sub"])
        esia.browser.open(f"{esia.url}/idp/ext/Logout?client_id=SCHOOL01")
    assert len(oids) == 1
    assert [(one.person_id, one.client_id, one.result) for one in esia.events()] == [
        (PUPIL, "esia:SCHOOL01", "allowed")
    ] * 2


def test_entering_a_system_again_is_an_event_of_single_sign_on(esia: EsiaStandin) -> None:
    esia.give_password(PUPIL)
    system = esia.system()
    system.enter_with_password()
    esia.clock.forward(1)
    came_back(system.come())
    assert [one.method for one in esia.events()] == ["password", "session"]


def test_a_first_password_does_not_open_the_stand_in(system: System) -> None:
    page = system.type_password("05032014")
    assert page.status == 400
    assert "первый пароль" in page.text


def test_a_wrong_password_is_refused_and_recorded(esia: EsiaStandin) -> None:
    assert esia.system().type_password("wrong").status == 400
    assert [(one.result, one.reason) for one in esia.events()] == [("refused", "wrong_password")]


def test_without_test_people_nobody_enters_without_a_password(start_esia: Start) -> None:
    system = start_esia(test_people=False).system()
    assert system.browser.submit(system.come(), persona="confirmed").status == 400
    assert system.type_password("11111111", "EsiaTest001@yandex.ru").status == 400


def test_logout_ends_the_session_and_returns_to_a_registered_host_only(esia: EsiaStandin) -> None:
    system, browser = esia.system(), esia.browser
    system.sign_in()
    url = f"{esia.url}/idp/ext/Logout?client_id=SCHOOL01&redirect_url="
    assert browser.open(url + "https://evil.example/").url.startswith(esia.url)
    assert "/login?" in system.come().url
    assert browser.open(url + "https://journal.example/bye").url == "https://journal.example/bye"


def test_signing_in_again_makes_the_earlier_session_worthless(system: System) -> None:
    system.sign_in()
    browser = system.browser
    earlier = browser.session.cookies["ESIA_SESSION"]
    page = system.come(scope="openid snils")
    page = browser.open(page.url.replace("/login/consent?", "/login?"))
    browser.submit(page, persona="parent")
    for cookie, place in (
        (browser.session.cookies["ESIA_SESSION"], "/login/consent?"),
        (earlier, "/login?"),
    ):
        system.session.cookies.set("ESIA_SESSION", cookie)
        answer = system.session.get(system.authorize_url(), allow_redirects=False, timeout=60)
        assert answer.headers["Location"].startswith(place)


def test_a_sign_in_page_belongs_to_the_browser_that_brought_the_request(esia: EsiaStandin) -> None:
    page = esia.system().come()
    assert esia.another_browser().open(page.url).status == 400
    assert esia.browser.submit(page, persona="confirmed", form_token="0").status == 400
