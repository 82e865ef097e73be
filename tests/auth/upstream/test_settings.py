"""Settings of outside providers: the guide's examples load, and what could not work is refused."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path
from typing import Any, get_args, get_origin, get_type_hints

import pytest

from auth.upstream.settings import ClaimNames, EsiaUpstream, OidcUpstream, UpstreamSettings
from service.config import load_settings

GUIDE = Path(__file__).parents[3] / "docs" / "upstream.md"

ESIA: dict[str, Any] = {
    "mnemonic": "SCHOOL01",
    "certificate": "own.pem",
    "signing_key": "own.key",
    "token_certificates": ("esia.pem",),
}
OIDC: dict[str, Any] = {
    "key": "gateway",
    "issuer": "https://gateway.example.org",
    "client_id": "portal",
    "client_secret": "secret",
}


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
    ("changes", "words"),
    [
        ({"key": "Esia"}, "key"),
        ({"key": "a/b"}, "key"),
        ({"base_url": "http://esia.gosuslugi.ru"}, "base_url must be an https address"),
        ({"base_url": "https://"}, "base_url"),
        ({"mnemonic": ""}, "mnemonic"),
        ({"certificate": ""}, "certificate"),
        ({"token_certificates": ()}, "token_certificates"),
        ({"signing_key": ""}, "one of them"),
        ({"signing_service": "https://sign.example.org"}, "one of them"),
        ({"signing_key": "", "signing_service": "http://sign.example.org"}, "signing_service"),
        ({"scopes": ("fullname",)}, "openid"),
    ],
)
def test_a_direct_way_that_could_not_work_is_refused(changes: dict[str, Any], words: str) -> None:
    assert EsiaUpstream(**ESIA)
    with pytest.raises(ValueError, match=words):
        EsiaUpstream(**ESIA | changes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"issuer": "http://gateway.example.org"}, "issuer must be an https address"),
        ({"issuer": "https://user@gateway.example.org"}, "issuer"),
        ({"client_id": ""}, "client_id"),
        ({"client_secret": ""}, "client_secret"),
        ({"scopes": ("profile",)}, "openid"),
        ({"token_endpoint": "https://gateway.example.org/token"}, "go together"),
        ({"userinfo_endpoint": "http://gateway.example.org/me"}, "https"),
        ({"id_token_algorithms": ("none",)}, "id_token_algorithms"),
        ({"id_token_algorithms": ("HS256",)}, "id_token_algorithms"),
        ({"id_token_algorithms": ()}, "id_token_algorithms"),
    ],
)
def test_a_gateway_that_could_not_work_is_refused(changes: dict[str, Any], words: str) -> None:
    assert OidcUpstream(**OIDC)
    with pytest.raises(ValueError, match=words):
        OidcUpstream(**OIDC | changes)


def test_a_key_names_one_way_only() -> None:
    with pytest.raises(ValueError, match="twice: gateway"):
        UpstreamSettings(esia=(EsiaUpstream(**ESIA, key="gateway"),), oidc=(OidcUpstream(**OIDC),))
    for changes in ({"timeout_seconds": 0}, {"sign_in_seconds": 0}):
        with pytest.raises(ValueError, match="above 0"):
            UpstreamSettings(**changes)


def test_secrets_are_in_no_representation() -> None:
    assert "secret" not in repr(OidcUpstream(**OIDC)).replace("client_secret_basic", "")
