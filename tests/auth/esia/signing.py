"""A registered system: keys, certificates, and signatures in every form that clients send."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Literal

from asn1crypto import cms, core, pem, x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from auth.esia.protocol import gost
from auth.esia.protocol.keys import gost_certificate, rsa_certificate
from auth.esia.protocol.signatures import Certificate, make_certificate

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
END = datetime(2027, 6, 1, tzinfo=UTC)
GOST = gost.Gost()


@cache
def _rsa_key(number: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@cache
def _gost_key(number: int) -> int:
    return gost.new_private_key()


@cache
def _certificate(kind: str, number: int, begin: datetime, end: datetime) -> str:
    if kind == "rsa":
        return rsa_certificate(_rsa_key(number), "SCHOOL01", begin, end)
    return gost_certificate(_gost_key(number), "SCHOOL01", begin, end)


@dataclass(frozen=True, kw_only=True)
class Signer:
    """One key with its certificate; another ``number`` is another key."""

    kind: Literal["rsa", "gost"] = "rsa"
    number: int = 1
    begin: datetime = BEGIN
    age: timedelta = END - BEGIN

    @property
    def pem(self) -> str:
        return _certificate(self.kind, self.number, self.begin, self.begin + self.age)

    @property
    def certificate(self) -> Certificate:
        return make_certificate(self.pem.encode(), GOST)

    @property
    def key_pem(self) -> bytes:
        """The private key, for libraries and programs that sign themselves."""
        if self.kind == "gost":
            return _gost_key_pem(_gost_key(self.number))
        return _rsa_key(self.number).private_bytes(
            Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()
        )

    def raw(self, text: str | bytes) -> bytes:
        data = text.encode() if isinstance(text, str) else text
        if self.kind == "rsa":
            return _rsa_key(self.number).sign(data, padding.PKCS1v15(), hashes.SHA256())
        return gost.sign(_gost_key(self.number), data)

    def cms(
        self,
        text: str,
        *,
        attached: bytes | None = None,
        attributes: bool = True,
        with_certificate: bool = True,
    ) -> bytes:
        """CMS SignedData in DER (RFC 5652)."""
        data, is_rsa = text.encode(), self.kind == "rsa"
        digest = hashlib.sha256(data).digest() if is_rsa else GOST.digest(data)
        digest_algorithm = {"algorithm": "sha256" if is_rsa else gost.DIGEST}
        signed = cms.CMSAttributes(
            [
                {"type": "content_type", "values": ["data"]},
                {"type": "message_digest", "values": [digest]},
            ]
        )
        own = x509.Certificate.load(pem.unarmor(self.pem.encode())[2])
        named = {"issuer": own.issuer, "serial_number": own.serial_number}
        signer = {
            "version": "v1",
            "sid": cms.SignerIdentifier({"issuer_and_serial_number": named}),
            "digest_algorithm": digest_algorithm,
            "signed_attrs": signed if attributes else None,
            "signature_algorithm": {"algorithm": "rsassa_pkcs1v15" if is_rsa else gost.PUBLIC_KEY},
            "signature": self.raw(signed.dump() if attributes else data),
        }
        body = {
            "version": "v1",
            "digest_algorithms": [digest_algorithm],
            "encap_content_info": {"content_type": "data", "content": attached},
            "certificates": [own] if with_certificate else None,
            "signer_infos": [signer],
        }
        return cms.ContentInfo({"content_type": "signed_data", "content": body}).dump()


def _gost_key_pem(key: int) -> bytes:
    """PKCS #8 with the key little-endian, as OpenSSL's engine reads it."""
    curve = core.ObjectIdentifier("1.2.643.2.2.35.1").dump()
    digest = core.ObjectIdentifier(gost.DIGEST).dump()
    algorithm = _der(core.ObjectIdentifier(gost.PUBLIC_KEY).dump(), _der(curve, digest))
    inner = core.OctetString(key.to_bytes(32, "little")).dump()
    body = _der(core.Integer(0).dump(), algorithm, core.OctetString(inner).dump())
    return pem.armor("PRIVATE KEY", body)


def _der(*parts: bytes) -> bytes:
    """A SEQUENCE of less than 128 bytes."""
    content = b"".join(parts)
    return bytes([0x30, len(content)]) + content


def url_safe(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode()
