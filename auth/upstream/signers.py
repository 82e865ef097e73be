"""Signatures of our system: by a key file here, or by a service elsewhere that holds the key."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path

import requests
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from auth.esia.protocol.gost import Gost, GostError, OpensslGost
from auth.esia.protocol.signatures import Certificate
from auth.upstream.http import Bearer, Http
from auth.upstream.settings import EsiaUpstream

MAX_SIGNATURE_BYTES = 1024


class SignerError(Exception):
    """Nothing was signed; the text says what to look at and holds no secret."""


Signer = Callable[[bytes], bytes]
"""Makes the raw signature: RSASSA-PKCS1-v1_5 with SHA-256, or GOST R 34.10-2012 as ``s || r`` with
Streebog-256 (docs/facts/esia.md 3.9, 3.11). Raises ``SignerError``."""


def rsa_signer(path: Path, password: str) -> Signer:
    """Sign with an RSA key file: for stands and for systems connected long ago.

    Raises ``SignerError``.
    """
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
    return lambda data: key.sign(data, padding.PKCS1v15(), hashes.SHA256())


def sign_with_gost(path: Path, password: str, engine: OpensslGost, data: bytes) -> bytes:
    """Sign with a GOST key file, by the ``gost`` engine of OpenSSL in a process of its own."""
    try:
        return engine.sign(path, password, data)
    except GostError as error:
        raise SignerError(f"the key {path} does not sign: {error}") from error


def let_sign(address: str, token: str, http: Http, data: bytes) -> bytes:
    """Let a service sign what is posted to it (docs/upstream.md has the whole contract)."""
    headers = {"Content-Type": "application/octet-stream"}
    with http.session() as session:
        try:
            answer = session.post(address, data=data, headers=headers, auth=Bearer(token))
        except requests.RequestException as error:
            problem = f"the signing service does not answer ({type(error).__name__})"
            raise SignerError(problem) from error
    if answer.status_code != 200 or not 0 < len(answer.content) <= MAX_SIGNATURE_BYTES:
        raise SignerError(f"the signing service gave no signature but status {answer.status_code}")
    return answer.content


def sign_and_check(signer: Signer, certificate: Certificate, gost: Gost, data: bytes) -> bytes:
    """Check each signature with our certificate before anybody sees it.

    ЕСИА would only say ESIA-007053, whatever is wrong.
    """
    signature = signer(data)
    try:
        if certificate.check(data, signature, gost):
            return signature
        mirrored = certificate.check(data, signature[::-1], gost)
    except GostError as error:
        raise SignerError(str(error)) from error
    if mirrored:
        raise SignerError("the signature comes byte-reversed, as of CryptoPro: mirror it")
    raise SignerError("the key does not fit the certificate")


def make_signer(settings: EsiaUpstream, certificate: Certificate, gost: Gost, http: Http) -> Signer:
    """Return the signer of the settings. Raises ``SignerError``."""
    path, password = Path(settings.signing_key), settings.signing_key_password
    signer: Signer
    if settings.signing_service:
        signer = partial(let_sign, settings.signing_service, settings.signing_service_token, http)
    elif certificate.algorithm == "RSA":
        signer = rsa_signer(path, password)
    elif isinstance(gost, OpensslGost):
        signer = partial(sign_with_gost, path, password, gost)
    else:
        raise SignerError(
            "a GOST key signs through the OpenSSL engine, which is not installed here "
            "(Debian: libengine-gost-openssl); or name a signing_service"
        )
    return partial(sign_and_check, signer, certificate, gost)
