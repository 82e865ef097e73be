"""Words about registrations: each field with its explanation, and what is wrong with it."""

from __future__ import annotations

from auth.clients.problems import FieldProblem, Flaw
from service.i18n import N_
from service.i18n import gettext as _

_FIELDS = {
    "client_id": (
        N_("Client ID"),
        N_("The name under which the application introduces itself; never changed later."),
    ),
    "name": (N_("Name of the application"), N_("People read it on the sign-in page.")),
    "home_url": (
        N_("Address of the application"),
        N_("For a button on the page of whoever signed in at our own address; empty: none."),
    ),
    "redirect_uris": (
        N_("Return addresses"),
        N_("Whole addresses, one a line; compared character by character."),
    ),
    "scopes": (N_("Scopes"), N_("The most that the application may ask for.")),
    "token_endpoint_auth_methods": (
        N_("How the secret is sent"),
        N_("Moodle sends it in the header or in the form, by its own setting."),
    ),
    "require_pkce": (
        N_("Require PKCE"),
        N_("Also of an application with a secret. Moodle cannot do it."),
    ),
    "roles": (N_("Only these people"), N_("None chosen: everyone.")),
    "id_token_algorithm": (
        N_("Signature of ID tokens"),
        N_("RS256 is understood by every application."),
    ),
    "ask_consent": (
        N_("Ask for consent"),
        N_("Once, a page says what the application learns about the person."),
    ),
    "ask_each_time": (
        N_("Ask for the password each time"),
        N_("For school computers: one child must not land in the account of another."),
    ),
    "session_seconds": (
        N_("Sign-in counts for so many seconds"),
        N_("For school computers, for example 600. 0: as everywhere."),
    ),
    "post_logout_redirect_uris": (
        N_("Addresses after signing out"),
        N_("Where people may be sent back to after signing out, one a line."),
    ),
    "backchannel_logout_uri": (
        N_("Address for sign-out notices"),
        N_("We tell this address who signed out; empty: nobody is told."),
    ),
    "mnemonic": (N_("Mnemonic"), N_("The client_id of the system; never changed later.")),
    "certificate": (
        N_("Certificate"),
        N_("PEM or DER, RSA or GOST R 34.10-2012 (256 bit). Never the private key."),
    ),
    "next_certificate": (N_("Next certificate"), N_("While both are valid, both count.")),
    "redirect_hosts": (
        N_("Return hosts"),
        N_("Host names, one a line, without https:// and path; any port and path will do."),
    ),
    "token_algorithm": (
        N_("Signature of our tokens"),
        N_("Whatever the system signs with itself."),
    ),
    "accept_v1_order": (
        N_("Accept the order of v1 at v2 and v3"),
        N_(
            "The signed values may stand in the order of the first version there too, and the "
            "signature may come in a CMS container."
        ),
    ),
    "check_after_sign_in": (
        N_("Check only after the sign-in"),
        N_("A wrong signature or scope is told after the person signed in, as seen at times."),
    ),
    "auth_time_milliseconds": (
        N_("auth_time in milliseconds"),
        N_("The older form of the ID token; otherwise seconds."),
    ),
    "level_claim": (
        N_("Tell the level of the account"),
        N_("urn:esia:sbj:lvl in the tokens, which older ones did not have."),
    ),
    "second_factor_scopes": (
        N_("Scopes that need a second factor"),
        N_("Refused to people who have none."),
    ),
}

_FLAWS = {
    Flaw.MISSING: N_("This must not be empty."),
    Flaw.TOO_LONG: N_("This is too long."),
    Flaw.NOT_PRINTABLE: N_("There is a character that cannot be shown."),
    Flaw.NOT_PLAIN: N_("Latin letters, digits, dot, dash and underscore only, at most 100."),
    Flaw.RESERVED: N_("Names that begin so are reserved."),
    Flaw.TAKEN: N_("This name is taken."),
    Flaw.IN_SETTINGS_FILE: N_("The settings file has one of this name."),
    Flaw.NOT_AN_ADDRESS: N_("{value} is no whole address such as https://moodle.example.org/back."),
    Flaw.NOT_A_PLAIN_HOST: N_(
        "{value}: the host may have Latin letters, digits, dot, dash and a port only."
    ),
    Flaw.NOT_ASCII: N_(
        "{value} must be shorter than 2000 characters, without Cyrillic and blanks."
    ),
    Flaw.RUNS_AS_SCRIPT: N_("{value} would run as a program in the browser."),
    Flaw.NOT_HTTP: N_("{value} must begin with https:// or http://."),
    Flaw.NOT_A_HASH: N_("This is no hash."),
    Flaw.NOT_BOTH: N_("Only one of the two may be given."),
    Flaw.NEGATIVE: N_("This must not be negative."),
    Flaw.NOT_A_NUMBER: N_("This must be a whole number."),
    Flaw.UNKNOWN: N_("There is no {value} here."),
    Flaw.WITHOUT_OPENID: N_("openid must be among them: without it there is no sign-in."),
    Flaw.NOT_A_HOST: N_(
        "{value} is no host name: write journal.example.org, without https:// and path."
    ),
    Flaw.NOT_A_CERTIFICATE: N_(
        "This is no certificate in PEM or DER with an RSA or GOST R 34.10-2012 key."
    ),
    Flaw.OTHER_KEY: N_(
        "The key of this certificate is {value}. ЕСИА's clients sign with GOST R 34.10-2012 "
        "(256 bit) or, in tests, with RSA: upload a certificate of such a key."
    ),
    Flaw.SAME_CERTIFICATE: N_("This certificate is registered already."),
}


def field_words(name: str) -> tuple[str, str]:
    """Label and explanation of a field of ``Client`` or ``EsiaSystem``."""
    label, why = _FIELDS.get(name, (name, ""))
    return _(label), _(why)


def flaw_words(problem: FieldProblem) -> str:
    """What is wrong with a field, and what to type instead."""
    cut = 60 if problem.flaw in {Flaw.NOT_A_PLAIN_HOST, Flaw.NOT_ASCII} else None
    return _(_FLAWS[problem.flaw], value=problem.value[:cut])
