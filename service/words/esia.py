"""Words about the ЕСИА stand-in: certificates, faults, refusals and what to do about them."""

from __future__ import annotations

from collections.abc import Callable

from auth.esia.models import EsiaRefusal
from auth.esia.protocol.errors import CATALOGUE, REST_CATALOGUE
from auth.esia.protocol.signatures import Certificate, Flaw
from auth.esia.registration import Change
from auth.esia.workbench.diagnostics import NextStep
from service.i18n import gettext as _


def algorithm(certificate: Certificate) -> str:
    return certificate.algorithm if certificate.algorithm == "RSA" else _("GOST R 34.10-2012")


def change(state: Change) -> str:
    """How far the change of a certificate is."""
    return {
        Change.NONE: _("no certificate yet: every signature is refused"),
        Change.SINGLE: _("one certificate"),
        Change.ANNOUNCED: _("the next one is announced"),
        Change.OVERLAPPING: _("overlapping: both count"),
        Change.DONE: _("done: only the next one counts"),
        Change.ENDED: _("ended: none counts any more"),
    }[state]


def change_until(state: Change) -> str:
    """What the date beside the state is."""
    return {
        Change.SINGLE: _("valid until"),
        Change.ANNOUNCED: _("counts from"),
        Change.OVERLAPPING: _("the earlier one counts until"),
        Change.DONE: _("valid until"),
    }.get(state, "")


def place(name: str) -> str:
    return {
        "ac": _("Authorization (…/ac)"),
        "te": _("Tokens (…/te)"),
        "rs": _("REST service (/rs/…)"),
    }.get(name, name)


def fault(kind: str) -> str:
    """What goes wrong; an unknown one keeps its name."""
    return {
        "html": _("a page instead of the answer, status 503"),
        "slow": _("the answer comes after 30 seconds"),
        "wrong_state": _("another state than the one sent"),
        "expired_token": _("tokens that ended a day ago"),
        "wrong_audience": _("an ID token for another system"),
        "changed_certificate": _("tokens signed with a key nobody knows"),
        "clock_shift": _("our clock is 3 hours off"),
    }.get(kind, kind)


def error(code: str) -> str:
    """``ESIA-007007`` with the text that the client is told."""
    text = CATALOGUE[code][1] if code in CATALOGUE else REST_CATALOGUE.get(code, (0, ""))[1]
    return f"ESIA-{code}" + (f": {text}" if text else "")


def parameter(refusal: EsiaRefusal) -> str:
    """Which parameter is meant; some errors are about one alone and do not name it."""
    named = str(refusal.explanation.get("parameter") or "")
    return named or {"007009": "response_type", "007012": "grant_type"}.get(refusal.code, "")


def flaw(name: str) -> str:
    return {
        Flaw.NOT_BASE64.value: _("not base64"),
        Flaw.NOT_CMS.value: _("no CMS container, which v1 needs"),
        Flaw.NOT_RAW.value: _("a CMS container, where v2 and v3 need the bare signature"),
        Flaw.NO_CERTIFICATE.value: _("the system has no certificate yet"),
        Flaw.FOREIGN_CERTIFICATE.value: _("made with a certificate that is not registered"),
        Flaw.INACTIVE_CERTIFICATE.value: _("made with a certificate outside of its dates"),
        Flaw.WRONG_HASH.value: _("client_certificate_hash fits no registered certificate"),
        Flaw.OTHER_CONTENT.value: _("the right key, but over another text"),
        Flaw.WRONG.value: _("does not fit the expected text"),
    }.get(name, name)


def fits(name: str) -> str:
    """The text that a signature really fits; a rare one keeps its name."""
    return {
        "the expected text": _("the expected text"),
        "the order of v1": _("the order of v1"),
        "the order of v2": _("the order of v2"),
        "without scope_org": _("the text without scope_org"),
        "without redirect_uri": _("the text without redirect_uri"),
        "without code": _("the text without code"),
        "with a line break at the end": _("the text with a line break at the end"),
        "without blanks": _("the text without blanks"),
        "in UTF-16": _("the text in UTF-16"),
    }.get(name, name)


def next_step(name: str) -> str:
    """What the developer should do now."""
    found = _NEXT_STEPS.get(name)
    return found() if found else name


_NEXT_STEPS: dict[str, Callable[[], str]] = {
    NextStep.REGISTER_SYSTEM.value: lambda: _("Have the system registered, or correct client_id."),
    NextStep.REGISTER_SCOPES.value: lambda: _("Have these scopes added to the registration."),
    NextStep.REGISTER_REDIRECT_HOST.value: lambda: _(
        "Have the host of redirect_uri registered, or correct the address."
    ),
    NextStep.ADD_PARAMETER.value: lambda: _("Send the parameter that is named."),
    NextStep.CORRECT_PARAMETER.value: lambda: _("Correct the parameter that is named."),
    NextStep.ESCAPE_PLUS.value: lambda: _(
        "Write + as %2B in the address: a bare + arrives as a blank."
    ),
    NextStep.CORRECT_TIME_ZONE.value: lambda: _(
        "The clock is right, the zone is not: the offset in timestamp must fit its hours."
    ),
    NextStep.CORRECT_CLOCK.value: lambda: _("Set the clock of the server by a time server."),
    NextStep.CORRECT_TIMESTAMP_FORM.value: lambda: _(
        "Write timestamp as 2026.09.01 11:00:00 +0300."
    ),
    NextStep.SIGN_EXPECTED_TEXT.value: lambda: _("Sign exactly the expected text."),
    NextStep.MIRROR_BYTES.value: lambda: _("Reverse the bytes of the signature."),
    NextStep.SEND_RAW_SIGNATURE.value: lambda: _("Send the bare signature, without a container."),
    NextStep.SEND_CMS.value: lambda: _("Send a CMS container (PKCS #7), as v1 needs it."),
    NextStep.HASH_DER_CERTIFICATE.value: lambda: _(
        "Compute client_certificate_hash over the DER form of the registered certificate whose "
        "key signs: Streebog-256 (GOST R 34.11-2012)."
    ),
    NextStep.REGISTER_CERTIFICATE.value: lambda: _(
        "Have the certificate registered with which you sign."
    ),
    NextStep.CHECK_CERTIFICATE_DATES.value: lambda: _(
        "Look at the dates of the certificate; register the one that is valid now."
    ),
    NextStep.CHECK_KEY.value: lambda: _(
        "No known text fits: sign with the key of the registered certificate."
    ),
    NextStep.ASK_FOR_NEW_CODE.value: lambda: _(
        "Ask for a new code: this one, or the refresh token, is used up, old or foreign."
    ),
    NextStep.CHECK_PKCE.value: lambda: _(
        "Keep code_verifier with the request and send it with the code."
    ),
    "swap_halves": lambda: _("Swap the halves of the signature: s comes before r."),
    "send_both_numbers": lambda: _("Send the two numbers of 32 bytes, not an ASN.1 sequence."),
    "encode_once": lambda: _("Encode the signature in base64 once, not twice."),
    "send_signature": lambda: _("Send client_id and client_secret in the form, no other proof."),
    "correct_consent": lambda: _("Correct the parameter permissions."),
    "try_later": lambda: _("Try again: the signature could not be checked just then."),
    NextStep.NONE.value: lambda: "",
}
