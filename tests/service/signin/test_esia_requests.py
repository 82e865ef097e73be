"""Signed requests of systems to the whole service: which certificates, hashes and forms count."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from werkzeug.datastructures import FileStorage
from werkzeug.test import TestResponse

from auth.esia.models import EsiaRegistration
from auth.settings import EsiaSettings, EsiaSystem
from service.config import ConfigError
from tests.auth.esia.signing import GOST, Signer
from tests.auth.esia.system import System
from tests.service.console_factories import Browser, ConsoleUnderTest, make_console, shows
from tests.service.factories import NOW, add_operator


@pytest.fixture
def console(tmp_path: Path, stand_keys: Path) -> ConsoleUnderTest:
    console = make_console(tmp_path, stand_keys=stand_keys, esia=EsiaSettings(serve=True))
    with console.rows() as rows:
        add_operator(rows)
    return console


@pytest.fixture
def city(console: ConsoleUnderTest) -> Browser:
    return console.client("city")


def upload(der: bytes) -> FileStorage:
    return FileStorage(BytesIO(der), filename="portal.cer")


def register(city: Browser, certificate: bytes) -> TestResponse:
    return city.post(
        "/console/systems/new",
        mnemonic="PORTAL",
        redirect_hosts="journal.example",
        scopes=["openid", "fullname"],
        token_algorithm="RS256",
        certificate=upload(certificate),
    )


def put_certificate(city: Browser, der: bytes, act: str = "next") -> TestResponse:
    field = "next_certificate" if act == "next" else "certificate"
    return city.post("/console/systems/PORTAL/certificate", act=act, **{field: upload(der)})


def system_with(signer: Signer) -> System:
    return System(url="", mnemonic="PORTAL", signer=signer, clock=lambda: NOW)


def is_accepted(console: ConsoleUnderTest, system: System, **changes: str) -> bool:
    """Whether the request leads to the sign-in page; otherwise it goes back with an error."""
    answer = console.app.test_client().get(system.authorize_url(**changes))
    back = answer.location
    assert back.startswith("/login?") or "error=access_denied" in back, back
    return back.startswith("/login?")


def upper(digest: bytes) -> str:
    return digest.hex().upper()


@pytest.mark.parametrize("kind", ["rsa", "gost"])
def test_the_hash_of_a_certificate_may_be_that_of_either_real_client(
    console: ConsoleUnderTest, city: Browser, kind: Literal["rsa", "gost"]
) -> None:
    signer = Signer(kind=kind)
    register(city, signer.pem.encode())
    der, system = signer.certificate.der, system_with(signer)
    streebog, sha256 = upper(GOST.digest(der)), upper(hashlib.sha256(der).digest())
    for hashed, counts in (
        (streebog, True),
        (streebog.lower(), True),
        (sha256, kind == "rsa"),
        (upper(GOST.digest(signer.pem.encode())), False),
        (upper(hashlib.sha1(der).digest()), False),
    ):
        assert is_accepted(console, system, client_certificate_hash=hashed) == counts, hashed
    page = city.get("/console/systems/PORTAL").text
    assert streebog in page
    assert (sha256 in page) == (kind == "rsa")


def test_what_is_found_of_a_hash_and_what_is_advised_agree(
    console: ConsoleUnderTest, city: Browser
) -> None:
    signer, other = Signer(), Signer(number=2)
    register(city, signer.pem.encode())
    system = system_with(signer)
    of_pem = upper(GOST.digest(signer.pem.encode()))
    is_accepted(console, system, client_certificate_hash=of_pem)
    advice = "сертификату того ключа, которым подписываете, в форме DER: «Стрибог-256»"
    shows(city.get("/console/systems/PORTAL/log"), "Streebog-256 of the PEM file", advice)
    # The certificate that is named is not the one whose key signed.
    put_certificate(city, other.pem.encode())
    named = upper(GOST.digest(signer.certificate.der))
    system = system_with(other)
    assert not is_accepted(console, system, client_certificate_hash=named)
    page = city.get("/console/systems/PORTAL/log").text
    assert "Подпишите в точности ожидаемый текст" not in page
    assert page.count("сертификату того ключа, которым подписываете") == 2


def certificate_of(key: Any, algorithm: hashes.HashAlgorithm | None) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "PORTAL")])
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name)
    return (
        builder.public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=100))
        .sign(key, algorithm)
    )


OTHERS = {
    "EC (secp256r1)": certificate_of(ec.generate_private_key(ec.SECP256R1()), hashes.SHA256()),
    "Ed25519": certificate_of(ed25519.Ed25519PrivateKey.generate(), None),
}


@pytest.mark.parametrize("name", OTHERS)
def test_a_certificate_of_another_key_is_refused_and_named(
    console: ConsoleUnderTest, city: Browser, tmp_path: Path, name: str
) -> None:
    der = OTHERS[name].public_bytes(Encoding.DER)
    answers = [register(city, der)]
    register(city, Signer().pem.encode())
    answers.append(put_certificate(city, der))
    for answer in answers:
        shows(answer, f"Ключ этого сертификата — {name}.", status=400)
    (tmp_path / "file.cer").write_bytes(der)
    of_file = EsiaSystem(mnemonic="FILE", certificate=str(tmp_path / "file.cer"))
    with pytest.raises(ConfigError) as refused:
        make_console(tmp_path, esia=EsiaSettings(systems=(of_file,)))
    assert f"its key is {name}" in str(refused.value)


def test_a_certificate_of_another_key_in_the_database_counts_as_none(
    console: ConsoleUnderTest, city: Browser
) -> None:
    signer = Signer()
    register(city, signer.pem.encode())
    with console.rows() as rows:  # as an earlier version took it
        row = rows.get_one(EsiaRegistration, "PORTAL")
        row.certificate = OTHERS["EC (secp256r1)"].public_bytes(Encoding.DER)
        row.touch(NOW)
    assert "Сертификата ещё нет" in city.get("/console/systems/PORTAL").text
    answer = console.app.test_client().get(system_with(signer).authorize_url())
    assert "ESIA-007002" in answer.location
    put_certificate(city, signer.pem.encode(), "first")
    assert is_accepted(console, system_with(signer))
