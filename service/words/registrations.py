"""Words about registrations: each field with its explanation, and what is wrong with it."""

from __future__ import annotations

from auth.clients.problems import FieldProblem, Flaw
from service.i18n import gettext as _


def field_words(name: str) -> tuple[str, str]:
    """Label and explanation of a field of ``Client`` or ``EsiaSystem``."""
    known = _client_fields() | _system_fields()
    return known.get(name, (name, ""))


def _client_fields() -> dict[str, tuple[str, str]]:
    return {
        "client_id": (
            _("Client ID"),
            _("The name under which the application introduces itself; never changed later."),
        ),
        "name": (_("Name of the application"), _("People read it on the sign-in page.")),
        "home_url": (
            _("Address of the application"),
            _("For a button on the page of whoever signed in at our own address; empty: none."),
        ),
        "redirect_uris": (
            _("Return addresses"),
            _("Whole addresses, one a line; compared character by character."),
        ),
        "scopes": (_("Scopes"), _("The most that the application may ask for.")),
        "token_endpoint_auth_methods": (
            _("How the secret is sent"),
            _("Moodle sends it in the header or in the form, by its own setting."),
        ),
        "require_pkce": (
            _("Require PKCE"),
            _("Also of an application with a secret. Moodle cannot do it."),
        ),
        "roles": (_("Only these people"), _("None chosen: everyone.")),
        "id_token_algorithm": (
            _("Signature of ID tokens"),
            _("RS256 is understood by every application."),
        ),
        "ask_consent": (
            _("Ask for consent"),
            _("Once, a page says what the application learns about the person."),
        ),
        "ask_each_time": (
            _("Ask for the password each time"),
            _("For school computers: one child must not land in the account of another."),
        ),
        "session_seconds": (
            _("Sign-in counts for so many seconds"),
            _("For school computers, for example 600. 0: as everywhere."),
        ),
        "post_logout_redirect_uris": (
            _("Addresses after signing out"),
            _("Where people may be sent back to after signing out, one a line."),
        ),
        "backchannel_logout_uri": (
            _("Address for sign-out notices"),
            _("We tell this address who signed out; empty: nobody is told."),
        ),
    }


def _system_fields() -> dict[str, tuple[str, str]]:
    return {
        "mnemonic": (_("Mnemonic"), _("The client_id of the system; never changed later.")),
        "certificate": (
            _("Certificate"),
            _("PEM or DER, RSA or GOST R 34.10-2012 (256 bit). Never the private key."),
        ),
        "next_certificate": (
            _("Next certificate"),
            _("While both are valid, both count."),
        ),
        "redirect_hosts": (
            _("Return hosts"),
            _("Host names, one a line, without https:// and path; any port and path will do."),
        ),
        "token_algorithm": (
            _("Signature of our tokens"),
            _("Whatever the system signs with itself."),
        ),
        "accept_v1_order": (
            _("Accept the order of v1 at v2 and v3"),
            _(
                "The signed values may stand in the order of the first version there too, and the "
                "signature may come in a CMS container."
            ),
        ),
        "check_after_sign_in": (
            _("Check only after the sign-in"),
            _("A wrong signature or scope is told after the person signed in, as seen at times."),
        ),
        "auth_time_milliseconds": (
            _("auth_time in milliseconds"),
            _("The older form of the ID token; otherwise seconds."),
        ),
        "level_claim": (
            _("Tell the level of the account"),
            _("urn:esia:sbj:lvl in the tokens, which older ones did not have."),
        ),
        "second_factor_scopes": (
            _("Scopes that need a second factor"),
            _("Refused to people who have none."),
        ),
    }


def flaw_words(problem: FieldProblem) -> str:
    """What is wrong with a field, and what to type instead."""
    value = problem.value
    return {
        Flaw.MISSING: _("This must not be empty."),
        Flaw.TOO_LONG: _("This is too long."),
        Flaw.NOT_PRINTABLE: _("There is a character that cannot be shown."),
        Flaw.NOT_PLAIN: _("Latin letters, digits, dot, dash and underscore only, at most 100."),
        Flaw.RESERVED: _("Names that begin so are reserved."),
        Flaw.TAKEN: _("This name is taken."),
        Flaw.IN_SETTINGS_FILE: _("The settings file has one of this name."),
        Flaw.NOT_AN_ADDRESS: _(
            "{value} is no whole address such as https://moodle.example.org/back.", value=value
        ),
        Flaw.NOT_A_PLAIN_HOST: _(
            "{value}: the host may have Latin letters, digits, dot, dash and a port only.",
            value=value[:60],
        ),
        Flaw.NOT_ASCII: _(
            "{value} must be shorter than 2000 characters, without Cyrillic and blanks.",
            value=value[:60],
        ),
        Flaw.RUNS_AS_SCRIPT: _("{value} would run as a program in the browser.", value=value),
        Flaw.NOT_HTTP: _("{value} must begin with https:// or http://.", value=value),
        Flaw.NOT_A_HASH: _("This is no hash."),
        Flaw.NOT_BOTH: _("Only one of the two may be given."),
        Flaw.NEGATIVE: _("This must not be negative."),
        Flaw.NOT_A_NUMBER: _("This must be a whole number."),
        Flaw.UNKNOWN: _("There is no {value} here.", value=value),
        Flaw.WITHOUT_OPENID: _("openid must be among them: without it there is no sign-in."),
        Flaw.NOT_A_HOST: _(
            "{value} is no host name: write journal.example.org, without https:// and path.",
            value=value,
        ),
        Flaw.NOT_A_CERTIFICATE: _(
            "This is no certificate in PEM or DER with an RSA or GOST R 34.10-2012 key."
        ),
        Flaw.OTHER_KEY: _(
            "The key of this certificate is {value}. ЕСИА's clients sign with GOST R 34.10-2012 "
            "(256 bit) or, in tests, with RSA: upload a certificate of such a key.",
            value=value,
        ),
        Flaw.SAME_CERTIFICATE: _("This certificate is registered already."),
    }[problem.flaw]
