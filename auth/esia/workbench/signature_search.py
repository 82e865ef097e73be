"""Finds what a refused signature really fits: which text, with its bytes in which order."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from enum import StrEnum
from urllib.parse import quote, quote_plus

from asn1crypto import core, pem

from auth.esia.protocol.dialect import Dialect
from auth.esia.protocol.gost import SIGNATURE_BYTES, Gost
from auth.esia.protocol.requests import Asked, signed_text
from auth.esia.protocol.signatures import (
    Certificate,
    SignatureRefused,
    decode_base64,
    signatures_in_cms,
)

HALF = SIGNATURE_BYTES // 2
EXPECTED_TEXT = "the expected text"
OF_ANOTHER_SYSTEM = "a certificate registered for another system"


class Shape(StrEnum):
    """How the bytes of a raw signature are arranged."""

    PLAIN = "plain"
    MIRRORED = "mirrored"
    """The last byte first, as CryptoPro gives them."""
    SWAPPED_HALVES = "swapped_halves"
    """``r || s`` instead of ``s || r``."""
    MIRRORED_HALVES = "mirrored_halves"
    """Each half with its last byte first."""
    SEQUENCE = "sequence"
    """An ASN.1 SEQUENCE of ``r`` and ``s``, as Java libraries give them."""
    ENCODED_TWICE = "encoded_twice"
    """Base64 of base64."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fit:
    text_name: str
    text: str
    """The text that was signed, with the code masked."""
    shape: Shape


def find_fit(
    raw: bytes, asked: Asked, certificates: Sequence[Certificate], gost: Gost
) -> Fit | None:
    """Return the first text that a signature of these bytes fits; the expected one is tried first.

    Other arrangements of the bytes are tried with the expected text alone: each try with GOST takes
    0.01 to 0.1 s. Raises ``GostError``.
    """
    texts = list(_texts(asked))
    values, digests = signatures_in_cms(raw)
    for name, shown, data in texts:
        # In Python: for so short a text it takes less time than starting OpenSSL.
        made = {hashlib.sha256(data).digest(), Gost().digest(data)} if digests else set()
        if digests & made:
            return Fit(text_name=name, text=shown, shape=Shape.PLAIN)
    for value in values or [raw]:
        for name, shown, data in texts:
            if any(one.check(data, value, gost) for one in certificates):
                return Fit(text_name=name, text=shown, shape=Shape.PLAIN)
        name, shown, data = texts[0]
        for shape, arranged in _shapes(value):
            if any(one.check(data, arranged, gost) for one in certificates):
                return Fit(text_name=name, text=shown, shape=shape)
    return None


def name_of_hash(
    sent: str, certificates: Sequence[Certificate], others: Sequence[Certificate], gost: Gost
) -> str:
    """Return what ``client_certificate_hash`` was made of; empty when of nothing we know.

    ``others`` are registered for other systems.
    """
    sent = sent.strip().upper()
    for certificate in certificates:
        armored: bytes = pem.armor("CERTIFICATE", certificate.der)
        names = _digests(certificate.der, "the DER form", gost)
        files = {
            "the PEM file": armored,
            "the PEM file without its last line break": armored.rstrip(b"\n"),
            "the PEM file with CRLF": armored.replace(b"\n", b"\r\n"),
        }
        for name, content in files.items():
            names |= _digests(content, name, gost)
        if sent in names:
            return names[sent]
    if any(one.is_meant_by(sent) for one in others):
        return OF_ANOTHER_SYSTEM
    return ""


def _digests(content: bytes, name: str, gost: Gost) -> dict[str, str]:
    streebog = gost.digest(content)
    found = {
        streebog: f"Streebog-256 of {name}",
        streebog[::-1]: f"Streebog-256 of {name}, bytes reversed",
        hashlib.sha256(content).digest(): f"SHA-256 of {name}",
        hashlib.sha1(content, usedforsecurity=False).digest(): f"SHA-1 of {name}",
    }
    return {digest.hex().upper(): text for digest, text in found.items()}


def masked(asked: Asked) -> Asked:
    """Return the same request with the code masked."""
    values = dict(asked.values)
    if values.get("code"):
        values["code"] = f"<code, {len(values['code'])} characters>"
    return replace(asked, values=values)


def _texts(asked: Asked) -> Iterator[tuple[str, str, bytes]]:
    """Yield texts that clients are known to sign: name, the text to show, and its bytes."""
    tried: set[bytes] = set()
    for (name, real), (_, shown) in zip(_variants(asked), _variants(masked(asked)), strict=True):
        encoding = "utf-16-le" if name == "in UTF-16" else "utf-8"
        data = real.encode(encoding, "replace")
        if data not in tried:
            tried.add(data)
            yield name, shown, data


def _variants(asked: Asked) -> Iterator[tuple[str, str]]:
    def without(*names: str) -> str:
        kept = {name: value for name, value in asked.values.items() if name not in names}
        return signed_text(replace(asked, values=kept))

    def each(change: Mapping[str, str]) -> str:
        return signed_text(replace(asked, values=change))

    expected = signed_text(asked)
    yield EXPECTED_TEXT, expected
    yield "the order of v1", signed_text(asked, Dialect.V1)
    yield "the order of v2", signed_text(asked, Dialect.V2)
    yield "without scope_org", without("scope_org")
    yield "without redirect_uri", without("redirect_uri")
    yield "without code", without("code")
    yield "without scope_org and code", without("scope_org", "code")
    yield "with a line break at the end", expected + "\n"
    yield "with CRLF at the end", expected + "\r\n"
    yield "with a blank at the end", expected + " "
    for name, mark in (("blanks", " "), ("line breaks", "\n"), ("CRLF", "\r\n"), ("&", "&")):
        marked = each({key: value + mark for key, value in asked.values.items() if value})
        yield f"with {name} between the values", marked.removesuffix(mark)
    yield "without blanks", expected.replace(" ", "")
    yield "with + for blanks", expected.replace(" ", "+")
    for name, encode in (("%20", quote), ("+", quote_plus)):
        encoded = {key: encode(value, safe="") for key, value in asked.values.items()}
        yield f"with percent-encoded values, {name} for blanks", each(encoded)
    yield "with a blank for the plus of the time zone", expected.replace("+", " ")
    yield "in UTF-16", expected


def _shapes(raw: bytes) -> Iterator[tuple[Shape, bytes]]:
    yield Shape.MIRRORED, raw[::-1]
    if len(raw) == SIGNATURE_BYTES:
        first, second = raw[:HALF], raw[HALF:]
        yield Shape.SWAPPED_HALVES, second + first
        yield Shape.MIRRORED_HALVES, first[::-1] + second[::-1]
    with suppress(ValueError, TypeError, OverflowError):
        numbers = core.Sequence.load(raw, strict=True)
        if len(numbers) == 2:
            r, s = (int(numbers[place].native).to_bytes(HALF, "big") for place in range(2))
            yield Shape.SEQUENCE, s + r
    with suppress(ValueError, SignatureRefused):
        yield Shape.ENCODED_TWICE, decode_base64(raw.decode("ascii"))
