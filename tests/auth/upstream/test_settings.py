"""Settings of outside providers: the guide's examples load, and what could not work is refused."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import pytest

from auth.upstream.settings import ClaimNames, EsiaUpstream, OidcUpstream, UpstreamSettings
from service.config import load_settings

GUIDE = Path(__file__).parents[3] / "docs" / "upstream.md"


def make_esia(**changes: Any) -> EsiaUpstream:
    right = {"mnemonic": "SCHOOL01", "certificate": "own.pem", "signing_key": "own.key"}
    return EsiaUpstream(**{**right, "token_certificates": ("esia.pem",)} | changes)


def make_oidc(**changes: Any) -> OidcUpstream:
    right = {"issuer": "https://gateway.example.org", "client_id": "portal"}
    return OidcUpstream(**{**right, "key": "gateway", "client_secret": "secret"} | changes)


def test_the_examples_of_the_guide_load_and_name_every_key(tmp_path: Path) -> None:
    text = "\n".join(re.findall(r"```toml\n(.*?)```", GUIDE.read_text("utf-8"), re.DOTALL))
    secret = tmp_path / "secret"
    secret.write_text("a secret")
    text = re.sub(r'_file = "/run/secrets/[^"]*"', f'_file = "{secret}"', text)
    (tmp_path / "config.toml").write_text(text, "utf-8")
    settings = load_settings(tmp_path / "config.toml", {}).upstream
    assert [one.signing_key_password for one in settings.esia] == ["a secret"]
    assert [one.claims for one in settings.oidc] == [ClaimNames()]
    kinds = {
        name: get_args(hint)[0]
        for name, hint in get_type_hints(UpstreamSettings).items()
        if get_origin(hint) is tuple
    }
    assert all(f"[[upstream.{name}]]" in text for name in kinds)
    for cls in (*kinds.values(), ClaimNames):
        for name in (one.name for one in fields(cls)):
            assert re.search(rf"^(\[upstream\.oidc\.)?{name}(_file)? ?[=\]]", text, re.MULTILINE), (
                name
            )


@pytest.mark.parametrize(
    ("make", "changes", "words"),
    [
        (make_esia, {"key": "Esia"}, "key"),
        (make_esia, {"key": "a/b"}, "key"),
        (make_esia, {"base_url": "http://esia.gosuslugi.ru"}, "base_url must be an https address"),
        (make_esia, {"base_url": "https://"}, "base_url"),
        (make_esia, {"mnemonic": ""}, "mnemonic"),
        (make_esia, {"certificate": ""}, "certificate"),
        (make_esia, {"token_certificates": ()}, "token_certificates"),
        (make_esia, {"signing_key": ""}, "one of them"),
        (make_esia, {"signing_service": "https://sign.example.org"}, "one of them"),
        (
            make_esia,
            {"signing_key": "", "signing_service": "http://sign.example.org"},
            "signing_service",
        ),
        (make_esia, {"scopes": ("fullname",)}, "openid"),
        (make_oidc, {"issuer": "http://gateway.example.org"}, "issuer must be an https address"),
        (make_oidc, {"issuer": "https://user@gateway.example.org"}, "issuer"),
        (make_oidc, {"client_id": ""}, "client_id"),
        (make_oidc, {"client_secret": ""}, "client_secret"),
        (make_oidc, {"scopes": ("profile",)}, "openid"),
        (make_oidc, {"token_endpoint": "https://gateway.example.org/token"}, "go together"),
        (make_oidc, {"userinfo_endpoint": "http://gateway.example.org/me"}, "https"),
        (make_oidc, {"id_token_algorithms": ("none",)}, "id_token_algorithms"),
        (make_oidc, {"id_token_algorithms": ("HS256",)}, "id_token_algorithms"),
        (make_oidc, {"id_token_algorithms": ()}, "id_token_algorithms"),
    ],
)
def test_a_way_that_could_not_work_is_refused(
    make: Callable[..., Any], changes: dict[str, Any], words: str
) -> None:
    assert make()
    with pytest.raises(ValueError, match=words):
        make(**changes)


def test_a_key_names_one_way_only() -> None:
    with pytest.raises(ValueError, match="twice: gateway"):
        UpstreamSettings(esia=(make_esia(key="gateway"),), oidc=(make_oidc(),))
    for changes in ({"timeout_seconds": 0}, {"sign_in_seconds": 0}):
        with pytest.raises(ValueError, match="above 0"):
            UpstreamSettings(**changes)


def test_secrets_are_in_no_representation() -> None:
    assert "secret" not in repr(make_oidc()).replace("client_secret_basic", "")
    assert "тайное" not in repr(make_esia(signing_key_password="тайное слово"))
