"""What a fresh Moodle holds before anyone calls it."""

from __future__ import annotations

from collections.abc import Mapping

from service.moodle_standin.settings import ServiceToken, SiteSettings
from service.moodle_standin.store import Store


def seed(
    store: Store, tokens: Mapping[str, ServiceToken], settings: SiteSettings, now: int
) -> None:
    """Make what a fresh Moodle has: guest, admin, the accounts of the tokens, a category."""
    with store.transaction():
        if not store.row("SELECT 1 FROM user"):
            _add_account(store, "guest", "manual", "Guest user", " ", "root@localhost", now)
            _add_account(store, "admin", "manual", "Admin", "User", "admin@example.org", now)
            _add_first_category(store, settings, now)
        for token in tokens.values():
            name = token.username
            if not store.row("SELECT 1 FROM user WHERE username = ?", (name,)):
                email = f"{name}@example.org"
                _add_account(store, name, "webservice", "Service", name, email, now)


def _add_account(
    store: Store, username: str, auth: str, firstname: str, lastname: str, email: str, now: int
) -> None:
    store.insert(
        "user",
        {
            "id": store.next_id("user"),
            "username": username,
            "auth": auth,
            "has_password": 1,
            "firstname": firstname,
            "lastname": lastname,
            "email": email,
            "email_lower": email,
            "timecreated": now,
            "timemodified": now,
        },
    )


def _add_first_category(store: Store, settings: SiteSettings, now: int) -> None:
    category_id = store.next_id("category")
    store.insert(
        "category",
        {
            "id": category_id,
            "name": "Category 1",
            "timemodified": now,
            "depth": 1,
            "path": f"/{category_id}",
        },
    )
    store.insert(
        "course",
        {
            "id": store.next_id("course"),
            "category": 0,
            "fullname": settings.site_name,
            "shortname": "site",
            "summaryformat": 0,
            "format": "site",
            "newsitems": 3,
            "startdate": 0,
            "enddate": 0,
            "numsections": 1,
            "enablecompletion": 0,
            "timecreated": now,
            "timemodified": now,
        },
    )
