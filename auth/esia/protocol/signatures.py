"""Signatures of registered systems: CMS of the first dialect, raw ones of the second."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from asn1crypto import cms, core, pem, x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import load_der_public_key

from auth.esia.protocol.dialect import from_base64
from auth.esia.protocol.gost import DIGEST, Gost, curve_of

MAX_SIGNATURE_CHARACTERS = 20_000
"""The longest signature; a CMS with its certificate takes about 2,000 characters."""
_MALFORMED = (ValueError, TypeError, KeyError, AttributeError)
"""What asn1crypto raises of malformed parts; it parses late, so they show while they are used."""


class Flaw(StrEnum):
    """Why a signature was not accepted."""

    NOT_BASE64 = "not_base64"
    NOT_CMS = "not_cms"
    """The first dialect wants a CMS container; these bytes are none."""
    NOT_RAW = "not_raw"
    """The second dialect wants the bare signature; this is a CMS container."""
    NO_CERTIFICATE = "no_certificate"
    """No certificate is registered for the system yet."""
    FOREIGN_CERTIFICATE = "foreign_certificate"
    """The container names a certificate that is not registered for the system."""
    INACTIVE_CERTIFICATE = "inactive_certificate"
    """The certificate is registered, but not yet or no longer valid."""
    WRONG_HASH = "wrong_hash"
    """``client_certificate_hash`` is that of no registered certificate."""
    OTHER_CONTENT = "other_content"
    """The right key signed another text."""
    WRONG = "wrong"


class SignatureRefused(Exception):
    """The signature is not accepted; ``flaw`` says why. Nothing that was sent is in it."""

    def __init__(self, flaw: Flaw) -> None:
        super().__init__(flaw.value)
        self.flaw = flaw


class OtherKey(ValueError):
    """A certificate whose key is neither RSA nor GOST R 34.10-2012 (256 bit)."""

    def __init__(self, algorithm: str) -> None:
        super().__init__(f"its key is {algorithm}, not RSA or GOST R 34.10-2012 (256 bit)")
        self.algorithm = algorithm
        """The short name of the key's algorithm; an OID when it has no name here."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Certificate:
    """A certificate registered for a system, valid from its first to its last moment."""

    der: bytes
    parsed: x509.Certificate
    hash: str
    """What the client sends as ``client_certificate_hash``: Streebog-256 of the DER form, 64
    upper-case hex digits (docs/facts/esia.md 3.12)."""

    @property
    def algorithm(self) -> str:
        return "GOST R 34.10-2012" if curve_of(self.parsed) else "RSA"

    @property
    def lenient_hash(self) -> str:
        """SHA-256 of the DER form, which AISGorod's client sends of an RSA certificate and which
        the stand-in takes beside ``hash``; empty for a GOST certificate."""
        is_rsa = self.algorithm == "RSA"
        return hashlib.sha256(self.der).hexdigest().upper() if is_rsa else ""

    def is_meant_by(self, certificate_hash: str) -> bool:
        """Tell whether this ``client_certificate_hash``, in either case, names this certificate."""
        sent = certificate_hash.strip().upper()
        return bool(sent) and sent in {self.hash, self.lenient_hash}

    @property
    def not_before(self) -> datetime:
        moment: datetime = self.parsed["tbs_certificate"]["validity"]["not_before"].native
        return moment

    @property
    def not_after(self) -> datetime:
        moment: datetime = self.parsed["tbs_certificate"]["validity"]["not_after"].native
        return moment

    @property
    def subject(self) -> str:
        """Return the owner as the certificate says: its name and organisation."""
        parts: dict[str, Any] = self.parsed.subject.native
        named = [parts.get(name) for name in ("common_name", "organization_name")]
        told = dict.fromkeys(str(one) for one in named if one)
        return ", ".join(told) or str(self.parsed.subject.human_friendly)

    def is_active(self, now: datetime) -> bool:
        return self.not_before <= now <= self.not_after

    def check(self, data: bytes, signature: bytes, gost: Gost) -> bool:
        """Tell whether this certificate's key signed ``data`` (RSA with SHA-256)."""
        if curve_of(self.parsed):
            return gost.verify(self.parsed, data, signature)
        key = load_der_public_key(self.parsed["tbs_certificate"]["subject_public_key_info"].dump())
        if not isinstance(key, rsa.RSAPublicKey):
            return False
        try:
            key.verify(signature, data, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            return False
        return True


def make_certificate(content: bytes, gost: Gost) -> Certificate:
    """Make a certificate from the content of a PEM or DER file.

    Raises ``ValueError`` for what is no certificate and ``OtherKey``, a ``ValueError``, for the
    certificate of a key that no client of ЕСИА signs with.
    """
    der = pem.unarmor(content)[2] if pem.detect(content) else content
    parsed = x509.Certificate.load(der, strict=True)
    if curve_of(parsed) is None:
        _need_rsa(parsed)
    return Certificate(der=der, parsed=parsed, hash=gost.digest(der).hex().upper())


def _need_rsa(parsed: x509.Certificate) -> None:
    """Raises ``ValueError``, and ``OtherKey`` for a key that is none of RSA."""
    info = parsed["tbs_certificate"]["subject_public_key_info"].dump()
    try:
        key = load_der_public_key(info)
    except UnsupportedAlgorithm as error:
        raise OtherKey(core.Sequence.load(info)[0][0].dotted) from error
    if isinstance(key, ec.EllipticCurvePublicKey):
        raise OtherKey(f"EC ({key.curve.name})")
    if not isinstance(key, rsa.RSAPublicKey):
        raise OtherKey(type(key).__name__.removesuffix("PublicKey").strip("_"))


def decode_base64(text: str) -> bytes:
    """Decode a signature in any of the four spellings. Raises ``SignatureRefused``."""
    if not text.rstrip("=") or len(text) > MAX_SIGNATURE_CHARACTERS:
        raise SignatureRefused(Flaw.NOT_BASE64)
    try:
        return from_base64(text)
    except ValueError as error:
        raise SignatureRefused(Flaw.NOT_BASE64) from error


def check_raw(
    signature: str,
    text: str,
    *,
    certificate_hash: str,
    certificates: Sequence[Certificate],
    gost: Gost,
    now: datetime,
) -> Certificate:
    """Return the registered certificate that made this raw signature (v2 and v3).

    Raises ``SignatureRefused``.
    """
    raw = decode_base64(signature)
    certificate = certificate_meant(certificate_hash, certificates)
    if not certificate.is_active(now):
        raise SignatureRefused(Flaw.INACTIVE_CERTIFICATE)
    if not certificate.check(text.encode(), raw, gost):
        raise SignatureRefused(Flaw.NOT_RAW if _signed_data(raw) else Flaw.WRONG)
    return certificate


def certificate_meant(certificate_hash: str, certificates: Sequence[Certificate]) -> Certificate:
    """Return the registered certificate that ``client_certificate_hash`` names.

    Raises ``SignatureRefused`` when there is none.
    """
    for certificate in certificates:
        if certificate.is_meant_by(certificate_hash):
            return certificate
    raise SignatureRefused(Flaw.WRONG_HASH)


def check_cms(
    signature: str,
    text: str,
    *,
    certificates: Sequence[Certificate],
    gost: Gost,
    now: datetime,
) -> Certificate:
    """Return the registered certificate that made this CMS signature (v1).

    The expected text is checked; an attached content is never read (docs/facts/esia.md 3.15). A
    certificate inside is compared with the registered ones and never believed. Raises
    ``SignatureRefused``.
    """
    signed = _signed_data(decode_base64(signature))
    if signed is None:
        raise SignatureRefused(Flaw.NOT_CMS)
    try:
        return _check_signed_data(signed, text.encode(), certificates, gost, now)
    except _MALFORMED as error:
        raise SignatureRefused(Flaw.NOT_CMS) from error


def certificates_in_cms(raw: bytes) -> list[bytes]:
    """Return the certificates in a container, in DER; none when it is no container."""
    signed = _signed_data(raw)
    try:
        return [one.chosen.dump() for one in (signed["certificates"] or [] if signed else [])]
    except _MALFORMED:
        return []


def signatures_in_cms(raw: bytes) -> tuple[list[bytes], set[bytes]]:
    """Return the bare signatures that a container holds over the text itself, and, where it signs
    attributes instead, the digests of the text among them; both empty when it is no container."""
    signed = _signed_data(raw)
    values: list[bytes] = []
    digests: set[bytes] = set()
    try:
        for signer in signed["signer_infos"] if signed else []:
            if len(signer["signed_attrs"]):
                digests |= {_message_digest(signer["signed_attrs"]) or b""} - {b""}
            else:
                values.append(signer["signature"].native)
    except _MALFORMED:
        return [], set()
    return values, digests


def _signed_data(raw: bytes) -> cms.SignedData | None:
    try:
        info = cms.ContentInfo.load(raw, strict=True)
        return info["content"] if info["content_type"].native == "signed_data" else None
    except _MALFORMED:
        return None


def _check_signed_data(
    signed: cms.SignedData,
    data: bytes,
    certificates: Sequence[Certificate],
    gost: Gost,
    now: datetime,
) -> Certificate:
    embedded = {one.chosen.dump() for one in signed["certificates"] or []}
    if embedded and not embedded & {one.der for one in certificates}:
        raise SignatureRefused(Flaw.FOREIGN_CERTIFICATE)
    flaw = Flaw.WRONG
    for signer in signed["signer_infos"]:
        attributes = signer["signed_attrs"]
        # Signed as a SET, carried under an implicit tag (RFC 5652 section 5.4).
        signed_bytes = attributes.untag().dump(force=True) if len(attributes) else data
        for certificate in certificates:
            if not certificate.check(signed_bytes, signer["signature"].native, gost):
                continue
            if not certificate.is_active(now):
                flaw = Flaw.INACTIVE_CERTIFICATE
            elif len(attributes) and _message_digest(attributes) != _digest(signer, data, gost):
                flaw = Flaw.OTHER_CONTENT
            else:
                return certificate
    raise SignatureRefused(flaw)


def _message_digest(attributes: cms.CMSAttributes) -> bytes | None:
    """Return the signed digest; None when there is not exactly one."""
    found = [
        value.native
        for attribute in attributes
        if attribute["type"].native == "message_digest"
        for value in attribute["values"]
    ]
    return found[0] if len(found) == 1 else None


def _digest(signer: cms.SignerInfo, data: bytes, gost: Gost) -> bytes | None:
    algorithm = signer["digest_algorithm"]["algorithm"]
    if algorithm.dotted == DIGEST:
        return gost.digest(data)
    return hashlib.sha256(data).digest() if algorithm.native == "sha256" else None
