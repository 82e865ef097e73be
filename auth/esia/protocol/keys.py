"""The stand-in's own keys and certificates, RSA and GOST, by which it signs tokens."""

from __future__ import annotations

import json
import os
import secrets
import tempfile
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path

from asn1crypto import core, parser, pem, x509
from cryptography import x509 as x509_builder
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from auth.esia.protocol import gost

FILE_NAME = "esia.json"
_AGE = timedelta(days=5 * 365)
_NAME = "ESIA stand-in"
_CURVE_B = "1.2.643.2.2.35.1"


@dataclass(frozen=True, kw_only=True, slots=True, repr=False)
class StandinKeys:
    """Private keys with their certificates (PEM), which clients verify tokens with."""

    rsa_key: rsa.RSAPrivateKey
    rsa_certificate: str
    gost_key: int
    gost_certificate: str

    def changed(self) -> StandinKeys:
        """Return throw-away keys behind the same certificates, for a fault on demand."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        return replace(self, rsa_key=key, gost_key=gost.new_private_key())

    def sign(self, algorithm: str, data: bytes) -> bytes:
        """Sign with RS256 or GOST3410_2012_256. The GOST one takes about 30 ms."""
        if algorithm == "RS256":
            return self.rsa_key.sign(data, padding.PKCS1v15(), hashes.SHA256())
        return gost.sign(self.gost_key, data)


def load_standin_keys(folder: Path, now: datetime) -> StandinKeys:
    """Return the keys in ``folder``, made at the first start; all processes get the same.

    Deleting the file and starting again is ЕСИА's change of certificate.
    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / FILE_NAME
    if not path.exists():
        descriptor, draft = tempfile.mkstemp(dir=folder)  # readable by the owner only
        with os.fdopen(descriptor, "w") as file:
            json.dump(_new_keys(now), file)
        try:
            with suppress(FileExistsError):  # another process was faster: its keys count
                os.link(draft, path)
        finally:
            os.unlink(draft)
    stored = json.loads(path.read_text())
    key = load_pem_private_key(stored["rsa_key"].encode(), None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise ValueError("the key of the ЕСИА stand-in is not an RSA key")
    return StandinKeys(
        rsa_key=key,
        rsa_certificate=stored["rsa_certificate"],
        gost_key=int(stored["gost_key"], 16),
        gost_certificate=stored["gost_certificate"],
    )


def _new_keys(now: datetime) -> dict[str, str]:
    rsa_key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    gost_key = gost.new_private_key()
    private = rsa_key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return {
        "rsa_key": private.decode(),
        "rsa_certificate": rsa_certificate(rsa_key, _NAME, now, now + _AGE),
        "gost_key": f"{gost_key:064x}",
        "gost_certificate": gost_certificate(gost_key, _NAME, now, now + _AGE),
    }


def rsa_certificate(key: rsa.RSAPrivateKey, name: str, begin: datetime, end: datetime) -> str:
    """Make a self-signed certificate in PEM."""
    subject = x509_builder.Name([x509_builder.NameAttribute(NameOID.COMMON_NAME, name)])
    certificate = (
        x509_builder.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509_builder.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
        .sign(key, hashes.SHA256())
    )
    return certificate.public_bytes(Encoding.PEM).decode()


def gost_certificate(key: int, name: str, begin: datetime, end: datetime) -> str:
    """Make a self-signed certificate in PEM, key and signature GOST R 34.10-2012 (RFC 9215)."""
    signature_algorithm = _sequence(_oid(gost.SIGNATURE_WITH_DIGEST))
    subject = x509.Name.build({"common_name": name}).dump()
    key_algorithm = _sequence(_oid(gost.PUBLIC_KEY), _sequence(_oid(_CURVE_B), _oid(gost.DIGEST)))
    point = core.OctetString(gost.public_key_point(key)).dump()
    moments = [
        core.GeneralizedTime(moment).dump() if moment.year >= 2050 else core.UTCTime(moment).dump()
        for moment in (begin.replace(microsecond=0), end.replace(microsecond=0))
    ]
    body = _sequence(
        b"\xa0\x03\x02\x01\x02",  # version 3
        core.Integer(secrets.randbits(64)).dump(),
        signature_algorithm,
        subject,
        _sequence(*moments),
        subject,
        _sequence(key_algorithm, core.OctetBitString(point).dump()),
    )
    signature = core.OctetBitString(gost.sign(key, body)).dump()
    armored: bytes = pem.armor("CERTIFICATE", _sequence(body, signature_algorithm, signature))
    return armored.decode()


def _oid(dotted: str) -> bytes:
    encoded: bytes = core.ObjectIdentifier(dotted).dump()
    return encoded


def _sequence(*parts: bytes) -> bytes:
    encoded: bytes = parser.emit(0, 1, 16, b"".join(parts))  # universal, constructed, SEQUENCE
    return encoded
