"""The common part of outside providers, whichever protocol they speak, and of their answers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from auth.outside import OutsideChild, OutsideIdentity
from auth.upstream.errors import Problem, UpstreamError, refusal
from auth.upstream.http import Http
from auth.upstream.settings import ClaimNames, ProviderSettings, UpstreamSettings

Claims = Mapping[str, Any]


class OutsideProvider:
    """The common part of an ``Upstream``."""

    def __init__(self, settings: ProviderSettings, common: UpstreamSettings) -> None:
        """Raises ``ValueError`` for a ``ca_file`` that is not there."""
        self.key, self.title = settings.key, settings.title
        try:
            self.http = Http(timeout_seconds=common.timeout_seconds, ca_file=settings.ca_file)
        except ValueError as error:
            raise ValueError(f"{self.key}: {error}") from error


def code_of(answer: Mapping[str, str]) -> str:
    """Return the code that a person came back with. Raises ``UpstreamError`` for a refusal."""
    if "error" in answer:
        raise refusal(answer["error"], answer.get("error_description", ""))
    if not answer.get("code"):
        raise UpstreamError(Problem.UNTRUSTED, "neither code nor error")
    return answer["code"]


def read_identity(
    provider: str, subject: str, told: Claims, names: ClaimNames, children: Any
) -> OutsideIdentity:
    """Read what was told of a person and their ``children`` under these names.

    Raises ``ValueError`` for a subject that cannot be one.
    """
    confirmed = find_claim(told, names.confirmed)
    return OutsideIdentity(
        provider=provider,
        subject=subject,
        family_name=read_text(find_claim(told, names.family_name)),
        given_name=read_text(find_claim(told, names.given_name)),
        middle_name=read_text(find_claim(told, names.middle_name)),
        birth_date=read_birth_date(find_claim(told, names.birth_date)),
        snils=read_snils(find_claim(told, names.snils)),
        confirmed=confirmed is True
        or (not isinstance(confirmed, bool) and str(confirmed) in names.confirmed_values),
        child=find_claim(told, names.child) is True,
        children=tuple(
            OutsideChild(
                snils=read_snils(find_claim(child, names.child_snils)),
                given_name=read_text(find_claim(child, names.child_given_name)),
            )
            for child in (children if isinstance(children, list) else ())
            if isinstance(child, dict)
        ),
    )


def find_claim(claims: Claims, name: str) -> Any:
    """Return the claim of this name, or where its dots lead to; None when there is none."""
    if not name:
        return None
    if name in claims:
        return claims[name]
    first, _, rest = name.partition(".")
    inner = claims.get(first)
    return find_claim(inner, rest) if rest and isinstance(inner, Mapping) else None


def read_text(told: Any) -> str:
    return told.strip() if isinstance(told, str) else ""


def read_birth_date(told: Any) -> date | None:
    """Read ЕСИА's ``05.03.2014`` or OpenID Connect's ``2014-03-05``; None for anything else."""
    text = read_text(told)
    if len(text) == 10 and text[2] == text[5] == ".":
        text = f"{text[6:]}-{text[3:5]}-{text[:2]}"
    try:
        return date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        return None


def read_snils(told: Any) -> str:
    """Read the eleven digits of ``000-000-600 06``; empty for anything else."""
    digits = "".join(sign for sign in str(told or "") if sign in "0123456789")
    return digits if len(digits) == 11 else ""
