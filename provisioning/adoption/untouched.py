"""Accounts that nothing of ours ever touches: administrators, guests, web services, listed ones."""

from __future__ import annotations

from collections.abc import Collection

from provisioning.adoption.accounts import Account
from provisioning.exclusions import Exclusions
from provisioning.settings import AdoptionSettings

GUEST_ID, FIRST_ADMIN_ID = 1, 2
"""Moodle's installation makes these two accounts first (docs/facts/moodle.md)."""


def left_alone(
    account: Account,
    settings: AdoptionSettings,
    *,
    excluded: Exclusions,
    in_charge: Collection[int] = (),
) -> str:
    """Return why an account is never taken over, as a code; empty when it may be.

    ``in_charge``: Moodle's numbers of those who have rights over the whole site, and of our own
    account there.
    """
    if account.moodle_id in (GUEST_ID, FIRST_ADMIN_ID):
        return "of_the_site"
    if account.moodle_id in in_charge:
        return "in_charge"
    if account.auth in settings.never_auth:
        return "sign_in_method"
    if excluded.names_person(idnumber=account.idnumber, login=account.username):
        return "listed"
    return ""
