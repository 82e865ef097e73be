"""Explains refused requests to the developer of a system: what would fit, and what to do.

The client is told nothing of it. A code is a secret and is masked; no person is named.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from auth.esia.models import EsiaRefusal
from auth.esia.protocol.errors import CATALOGUE, EsiaRefused
from auth.esia.protocol.gost import GostError
from auth.esia.protocol.requests import Asked, SignatureMismatch, signed_text
from auth.esia.protocol.signatures import (
    Certificate,
    Flaw,
    SignatureRefused,
    certificates_in_cms,
    decode_base64,
    make_certificate,
)
from auth.esia.standin import RegisteredSystem, Standin
from auth.esia.workbench import recorder
from auth.esia.workbench.signature_search import (
    EXPECTED_TEXT,
    OF_ANOTHER_SYSTEM,
    Fit,
    Shape,
    find_fit,
    masked,
    name_of_hash,
)

KEPT_PER_SYSTEM = 200
SHOWN_LENGTH = 200
"""The longest shown text of a parameter that somebody else wrote."""

Explanation = dict[str, Any]


class NextStep(StrEnum):
    """What the developer should do; docs/esia.md has a sentence for each."""

    REGISTER_SYSTEM = "register_system"
    REGISTER_SCOPES = "register_scopes"
    REGISTER_REDIRECT_HOST = "register_redirect_host"
    ADD_PARAMETER = "add_parameter"
    CORRECT_PARAMETER = "correct_parameter"
    ESCAPE_PLUS = "escape_plus"
    CORRECT_TIME_ZONE = "correct_time_zone"
    CORRECT_CLOCK = "correct_clock"
    CORRECT_TIMESTAMP_FORM = "correct_timestamp_form"
    SIGN_EXPECTED_TEXT = "sign_expected_text"
    MIRROR_BYTES = "mirror_bytes"
    SWAP_HALVES = "swap_halves"
    SEND_BOTH_NUMBERS = "send_both_numbers"
    ENCODE_ONCE = "encode_once"
    SEND_SIGNATURE = "send_signature"
    CORRECT_CONSENT = "correct_consent"
    TRY_LATER = "try_later"
    SEND_RAW_SIGNATURE = "send_raw_signature"
    SEND_CMS = "send_cms"
    HASH_DER_CERTIFICATE = "hash_der_certificate"
    REGISTER_CERTIFICATE = "register_certificate"
    CHECK_CERTIFICATE_DATES = "check_certificate_dates"
    CHECK_KEY = "check_key"
    ASK_FOR_NEW_CODE = "ask_for_new_code"
    CHECK_PKCE = "check_pkce"
    NONE = ""


_CODES_BY_STEP = {
    NextStep.REGISTER_CERTIFICATE: ["007002"],
    NextStep.CORRECT_PARAMETER: [
        "007003", "007006", "007009", "007012", "007038", "007060", "007061",
    ],
    NextStep.REGISTER_SYSTEM: ["007005"],
    NextStep.TRY_LATER: ["007008"],
    NextStep.ASK_FOR_NEW_CODE: ["007011"],
    NextStep.ADD_PARAMETER: ["007013", "007014"],
    NextStep.REGISTER_SCOPES: ["007019"],
    NextStep.REGISTER_REDIRECT_HOST: ["007023"],
    NextStep.CHECK_PKCE: ["007039", "007040"],
    NextStep.SEND_SIGNATURE: ["008010"],
    NextStep.CORRECT_CONSENT: [code for code in CATALOGUE if code.startswith("0367")],
}  # fmt: skip
_STEP_BY_CODE = {code: step for step, codes in _CODES_BY_STEP.items() for code in codes}
_STEP_BY_FLAW = {
    Flaw.NOT_BASE64: NextStep.CORRECT_PARAMETER,
    Flaw.NOT_CMS: NextStep.SEND_CMS,
    Flaw.NOT_RAW: NextStep.SEND_RAW_SIGNATURE,
    Flaw.NO_CERTIFICATE: NextStep.REGISTER_CERTIFICATE,
    Flaw.FOREIGN_CERTIFICATE: NextStep.REGISTER_CERTIFICATE,
    Flaw.INACTIVE_CERTIFICATE: NextStep.CHECK_CERTIFICATE_DATES,
    Flaw.WRONG_HASH: NextStep.HASH_DER_CERTIFICATE,
    Flaw.OTHER_CONTENT: NextStep.SIGN_EXPECTED_TEXT,
    Flaw.WRONG: NextStep.CHECK_KEY,
}
_STEP_BY_SHAPE = {
    Shape.MIRRORED: NextStep.MIRROR_BYTES,
    Shape.MIRRORED_HALVES: NextStep.MIRROR_BYTES,
    Shape.SWAPPED_HALVES: NextStep.SWAP_HALVES,
    Shape.SEQUENCE: NextStep.SEND_BOTH_NUMBERS,
    Shape.ENCODED_TWICE: NextStep.ENCODE_ONCE,
}


def explain(refused: EsiaRefused, asked: Asked) -> Explanation:
    """Return all that helps to set the request right."""
    system = asked.system
    explanation: Explanation = {
        "parameter": refused.parameter,
        "timestamp": asked["timestamp"][:SHOWN_LENGTH],
        "clock_difference_seconds": (
            round((asked.timestamp - asked.at).total_seconds()) if asked.timestamp else None
        ),
        "certificates": [_describe(one, asked.at) for one in system.certificates] if system else [],
        "next_step": _STEP_BY_CODE.get(refused.code, NextStep.NONE).value,
    }
    if refused.code == "007015":
        explanation["next_step"] = _step_for_time(asked).value
    elif refused.code == "007023":
        explanation["redirect_uri"] = asked["redirect_uri"].partition("?")[0][:SHOWN_LENGTH]
        explanation["redirect_hosts"] = list(system.settings.redirect_hosts) if system else []
    elif refused.code in {"007006", "007019"}:
        explanation["scope"] = f"{asked['scope']} {asked['scope_org']}"[:SHOWN_LENGTH]
    elif isinstance(refused, SignatureMismatch) and system:
        explanation |= _explain_signature(refused.flaw, asked, system)
    return explanation


def record(refused: EsiaRefused, asked: Asked) -> None:
    """Keep the explanation; the newest ``KEPT_PER_SYSTEM`` of each system stay."""
    system = asked.system.mnemonic if asked.system else ""
    refusal = EsiaRefusal(
        at=asked.at,
        system=system,
        address=asked.address,
        code=refused.code,
        explanation=explain(refused, asked),
    )
    with asked.standin.session_factory.begin() as db:
        db.add(refusal)
        db.flush()
        recorder.note(refusal=refusal.id)
        recorder.keep_newest(db, EsiaRefusal, system, KEPT_PER_SYSTEM)


def _describe(certificate: Certificate, now: datetime) -> dict[str, Any]:
    return {
        "hash": certificate.hash,
        "algorithm": certificate.algorithm,
        "not_before": certificate.not_before.isoformat(),
        "not_after": certificate.not_after.isoformat(),
        "active": certificate.is_active(now),
    }


def _step_for_time(asked: Asked) -> NextStep:
    """Return the step for a wrong time; whole hours are a time zone, not a clock
    (docs/facts/esia.md 2.18)."""
    if asked.timestamp is None:
        unescaped = "  " in asked["timestamp"] and "+" not in asked["timestamp"]
        return NextStep.ESCAPE_PLUS if unescaped else NextStep.CORRECT_TIMESTAMP_FORM
    difference = abs(asked.timestamp - asked.at)
    rest = difference % timedelta(hours=1)
    whole_hours = min(rest, timedelta(hours=1) - rest) <= asked.standin.tolerance
    if whole_hours and difference <= timedelta(hours=14):
        return NextStep.CORRECT_TIME_ZONE
    return NextStep.CORRECT_CLOCK


def _explain_signature(flaw: Flaw, asked: Asked, system: RegisteredSystem) -> Explanation:
    standin = asked.standin
    found: Explanation = {
        "flaw": flaw.value,
        "expected": signed_text(masked(asked)),
        "certificate_hash_sent": asked["client_certificate_hash"][:SHOWN_LENGTH],
        "certificates_sent": [],
        "signature_bytes": None,
        "fits": "",
        "fitting_text": "",
        "shape": "",
        "hash_is_of": "",
        "next_step": _STEP_BY_FLAW[flaw].value,
    }
    try:
        raw = decode_base64(asked["client_secret"])
    except SignatureRefused:
        return found
    found["signature_bytes"] = len(raw)
    try:
        found["certificates_sent"] = list(_certificates_sent(raw, asked.at, standin))
        if flaw is Flaw.WRONG_HASH:
            sent = asked["client_certificate_hash"]
            others = [
                certificate
                for other in standin.systems.values()
                if other.mnemonic != system.mnemonic
                for certificate in other.certificates
            ]
            found["hash_is_of"] = name_of_hash(sent, system.certificates, others, standin.gost)
            if found["hash_is_of"] == OF_ANOTHER_SYSTEM:
                found["next_step"] = NextStep.REGISTER_CERTIFICATE.value
        fit = find_fit(raw, asked, system.certificates, standin.gost)
    except GostError:
        return found  # the explanation is shorter, the refusal stands
    if fit:
        found |= {"fits": fit.text_name, "fitting_text": fit.text, "shape": fit.shape.value}
        if flaw is Flaw.WRONG:
            found["next_step"] = _step_for_fit(fit).value
    return found


def _step_for_fit(fit: Fit) -> NextStep:
    """Return the step for a signature that would fit in another way; any other flaw must go
    first."""
    if fit.shape in _STEP_BY_SHAPE:
        return _STEP_BY_SHAPE[fit.shape]
    if fit.text_name == EXPECTED_TEXT:
        # The key is that of the system's other certificate than the one that was named.
        return NextStep.HASH_DER_CERTIFICATE
    return NextStep.SIGN_EXPECTED_TEXT


def _certificates_sent(raw: bytes, now: datetime, standin: Standin) -> Iterator[dict[str, Any]]:
    for der in certificates_in_cms(raw):
        try:
            yield _describe(make_certificate(der, standin.gost), now)
        except (ValueError, TypeError):
            continue
