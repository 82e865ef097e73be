"""Words about the ЕСИА stand-in: certificates, faults, refusals and what to do about them."""

from __future__ import annotations

from auth.esia.models import EsiaRefusal
from auth.esia.protocol.errors import CATALOGUE, REST_CATALOGUE
from auth.esia.protocol.signatures import Certificate, Flaw
from auth.esia.registration import Change
from auth.esia.workbench.diagnostics import NextStep
from service.i18n import N_
from service.i18n import gettext as _
from service.words import words, words_or_code


def algorithm(certificate: Certificate) -> str:
    return certificate.algorithm if certificate.algorithm == "RSA" else _("GOST R 34.10-2012")


change = words(
    {
        Change.NONE: N_("no certificate yet: every signature is refused"),
        Change.SINGLE: N_("one certificate"),
        Change.ANNOUNCED: N_("the next one is announced"),
        Change.OVERLAPPING: N_("overlapping: both count"),
        Change.DONE: N_("done: only the next one counts"),
        Change.ENDED: N_("ended: none counts any more"),
    }
)
"""How far the change of a certificate is."""

change_until = words(
    {
        Change.NONE: "",
        Change.SINGLE: N_("valid until"),
        Change.ANNOUNCED: N_("counts from"),
        Change.OVERLAPPING: N_("the earlier one counts until"),
        Change.DONE: N_("valid until"),
        Change.ENDED: "",
    }
)
"""What the date beside the state is."""

place = words_or_code(
    ac=N_("Authorization (…/ac)"),
    te=N_("Tokens (…/te)"),
    rs=N_("REST service (/rs/…)"),
)

fault = words_or_code(
    html=N_("a page instead of the answer, status 503"),
    slow=N_("the answer comes after 30 seconds"),
    wrong_state=N_("another state than the one sent"),
    expired_token=N_("tokens that ended a day ago"),
    wrong_audience=N_("an ID token for another system"),
    changed_certificate=N_("tokens signed with a key nobody knows"),
    clock_shift=N_("our clock is 3 hours off"),
)
"""What goes wrong; an unknown one keeps its name."""


def error(code: str) -> str:
    """``ESIA-007007`` with the text that the client is told."""
    text = CATALOGUE[code][1] if code in CATALOGUE else REST_CATALOGUE.get(code, (0, ""))[1]
    return f"ESIA-{code}" + (f": {text}" if text else "")


def parameter(refusal: EsiaRefusal) -> str:
    """Which parameter is meant; some errors are about one alone and do not name it."""
    named = str(refusal.explanation.get("parameter") or "")
    return named or {"007009": "response_type", "007012": "grant_type"}.get(refusal.code, "")


flaw = words_or_code(
    {
        Flaw.NOT_BASE64: N_("not base64"),
        Flaw.NOT_CMS: N_("no CMS container, which v1 needs"),
        Flaw.NOT_RAW: N_("a CMS container, where v2 and v3 need the bare signature"),
        Flaw.NO_CERTIFICATE: N_("the system has no certificate yet"),
        Flaw.FOREIGN_CERTIFICATE: N_("made with a certificate that is not registered"),
        Flaw.INACTIVE_CERTIFICATE: N_("made with a certificate outside of its dates"),
        Flaw.WRONG_HASH: N_("client_certificate_hash fits no registered certificate"),
        Flaw.OTHER_CONTENT: N_("the right key, but over another text"),
        Flaw.WRONG: N_("does not fit the expected text"),
    }
)

fits = words_or_code(
    {
        "the expected text": N_("the expected text"),
        "the order of v1": N_("the order of v1"),
        "the order of v2": N_("the order of v2"),
        "without scope_org": N_("the text without scope_org"),
        "without redirect_uri": N_("the text without redirect_uri"),
        "without code": N_("the text without code"),
        "with a line break at the end": N_("the text with a line break at the end"),
        "without blanks": N_("the text without blanks"),
        "in UTF-16": N_("the text in UTF-16"),
    }
)
"""The text that a signature really fits; a rare one keeps its name."""

next_step = words_or_code(
    {
        NextStep.REGISTER_SYSTEM: N_("Have the system registered, or correct client_id."),
        NextStep.REGISTER_SCOPES: N_("Have these scopes added to the registration."),
        NextStep.REGISTER_REDIRECT_HOST: N_(
            "Have the host of redirect_uri registered, or correct the address."
        ),
        NextStep.ADD_PARAMETER: N_("Send the parameter that is named."),
        NextStep.CORRECT_PARAMETER: N_("Correct the parameter that is named."),
        NextStep.ESCAPE_PLUS: N_("Write + as %2B in the address: a bare + arrives as a blank."),
        NextStep.CORRECT_TIME_ZONE: N_(
            "The clock is right, the zone is not: the offset in timestamp must fit its hours."
        ),
        NextStep.CORRECT_CLOCK: N_("Set the clock of the server by a time server."),
        NextStep.CORRECT_TIMESTAMP_FORM: N_("Write timestamp as 2026.09.01 11:00:00 +0300."),
        NextStep.SIGN_EXPECTED_TEXT: N_("Sign exactly the expected text."),
        NextStep.MIRROR_BYTES: N_("Reverse the bytes of the signature."),
        NextStep.SEND_RAW_SIGNATURE: N_("Send the bare signature, without a container."),
        NextStep.SEND_CMS: N_("Send a CMS container (PKCS #7), as v1 needs it."),
        NextStep.HASH_DER_CERTIFICATE: N_(
            "Compute client_certificate_hash over the DER form of the registered certificate whose "
            "key signs: Streebog-256 (GOST R 34.11-2012)."
        ),
        NextStep.REGISTER_CERTIFICATE: N_("Have the certificate registered with which you sign."),
        NextStep.CHECK_CERTIFICATE_DATES: N_(
            "Look at the dates of the certificate; register the one that is valid now."
        ),
        NextStep.CHECK_KEY: N_(
            "No known text fits: sign with the key of the registered certificate."
        ),
        NextStep.ASK_FOR_NEW_CODE: N_(
            "Ask for a new code: this one, or the refresh token, is used up, old or foreign."
        ),
        NextStep.CHECK_PKCE: N_("Keep code_verifier with the request and send it with the code."),
        "swap_halves": N_("Swap the halves of the signature: s comes before r."),
        "send_both_numbers": N_("Send the two numbers of 32 bytes, not an ASN.1 sequence."),
        "encode_once": N_("Encode the signature in base64 once, not twice."),
        "send_signature": N_("Send client_id and client_secret in the form, no other proof."),
        "correct_consent": N_("Correct the parameter permissions."),
        "try_later": N_("Try again: the signature could not be checked just then."),
        NextStep.NONE: "",
    }
)
"""What the developer should do now."""
