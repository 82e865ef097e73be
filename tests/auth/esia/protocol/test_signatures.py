"""Signatures: every form real clients send is accepted, and nothing but the registered key's."""

from __future__ import annotations

import base64
import hashlib
from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest
from asn1crypto import cms

from auth.esia.protocol.gost import Gost, OpensslGost, find_gost
from auth.esia.protocol.signatures import (
    Certificate,
    Flaw,
    SignatureRefused,
    check_cms,
    check_raw,
    decode_base64,
    make_certificate,
)
from tests.auth.esia.signing import GOST, Signer, url_safe

NOW = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)
TEXT = "openid fullname2026.09.01 11:00:00 +0300SCHOOL01c2215a0c-4d8c-4a5c-9b62-111111111111"

both_kinds = pytest.mark.parametrize("kind", ["rsa", "gost"])


@pytest.fixture(params=["pure python", "openssl"])
def calculator(request: pytest.FixtureRequest) -> Gost:
    found = find_gost() if request.param == "openssl" else Gost()
    if request.param == "openssl" and not isinstance(found, OpensslGost):
        pytest.skip("OpenSSL here has no gost engine (Debian: libengine-gost-openssl)")
    return found


def of_cms(raw: bytes, certificate: Certificate, gost: Gost = GOST) -> Certificate | Flaw:
    """The certificate that made a signature of ``TEXT``, or why it counts as none's."""
    try:
        return check_cms(url_safe(raw), TEXT, certificates=[certificate], gost=gost, now=NOW)
    except SignatureRefused as refused:
        return refused.flaw


def of_raw(
    signature: str | bytes, certificate: Certificate, hashed: str = "", gost: Gost = GOST
) -> Certificate | Flaw:
    """The same of a bare signature, which names its certificate by ``hashed``."""
    sent = signature if isinstance(signature, str) else url_safe(signature)
    meant, known = hashed or certificate.hash, [certificate]
    try:
        return check_raw(sent, TEXT, certificate_hash=meant, certificates=known, gost=gost, now=NOW)
    except SignatureRefused as refused:
        return refused.flaw


@both_kinds
@pytest.mark.parametrize("attached", [None, TEXT.encode()])
@pytest.mark.parametrize("attributes", [True, False])
@pytest.mark.parametrize("with_certificate", [True, False])
def test_every_form_of_cms_is_accepted(
    kind: str, attached: bytes | None, attributes: bool, with_certificate: bool, calculator: Gost
) -> None:
    signer = Signer(kind=kind)
    made = signer.cms(
        TEXT, attached=attached, attributes=attributes, with_certificate=with_certificate
    )
    certificate = signer.certificate
    assert of_cms(made, certificate, calculator) == certificate


@both_kinds
def test_raw_signatures_are_accepted_in_four_spellings(kind: str, calculator: Gost) -> None:
    signer = Signer(kind=kind)
    certificate, raw = signer.certificate, signer.raw(TEXT)
    padded = [base64.b64encode(raw).decode(), url_safe(raw)]
    for signature in (*padded, *(text.rstrip("=") for text in padded)):
        named = certificate.hash.lower()
        assert of_raw(signature, certificate, named, calculator) == certificate


def test_a_gost_signature_is_64_bytes_and_86_characters_without_padding() -> None:
    raw = Signer(kind="gost").raw(TEXT)
    assert len(raw) == 64
    assert len(url_safe(raw).rstrip("=")) == 86


@both_kinds
def test_another_text_is_refused(kind: str) -> None:
    signer, other = Signer(kind=kind), TEXT + "0"
    certificate = signer.certificate
    assert of_cms(signer.cms(other), certificate) is Flaw.OTHER_CONTENT
    assert of_cms(signer.cms(other, attributes=False), certificate) is Flaw.WRONG
    assert of_raw(signer.raw(other), certificate) is Flaw.WRONG


def test_attached_content_is_never_what_counts() -> None:
    made = Signer().cms("another text", attached=TEXT.encode())
    assert of_cms(made, Signer().certificate) is Flaw.OTHER_CONTENT


def test_a_foreign_certificate_inside_is_not_believed() -> None:
    ours, foreign = Signer().certificate, Signer(number=2)
    assert of_cms(foreign.cms(TEXT), ours) is Flaw.FOREIGN_CERTIFICATE
    assert of_cms(foreign.cms(TEXT, with_certificate=False), ours) is Flaw.WRONG


def test_a_certificate_counts_only_between_its_dates() -> None:
    late = Signer(begin=NOW + timedelta(days=1))
    assert of_cms(late.cms(TEXT), late.certificate) is Flaw.INACTIVE_CERTIFICATE
    gone = Signer(begin=NOW - timedelta(days=9), age=timedelta(days=8))
    assert of_raw(gone.raw(TEXT), gone.certificate) is Flaw.INACTIVE_CERTIFICATE


def test_a_raw_signature_is_looked_up_by_the_hash_of_the_certificate() -> None:
    signer = Signer(kind="gost")
    of_pem = GOST.digest(signer.pem.encode()).hex().upper()
    for hashed in ("0" * 64, of_pem):
        assert of_raw(signer.raw(TEXT), signer.certificate, hashed) is Flaw.WRONG_HASH


def test_the_wrong_container_is_called_by_name() -> None:
    signer = Signer(kind="gost")
    assert of_raw(signer.cms(TEXT), signer.certificate) is Flaw.NOT_RAW
    assert of_cms(signer.raw(TEXT), signer.certificate) is Flaw.NOT_CMS


@pytest.mark.parametrize("text", ["", "=", "%%%", "кот", "A", "A" * 20_001])
def test_what_is_not_base64_is_refused(text: str) -> None:
    with pytest.raises(SignatureRefused) as refused:
        decode_base64(text)
    assert refused.value.flaw is Flaw.NOT_BASE64


@pytest.mark.parametrize("attributes", [True, False])
@pytest.mark.parametrize("attached", [None, TEXT.encode()])
def test_mutilated_containers_are_refused_and_break_nothing(
    attributes: bool, attached: bytes | None
) -> None:
    made = Signer().cms(TEXT, attached=attached, attributes=attributes)
    certificate = Signer().certificate
    signed = cms.ContentInfo.load(made)["content"]
    info = signed["signer_infos"][0]
    # No signature covers versions, the name of the signer and the lists of algorithms; of the
    # digest algorithm only the name counts, where attributes are signed; content is never read.
    parts = [(0, signed[name]) for name in ("version", "digest_algorithms", "encap_content_info")]
    begin = made.index(info.dump())
    parts += [(begin, info[name]) for name in ("version", "sid", "signature_algorithm")]
    digest_algorithm = info["digest_algorithm"]
    unread = digest_algorithm["parameters"] if attributes else digest_algorithm
    parts.append((made.index(digest_algorithm.dump(), begin), unread))
    free = set()
    for start, part in parts:
        begin = made.index(part.dump(), start)
        free |= set(range(begin, begin + len(part.dump())))
    assert of_cms(made, certificate) == certificate
    for position in range(len(made)):
        if position % 5 and position < len(made) - 400:
            continue  # the signer's part comes last: every byte of it, a fifth of the rest
        changed = made[:position] + bytes([made[position] ^ 0x41]) + made[position + 1 :]
        assert isinstance(of_cms(changed, certificate), Flaw) or position in free, position
    for length in range(0, len(made), 11):
        assert isinstance(of_cms(made[:length], certificate), Flaw), length


@both_kinds
def test_a_certificate_is_named_by_the_streebog_hash_of_its_der(
    kind: Literal["rsa", "gost"],
) -> None:
    certificate = Signer(kind=kind).certificate
    assert certificate.hash == GOST.digest(certificate.der).hex().upper()
    sha256 = hashlib.sha256(certificate.der).hexdigest()
    assert certificate.is_meant_by(sha256) == (kind == "rsa")  # a leniency of the stand-in
    assert not certificate.is_meant_by("")


@pytest.mark.parametrize(
    "content",
    [b"", b"nothing", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"],
)
def test_a_file_that_is_no_certificate_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError):
        make_certificate(content, GOST)
