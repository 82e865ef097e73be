"""Registered applications: what cannot be registered, and what each may ask for."""

from __future__ import annotations

from typing import Any

import pytest

from auth.clients.client import Client


def make_client(**changes: Any) -> Client:
    values = {
        "client_id": "moodle",
        "client_secret": "secret",
        "redirect_uris": ("https://moodle.example/admin/oauth2callback.php",),
    }
    return Client(**values | changes)


@pytest.mark.parametrize(
    "changes",
    [
        {"client_id": ""},
        {"client_id": "a\nb"},
        {"client_id": "esia:SCHOOL01"},
        {"redirect_uris": ()},
        {"redirect_uris": ("/relative",)},
        {"redirect_uris": ("https://moodle.example/#fragment",)},
        {"redirect_uris": ("javascript:alert(1)",)},
        {"redirect_uris": ("https://пример.example/",)},
        {"redirect_uris": ("https://moodle.example/" + "a" * 2000,)},
        {"home_url": "ftp://moodle.example/"},
        {"home_url": "moodle.example"},
        {"home_url": "https:moodle.example"},
        {"home_url": "javascript:alert(1)"},
        {"home_url": "https://пример.example/"},
        {"scopes": ("openid", "everything")},
        {"scopes": ("profile",)},
    ],
)
def test_a_client_that_could_not_work_or_be_safe_is_refused(changes: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        make_client(**changes)


@pytest.mark.parametrize(
    ("asked", "granted"),
    [
        ("openid profile email", "openid profile"),
        ("profile openid", "openid profile"),
        ("openid", "openid"),
        ("openid offline_access", "openid"),
        ("profile", None),
        ("", None),
        (None, None),
    ],
)
def test_a_client_gets_the_scopes_it_asked_for_and_may_have(
    asked: str | None, granted: str | None
) -> None:
    assert make_client(scopes=("openid", "profile")).get_allowed_scope(asked) == granted


def test_only_the_exact_secret_fits() -> None:
    client = make_client(client_secret="секрет")
    assert client.check_client_secret("секрет")
    assert not client.check_client_secret("секрет ")
    assert not client.check_client_secret("")
    assert not make_client(client_secret="").check_client_secret("")


def test_a_public_client_has_no_other_method_and_needs_a_challenge() -> None:
    public = make_client(client_secret="")
    assert public.needs_challenge
    assert public.check_endpoint_auth_method("none", "token")
    assert not public.check_endpoint_auth_method("client_secret_post", "token")
    assert not make_client().check_endpoint_auth_method("none", "token")


def test_methods_of_a_client_can_be_narrowed() -> None:
    client = make_client(token_endpoint_auth_methods=("client_secret_basic",))
    assert client.check_endpoint_auth_method("client_secret_basic", "token")
    assert not client.check_endpoint_auth_method("client_secret_post", "token")


def test_the_secret_is_not_in_the_text_form() -> None:
    assert "geheim" not in repr(make_client(client_secret="geheim"))


def test_origins_are_sources_of_a_content_security_policy() -> None:
    client = make_client(
        redirect_uris=("https://a.example:8443/x?y", "https://a.example:8443/z", "app.test:/back")
    )
    assert client.origins == {"https://a.example:8443", "app.test:"}
