"""The site's password rules and the HTML text that Moodle uses as their error code."""

from __future__ import annotations

from service.moodle_standin.errors import refused
from service.moodle_standin.settings import PasswordPolicy


def check_password(password: str, policy: PasswordPolicy) -> None:
    """Raise `MoodleError` whose code lists every broken rule (docs/facts/moodle.md 5.10)."""
    if not policy.enabled:
        return
    digits = sum(char.isdigit() for char in password)
    lower = sum(char.islower() for char in password)
    upper = sum(char.isupper() for char in password)
    other = sum(not char.isalnum() for char in password)
    rules = (
        (len(password) >= policy.min_length, _TOO_SHORT.format(policy.min_length)),
        (
            digits >= policy.min_digits,
            f"Passwords must have at least {policy.min_digits} digit(s).",
        ),
        (lower >= policy.min_lower, _LOWER.format(policy.min_lower)),
        (upper >= policy.min_upper, _UPPER.format(policy.min_upper)),
        (other >= policy.min_other, _OTHER.format(policy.min_other)),
    )
    broken = "".join(f"<div>{text}</div>" for kept, text in rules if not kept)
    if broken:
        raise refused(broken)


_TOO_SHORT = "Passwords must be at least {} characters long."
_LOWER = "Passwords must have at least {} lower case letter(s)."
_UPPER = "Passwords must have at least {} upper case letter(s)."
_OTHER = "The password must have at least {} special character(s) such as *, -, or #."
