"""Signatures of our system: keys in files, a service elsewhere, and secrets that stay secret."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from auth.esia.protocol.gost import _CONFIGURATION as ENGINE_CONFIGURATION
from auth.esia.protocol.gost import Gost, OpensslGost, find_gost
from auth.upstream import build
from auth.upstream.esia import Esia
from auth.upstream.settings import EsiaUpstream, UpstreamSettings
from auth.upstream.signers import Signer as Sign
from auth.upstream.signers import SignerError, sign_with_gost
from tests.auth.esia.signing import Signer
from tests.auth.upstream.conftest import NOBODY, needs_engine
from tests.web import running_handler

PASSWORD = "тайное слово № 7"
TOKEN = "token-of-the-signing-service"
DATA = b"SCHOOL01openid2026.09.01 08:00:00 +0000"
COMMON = UpstreamSettings(timeout_seconds=60)

SPY = """\
#!{python}
import os, sys
with open({log!r}, "ab") as log:
    for name in ("cmdline", "environ"):
        log.write(open(f"/proc/self/{{name}}", "rb").read())
    log.write(b"\\n")
os.execv({openssl!r}, [{openssl!r}, *sys.argv[1:]])
"""
"""Notes what every account of the machine can see of a process, then is OpenSSL."""


Settings = Callable[..., EsiaUpstream]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Of an upstream whose certificate and key are in files."""

    def make(signer: Signer, key: bytes = b"", **changes: str) -> EsiaUpstream:
        (tmp_path / "own.pem").write_text(signer.pem)
        (tmp_path / "own.key").write_bytes(key or signer.key_pem)
        values = {
            "mnemonic": "SCHOOL01",
            "certificate": str(tmp_path / "own.pem"),
            "signing_key": str(tmp_path / "own.key"),
        }
        return EsiaUpstream(**values | changes, token_certificates=(values["certificate"],))  # type: ignore[arg-type]

    return make


def signer_of(settings: EsiaUpstream, gost: Gost | None = None) -> Sign:
    return Esia(settings, COMMON, gost or find_gost()).sign


def encrypted_rsa(signer: Signer) -> bytes:
    key = load_pem_private_key(signer.key_pem, None)
    return key.private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(PASSWORD.encode())
    )


def encrypted_gost(signer: Signer, folder: Path) -> bytes:
    (folder / "engine.cnf").write_text(ENGINE_CONFIGURATION)
    (folder / "plain.key").write_bytes(signer.key_pem)
    (folder / "password").write_text(PASSWORD)
    done = subprocess.run(
        ["openssl", "pkcs8", "-engine", "gost", "-topk8", "-in", str(folder / "plain.key"),
         "-passout", f"file:{folder / 'password'}"],
        env={**os.environ, "OPENSSL_CONF": str(folder / "engine.cnf")},
        check=True, capture_output=True,
    )  # fmt: skip
    assert b"ENCRYPTED" in done.stdout
    return done.stdout


def test_an_encrypted_rsa_key_signs(settings: Settings) -> None:
    signer = Signer()
    made = signer_of(settings(signer, encrypted_rsa(signer), signing_key_password=PASSWORD))
    assert signer.certificate.check(DATA, made(DATA), Gost())


@needs_engine
def test_an_encrypted_gost_key_signs_and_no_process_shows_its_password(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    signer = Signer(kind="gost")
    engine = find_gost()
    assert isinstance(engine, OpensslGost)
    key = encrypted_gost(signer, tmp_path)
    log, spy = tmp_path / "log", tmp_path / "openssl"
    spy.write_text(SPY.format(python=sys.executable, log=str(log), openssl=engine._openssl))
    spy.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")

    made = signer_of(settings(signer, key, signing_key_password=PASSWORD))
    assert signer.certificate.check(DATA, made(DATA), Gost())
    seen = log.read_bytes()
    assert b"-sign\0" in seen
    assert b"-passin\0fd:" in seen
    assert PASSWORD.encode() not in seen
    assert DATA not in seen


@needs_engine
def test_a_wrong_password_of_a_gost_key_is_named_without_waiting(
    settings: Settings, tmp_path: Path
) -> None:
    signer = Signer(kind="gost")
    key = encrypted_gost(signer, tmp_path)
    for password in ("another", ""):
        made = signer_of(settings(signer, key, signing_key_password=password))
        with pytest.raises(SignerError, match="password right"):
            made(DATA)


def test_a_key_that_does_not_open_or_fit_is_named(settings: Settings) -> None:
    signer = Signer()
    for words, key, changes in (
        ("wrong password", encrypted_rsa(signer), {"signing_key_password": "another"}),
        ("cannot be read", b"", {"signing_key": "/none.key"}),
        ("wrong password, or no RSA key", b"nothing", {}),
    ):
        with pytest.raises(ValueError, match=words):
            signer_of(settings(signer, key, **changes))
    with pytest.raises(SignerError, match="does not fit the certificate"):
        signer_of(settings(signer, Signer(number=2).key_pem))(DATA)


def test_a_gost_key_without_the_engine_is_refused_with_a_way_out(settings: Settings) -> None:
    with pytest.raises(ValueError, match="libengine-gost-openssl"):
        signer_of(settings(Signer(kind="gost")), Gost())


def test_a_dead_openssl_is_a_signer_that_does_not_sign(tmp_path: Path) -> None:
    engine = OpensslGost(str(tmp_path / "no-openssl"))
    with pytest.raises(SignerError, match="does not sign"):
        sign_with_gost(tmp_path / "any.key", "", engine, DATA)


class Service(BaseHTTPRequestHandler):
    """A signing service by the contract of docs/upstream.md."""

    signer = Signer(kind="gost")
    mode = "right"
    asked: list[tuple[str | None, str | None, bytes]]

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.asked.append((self.headers["Authorization"], self.headers["Content-Type"], body))
        signature = self.signer.raw(body)
        status, answer = {
            "right": (200, signature),
            "mirrored": (200, signature[::-1]),
            "foreign": (200, Signer(kind="gost", number=2).raw(body)),
            "empty": (200, b""),
            "refusing": (403, b"no"),
        }[self.mode]
        self.send_response(status)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:
        """Silence."""


@pytest.fixture
def service(settings: Settings) -> Iterator[tuple[Sign, type[Service]]]:
    """A signer that asks the service, and the service."""
    handler = type("Handler", (Service,), {"asked": []})
    with running_handler(handler) as address:
        yield with_service(settings(handler.signer), address), handler


def with_service(settings: EsiaUpstream, address: str) -> Sign:
    where = {"signing_service": f"{address}/sign", "signing_service_token": TOKEN}
    return signer_of(replace(settings, signing_key="", **where), Gost())


def test_a_service_gets_the_bytes_and_the_token_and_gives_the_signature(
    service: tuple[Sign, type[Service]],
) -> None:
    made, handler = service
    assert handler.signer.certificate.check(DATA, made(DATA), Gost())
    assert handler.asked == [(f"Bearer {TOKEN}", "application/octet-stream", DATA)]


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("mirrored", "byte-reversed, as of CryptoPro"),
        ("foreign", "does not fit the certificate"),
        ("empty", "no signature but status 200"),
        ("refusing", "no signature but status 403"),
    ],
)
def test_a_service_that_signs_wrongly_is_found_out_here(
    service: tuple[Sign, type[Service]], mode: str, words: str
) -> None:
    made, handler = service
    handler.mode = mode
    with pytest.raises(SignerError, match=words) as caught:
        made(DATA)
    assert TOKEN not in str(caught.value)


def test_a_service_that_is_away_is_named(settings: Settings) -> None:
    made = with_service(settings(Signer(kind="gost")), NOBODY)
    with pytest.raises(SignerError, match="does not answer"):
        made(DATA)


def test_files_that_cannot_be_used_are_named_at_the_start(
    settings: Settings, tmp_path: Path
) -> None:
    (tmp_path / "text").write_text("no certificate")
    for name, words in (("none", "cannot be read"), ("text", "is not a certificate")):
        one = settings(Signer(), certificate=str(tmp_path / name))
        with pytest.raises(ValueError, match=f"esia: .*{name} {words}"):
            build(UpstreamSettings(esia=(one,)))
    with pytest.raises(ValueError, match="esia: ca_file"):
        build(UpstreamSettings(esia=(settings(Signer(), ca_file="/none"),)))
