"""The common part of outside providers, whichever protocol they speak, and of their answers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any

from auth.upstream.errors import Problem, UpstreamError, refusal
from auth.upstream.http import Http
from auth.upstream.settings import ProviderSettings, UpstreamSettings


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
