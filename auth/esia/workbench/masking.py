"""Recorded exchanges without secrets and people: the same value always gets the same stand-in.

Values that are known to be harmless pass; everything else is replaced, expected or not.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from auth.esia.protocol.dialect import from_base64

Json = dict[str, Any]

PLAIN = frozenset({
    "access_type", "alg", "amr", "aud", "client_id", "code_challenge_method", "decision", "embed",
    "error", "error_description", "expires_in", "grant_type", "iss", "message", "person_filter",
    "relation", "response_type", "sbt", "scope", "scope_org", "stateFacts", "status", "timestamp",
    "token_type", "typ", "type", "urn:esia:amd", "urn:esia:sbj:lvl", "urn:esia:sbj:nam",
    "urn:esia:sbj:typ", "vrfStu",
})  # fmt: skip
"""Parameters and fields whose values are words of the protocol."""
SECRETS = frozenset({
    "access_token", "client_secret", "code", "code_challenge", "code_verifier", "id_token", "jti",
    "refresh_token", "sid", "state", "urn:esia:client:state", "urn:esia:sid",
})  # fmt: skip
TOKENS = frozenset({"access_token", "id_token"})
NUMBERS = frozenset({
    "auth_time", "exp", "expires_in", "iat", "nbf", "size", "updatedOn", "urn:esia:sbj:amr", "ver",
})  # fmt: skip
"""Fields whose numbers tell nothing of anybody."""

LONGEST = 300
_PLAIN_TEXT = re.compile(r"[\x21-\x7e ]*", re.ASCII)
_LONG_NUMBER = re.compile(r"\d{9,}")
_HASH = re.compile(r"[0-9A-Fa-f]{64}")
_ERROR_CODE = re.compile(r"ESIA-\d{6}")
_FIRST_DAY = date(1950, 1, 1)
_DAYS = 20_000


_DATES = frozenset({"birthDate", "issueDate", "expiryDate"})
_DIGITS = {
    "snils": "000-9XX-XXX XX", "inn": "0000XXXXXXXX", "series": "XXXX", "number": "XXXXXX",
    "issueId": "XXXXXX", "zipCode": "XXXXXX", "ogrn": "XXXXXXXXXXXXX", "kpp": "XXXXXXXXX",
    "house": "XX", "flat": "XX",
}  # fmt: skip
"""Field -> the form of its stand-in, a digit for each X."""
_NAMES = {"firstName": "Имя", "lastName": "Фамилия", "middleName": "Отчество"}
_PLACES = {
    "region": "Регион", "city": "Город", "street": "Улица", "addressStr": "Адрес",
    "birthPlace": "Город",
}  # fmt: skip
_FIXED = {"citizenship": "RUS", "gender": "M"}
_PERSONAL = {"value", *_DATES, *_DIGITS, *_NAMES, *_PLACES, *_FIXED}
"""Fields that tell of a person; the stand-in for each has the field's own form."""


class Mask:
    """The stand-ins of one recording. Nobody learns anything from them without its ``key``."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def parameters(self, values: Mapping[str, str]) -> dict[str, str]:
        """Mask the parameters of a request, or of an address to which somebody is sent."""
        return {
            self.plain(name)[:50]: self._parameter(name, value) for name, value in values.items()
        }

    def _parameter(self, name: str, value: str) -> str:
        if name == "client_certificate_hash" and _HASH.fullmatch(value):
            return value
        if name in {"redirect_uri", "redirect_url"}:
            return self.address(value)
        return self._text(value, name)

    def address(self, url: str) -> str:
        """Mask an address: scheme and host stay, numbers of the path and parameters are masked."""
        parts = urlsplit(url)
        bare = f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""
        query = self.parameters(dict(parse_qsl(parts.query, keep_blank_values=True)))
        asked = "&".join(f"{name}={value}" for name, value in query.items())
        return f"{bare}{self.path(parts.path)}{'?' if asked else ''}{asked}"

    def path(self, path: str) -> str:
        """Return a path with other numbers in it."""
        return "/".join(
            str(self.number(int(part))) if part.isdecimal() else self.plain(part)
            for part in path.split("/")
        )

    def body(self, value: Any, name: str = "") -> Any:
        """Mask a JSON document field by field; its shape stays, but tokens are opened."""
        if isinstance(value, dict):
            return {key: self.body(one, key) for key, one in value.items()}
        if isinstance(value, list):
            return [self.body(one, name) for one in value]
        if isinstance(value, bool) or value is None:
            return value
        if isinstance(value, int):
            return value if name in NUMBERS else self.number(value)
        if name in TOKENS and (opened := self._opened(str(value), name)):
            return opened
        return self._text(str(value), name)

    def plain(self, text: str) -> str:
        """Return a word of the protocol with other oids in it, or ``<text>`` for anything else."""
        if len(text) > LONGEST or not _PLAIN_TEXT.fullmatch(text):
            return "<text>"
        return _LONG_NUMBER.sub(lambda found: str(self.number(int(found[0]))), text)

    def number(self, value: int) -> int:
        """Return another number of the same kind: an oid stays one, a small one stays small."""
        made = int.from_bytes(self._digest("number", str(value))[:6], "big")
        return 2_000_000_000 + made % 10**9 if value >= 10**8 else made % 10**7

    def secret(self, kind: str, value: str) -> str:
        """Return ``<code:0123456789ab>``, by which equal secrets are seen to be equal."""
        return f"<{kind}:{self._mark(kind, value, 12)}>" if value else ""

    def _text(self, value: str, name: str) -> str:
        if name == "code" and _ERROR_CODE.fullmatch(value):
            return value
        if name in SECRETS:
            return self.secret(name.rpartition(":")[2], value)
        if name in _PERSONAL:
            return self._personal(value, name) if value else ""
        if name == "elements" and value.startswith(("https://", "http://")):
            return self.address(value)
        return self.plain(value) if name in PLAIN else "<text>"

    def _opened(self, token: str, name: str) -> Json | None:
        """Return the parts of a JWT; None for anything else."""
        try:
            header, claims = (json.loads(from_base64(part)) for part in token.split(".")[:2])
        except ValueError:
            return None
        return {
            "token": self.secret(name, token),
            "header": self.body(header),
            "claims": self.body(claims),
        }

    def _personal(self, value: str, name: str) -> str:
        if name in _FIXED:
            return _FIXED[name]
        if name in _DATES:
            days = int.from_bytes(self._digest("date", value)[:4], "big") % _DAYS
            return f"{_FIRST_DAY + timedelta(days=days):%d.%m.%Y}"
        if name in _DIGITS:
            return self._digits(_DIGITS[name], value)
        if name in _NAMES:
            return f"{_NAMES[name]}-{self._mark('name', value)}"
        if name in _PLACES:
            return f"{_PLACES[name]}-{self._mark('place', value)}"
        if "@" in value:
            return f"person-{self._mark('contact', value)}@example.invalid"
        return self._digits("+7(000)XXXXXXX", value)

    def _digits(self, form: str, text: str) -> str:
        """Return ``form`` with a digit for each X."""
        made = iter(str(int.from_bytes(self._digest(form, text), "big")))
        return "".join(next(made) if letter == "X" else letter for letter in form)

    def _mark(self, kind: str, text: str, length: int = 6) -> str:
        return self._digest(kind, text).hex()[:length]

    def _digest(self, kind: str, text: str) -> bytes:
        return hmac.digest(self._key, f"{kind}\n{text}".encode(), "sha256")
