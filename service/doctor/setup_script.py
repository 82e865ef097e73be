"""The script for Moodle's side: what it shall make there, and its text (``setup_script.php``).

An administrator reads it and runs it on the Moodle server, because no web service and no command
of Moodle makes a role, a service, a token or an OAuth 2 service (docs/facts/moodle.md 7.1).
"""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from auth.clients.client import Client
from provisioning.moodle.requirements import required_capabilities, required_functions
from service.doctor.sign_in import DISCOVERY, callback_of
from service.i18n import gettext as _
from service.settings import Settings

SCOPES = "openid profile email"

MAPPINGS = {"sub": "username", "email": "email"}
"""Which claim goes into which field of an account. Names are left to the roll: Moodle's own choice
would put the patronymic into the middle name, while the first name holds it already
(docs/facts/moodle.md 7.12)."""

LOCKED = ("firstname", "lastname", "middlename", "email")
"""Fields of an account that a sign-in must not change: they come from the school's roll."""


def setup_script(
    settings: Settings, client: Client | None, issuer: str, *, show_secret: bool = False
) -> str:
    """Return the PHP text. It holds no secret but, with ``show_secret``, that of the client."""
    plan = json.dumps(
        setup_plan(settings, client, issuer, show_secret=show_secret),
        ensure_ascii=False,
        indent=1,
    )
    text = files("service.doctor").joinpath("setup_script.php").read_text("utf-8")
    about = "\n// ".join(_about(settings).splitlines())
    return text.replace("@@ABOUT@@", about).replace("@@PLAN@@", plan)


def setup_plan(
    settings: Settings, client: Client | None, issuer: str, *, show_secret: bool = False
) -> dict[str, Any]:
    """Return what the script makes and says; capabilities and functions are those of the doctor."""
    reports = bool(settings.activity.report_id)
    secret = client.client_secret if client and show_secret else ""
    return {
        "settings": _moodle_settings(settings),
        "role": {
            "name": _("schoolbridge web service"),
            "shortname": "schoolbridge",
            "description": _("Made by schoolbridge moodle-setup-script: exactly what it needs."),
        },
        "capabilities": [one.capability for one in required_capabilities(reports=reports)],
        "assignable": settings.moodle.role_ids,
        "account": {
            "username": "schoolbridge",
            "firstname": "schoolbridge",
            "lastname": _("web service account"),
            "email": f"schoolbridge@{settings.logins.email_domain}",
        },
        "service": {"name": "schoolbridge", "shortname": "schoolbridge"},
        "functions": [str(one) for one in required_functions(reports=reports)],
        "issuer": _issuer(client, issuer, secret) if signs_in(settings) else None,
        "endpoints": {
            "discovery_endpoint": issuer + DISCOVERY,
            "authorization_endpoint": f"{issuer}/auth/authorize",
            "token_endpoint": f"{issuer}/auth/token",
            "userinfo_endpoint": f"{issuer}/auth/userinfo",
        },
        "mappings": MAPPINGS,
        "words": _words(callback_of(settings.moodle.url) if settings.moodle.url else ""),
    }


def signs_in(settings: Settings) -> bool:
    """Tell whether people sign in to Moodle through us at all."""
    return settings.passwords.kept_in == "provider"


def _issuer(client: Client | None, issuer: str, secret: str) -> dict[str, Any]:
    return {
        "name": _("School sign-in"),
        "clientid": client.client_id if client else "moodle",
        "clientsecret": secret,
        "baseurl": issuer,
        "enabled": 1,
        "showonloginpage": 2,  # the login page only
        "basicauth": 1,
        "loginscopes": SCOPES,
        "loginscopesoffline": SCOPES,
        "alloweddomains": "",
        "requireconfirmation": 0,
    }


def _moodle_settings(settings: Settings) -> list[tuple[str | None, str, str]]:
    """Return plugin (None: Moodle itself), name and value of each setting."""
    wanted: list[tuple[str | None, str, str]] = [(None, "enablewebservices", "1")]
    if signs_in(settings):
        wanted.append((None, "authpreventaccountcreation", "1"))
        wanted += [("auth_oauth2", f"field_lock_{field}", "locked") for field in LOCKED]
    return wanted


def _about(settings: Settings) -> str:
    return _(
        "Sets up Moodle for schoolbridge: web services and REST, a role, an account, a service\n"
        "with its functions, a token, and the sign-in through OAuth 2.\n"
        "\n"
        "Read it, copy it to the Moodle server and run it there as the account of the web server:\n"
        "  sudo -u www-data php schoolbridge-setup.php --moodle=/var/www/moodle\n"
        "Options:\n"
        "  --check               say what would be changed, change nothing\n"
        "  --secret-file=FILE    the client secret of the sign-in is in this file\n"
        "  --allow-our-address   take the sign-in's address out of Moodle's block lists\n"
        "  --allow-same-email    let accounts share an address: large loads are much faster\n"
        "  --new-token           replace the token\n"
        "  --undo                take everything back"
    )


def _words(callback: str) -> dict[str, str]:
    """Return what the script says, in the current language; it fills the places itself."""
    return {
        "usage": _about_usage(),
        "setting": _("setting {name} = {value}"),
        "plugin": _("{name} enabled ({setting})"),
        "not_ours": _("{kind} {name} is there already and was not made by this script: left as it "
                      "is. Rename or remove it, then run this again."),
        "role": _("role “{name}” made"),
        "no_capability": _("this Moodle knows no capability {name}"),
        "capability": _("capability {name} allowed"),
        "capability_gone": _("capability {name} taken out of the role: we do not need it"),
        "no_role": _("this Moodle has no role {name}: set its number in [moodle] and allow it by "
                     "hand"),
        "other_number": _("role {name} has number {number} here, the settings say {configured}: "
                          "change it in [moodle]"),
        "assignable": _("the role may assign {name}"),
        "account": _("account {name} made; nobody can sign in with it"),
        "role_given": _("role “{name}” given to the account"),
        "service": _("service {name} made"),
        "service_on": _("service enabled"),
        "service_user": _("the account may use the service"),
        "no_function": _("this Moodle has no function {name}"),
        "function": _("function {name} added"),
        "function_gone": _("function {name} taken out of the service: we do not call it"),
        "tokens_gone": _("earlier tokens deleted"),
        "token": _("token made"),
        "token_once": _('shown only now; for the settings of schoolbridge:\n'
                        '\n'
                        '[moodle]\n'
                        'url = "{url}"\n'
                        'token = "{token}"\n'),
        "no_https": _("{url} is not https, and Moodle refuses such a provider: the sign-in is not "
                      "set up"),
        "issuer_by_hand": _("OAuth 2 service “{name}” was made by hand: left as it is. Compare it "
                            "with what schoolbridge moodle-login-setup prints."),
        "no_secret": _("no client secret was given (--secret-file=FILE): the sign-in is not set "
                       "up"),
        "issuer": _("OAuth 2 service “{name}” made; the address to come back to is {callback}")
                  .replace("{callback}", callback),
        "issuer_field": _("OAuth 2 service: {name} changed"),
        "endpoint": _("OAuth 2 service: {name} = {value}"),
        "endpoint_gone": _("OAuth 2 service: {name} removed"),
        "mapping": _("OAuth 2 service: {name} goes into {value}"),
        "mapping_gone": _("OAuth 2 service: {name} goes no more into {value}"),
        "host_blocked": _("Moodle's block list stops the sign-in: curlsecurityblockedhosts has "
                          "{entry}. Take it out, or run this with --allow-our-address."),
        "port_blocked": _("Moodle's block list stops the sign-in: curlsecurityallowedport lacks "
                          "{port}. Add it, or run this with --allow-our-address."),
        "not_reached": _("Moodle does not reach {url}: {what}. For a certificate of an own "
                         "authority put that into Moodle's data folder as moodleorgca.crt."),
        "other_issuer": _("{url} answers, but not as our provider"),
        "reached": _("Moodle reaches the sign-in: {url}"),
        "issuer_undone": _("OAuth 2 service deleted, with {n} stored links of accounts"),
        "service_undone": _("service and token deleted"),
        "account_undone": _("account deleted"),
        "role_undone": _("role deleted"),
        "plugin_undone": _("{name} switched off again ({setting})"),
        "setting_undone": _("setting {name} is as before"),
        "setting_kept": _("setting {name} was changed since: left as it is"),
        "undone": _("everything is taken back; accounts, cohorts and courses of loads stay"),
        "nothing_to_undo": _("nothing of ours is here"),
        "would_change": _("{n} things would be changed"),
        "changed": _("{n} things changed; a second run changes nothing"),
        "nothing_to_change": _("everything is in place, nothing was changed"),
    }  # fmt: skip


def _about_usage() -> str:
    return _(
        "Name the folder of Moodle: php schoolbridge-setup.php --moodle=/var/www/moodle\n"
        "Also: --check --secret-file=FILE --allow-our-address --allow-same-email\n"
        "      --new-token --undo"
    )
