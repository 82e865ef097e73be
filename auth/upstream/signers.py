"""Signer: who holds the private key of our system: a key file here, or a service elsewhere."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import requests
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from auth.esia.protocol.gost import Gost, GostError, OpensslGost
from auth.esia.protocol.signatures import Certificate
from auth.upstream.http import Bearer, Wire
from auth.upstream.settings import EsiaUpstream

MAX_SIGNATURE_BYTES = 1024


class SignerError(Exception):
    """Nothing was signed; the text says what to look at and holds no secret."""


class Signer(Protocol):
    def sign(self, data: bytes) -> bytes:
        """The raw signature: RSASSA-PKCS1-v1_5 with SHA-256, or GOST R 34.10-2012 as ``s || r``
        with Streebog-256 (docs/facts/esia.md 3.9, 3.11). Raises ``SignerError``."""


class RsaKey:
    """An RSA key file: for stands and for systems connected long ago."""

    def __init__(self, path: Path, password: str) -> None:
        """Raises ``SignerError``."""
        try:
            key = load_pem_private_key(path.read_bytes(), password.encode() or None)
        except OSError as error:
            raise SignerError(f"the key {path} cannot be read") from error
        except (ValueError, TypeError, UnsupportedAlgorithm) as error:
            raise SignerError(
                f"the key {path} does not open: wrong password, or no RSA key in PEM"
            ) from error
        if not isinstance(key, rsa.RSAPrivateKey):
            raise SignerError(f"the key {path} is not an RSA key")
        self._key = key

    def sign(self, data: bytes) -> bytes:
        return self._key.sign(data, padding.PKCS1v15(), hashes.SHA256())


class GostKey:
    """A GOST key file, used by the ``gost`` engine of OpenSSL in a process of its own."""

    def __init__(self, path: Path, password: str, engine: OpensslGost) -> None:
        self._path = path
        self._password = password
        self._engine = engine

    def sign(self, data: bytes) -> bytes:
        try:
            return self._engine.sign(self._path, self._password, data)
        except GostError as error:
            raise SignerError(f"the key {self._path} does not sign: {error}") from error


class SigningService:
    """A service that signs what is posted to it (docs/upstream.md has the whole contract)."""

    def __init__(self, address: str, token: str, wire: Wire) -> None:
        self._address = address
        self._token = token
        self._wire = wire

    def sign(self, data: bytes) -> bytes:
        with self._wire.session() as session:
            try:
                answer = session.post(
                    self._address,
                    data=data,
                    headers={"Content-Type": "application/octet-stream"},
                    auth=Bearer(self._token),
                )
            except requests.RequestException as error:
                raise SignerError(
                    f"the signing service does not answer ({type(error).__name__})"
                ) from error
        if answer.status_code != 200 or not 0 < len(answer.content) <= MAX_SIGNATURE_BYTES:
            raise SignerError(
                f"the signing service gave no signature but status {answer.status_code}"
            )
        return answer.content


class CheckedSigner:
    """A signer whose signatures are checked with our certificate before anybody sees them.

    ЕСИА would only say ESIA-007053, whatever is wrong.
    """

    def __init__(self, signer: Signer, certificate: Certificate, gost: Gost) -> None:
        self._signer = signer
        self._certificate = certificate
        self._gost = gost

    def sign(self, data: bytes) -> bytes:
        signature = self._signer.sign(data)
        try:
            if self._certificate.check(data, signature, self._gost):
                return signature
            mirrored = self._certificate.check(data, signature[::-1], self._gost)
        except GostError as error:
            raise SignerError(str(error)) from error
        if mirrored:
            raise SignerError("the signature comes byte-reversed, as of CryptoPro: mirror it")
        raise SignerError("the key does not fit the certificate")


def make_signer(
    settings: EsiaUpstream, certificate: Certificate, gost: Gost, wire: Wire
) -> CheckedSigner:
    """The signer of the settings. Raises ``SignerError``."""
    signer: Signer
    if settings.signing_service:
        signer = SigningService(settings.signing_service, settings.signing_service_token, wire)
    elif certificate.algorithm == "RSA":
        signer = RsaKey(Path(settings.signing_key), settings.signing_key_password)
    elif isinstance(gost, OpensslGost):
        signer = GostKey(Path(settings.signing_key), settings.signing_key_password, gost)
    else:
        raise SignerError(
            "a GOST key signs through the OpenSSL engine, which is not installed here "
            "(Debian: libengine-gost-openssl); or name a signing_service"
        )
    return CheckedSigner(signer, certificate, gost)
