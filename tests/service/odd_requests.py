"""Good requests as a browser or an application sends them, and how they are spoilt."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from typing import Any
from urllib.parse import parse_qsl, quote, urljoin, urlsplit

import lxml.html
from flask import Flask
from werkzeug.datastructures import FileStorage, MultiDict
from werkzeug.test import TestResponse, encode_multipart

Pairs = tuple[tuple[str, str], ...]

ODD = (
    "", " ", "\0", "\r\nX-Odd: 1", "none", "openid", "consent login", "-1", "0", "1.5", "9" * 40,
    "2147483648", "9223372036854775808", "١٢", "a" * 5000, "ёжик", "\ud7ff\u202e", "\U0001f600",
    '"><script>alert(1)</script>', "{{7*7}}", "https://evil.example/", "//evil.example",
    "/\\evil.example", "javascript:alert(1)", "http://[", "a.b.c", "eyJhbGciOiJub25lIn0.e30.",
    "eyJhbGciOiJSUzI1NiIsImtpZCI6IngifQ.W10.AAAA", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOjF9.AAAA",
    "%00%ff", "' OR 1=1 --", "{}", "[1]", "../..", "(elements)", "((", "=", "MIIB", "0000-00-00",
    "2026.09.01 11:00:00 +0300", "99.99.9999", "31.02.2026",
)  # fmt: skip
"""Values that something or other stumbles over."""

NAMES = (
    "request", "request_uri", "response_mode", "ui_locales", "lang", "state", "code", "page",
    "client_id", "redirect_uri", "scope", "form_token", "access_token", "arrival", "login",
    "login_hint", "acr_values", "code_verifier", "token_type_hint",
)  # fmt: skip
"""Parameters that are added where nobody asked for them."""

HEADERS: tuple[dict[str, str], ...] = (
    {"Authorization": "Bearer"},
    {"Authorization": "Bearer \xff"},
    {"Authorization": "Basic \xff"},
    {"Authorization": "Basic Og=="},
    {"Authorization": "Basic Lw8="},
    {"Accept-Language": "xx-\xff;q=a,ru;q=9"},
    {"Content-Type": "application/json"},
    {"Content-Type": "multipart/form-data"},
    {"Content-Type": "text/plain; charset=utf-99"},
    {"Cookie": "signin=\xff; console=.; language=xx; signed_in_at=zz; link_choice=?"},
    {"Host": "evil.example"},
    {"X-Forwarded-Host": "evil.example", "X-Forwarded-Proto": "https"},
    {"Origin": "https://evil.example", "Referer": "https://evil.example/"},
)
PASSWORDS = {"password", "repeated"}
METHODS = ("GET", "POST", "HEAD", "OPTIONS", "PUT", "DELETE")


@dataclass(frozen=True, kw_only=True)
class Ask:
    """One request of one visitor."""

    who: str
    method: str
    path: str
    query: Pairs = ()
    form: Pairs = ()
    files: tuple[str, ...] = ()
    """Names of the form's files; ``form`` holds their contents."""
    headers: tuple[tuple[str, str], ...] = ()

    @property
    def may_come_back(self) -> str:
        """All that was sent but for passwords: a page may show it again to who sent it."""
        pairs = (*self.query, *self.form, *self.headers)
        return "\n".join([self.path, *(v for name, v in pairs if name not in PASSWORDS)])


class Visitor:
    """A browser, or an application: what it sends, and its cookies while they are kept."""

    def __init__(self, app: Flask, name: str) -> None:
        self.name = name
        self.cookies: dict[str, str] = {}
        self._client = app.test_client(use_cookies=False)

    def send(self, ask: Ask) -> TestResponse:
        headers = {"Cookie": "; ".join(f"{n}={v}" for n, v in self.cookies.items())}
        headers |= dict(ask.headers)
        body: Any = MultiDict(ask.form)
        if ask.files:
            boundary, body = encode_multipart(_with_files(ask))
            headers.setdefault("Content-Type", f"multipart/form-data; boundary={boundary}")
        return self._client.open(
            ask.path,
            method=ask.method,
            query_string=MultiDict(ask.query),
            data=body if ask.method in {"POST", "PUT"} else None,
            headers=headers,
        )

    def visit(self, address: str, form: Iterable[tuple[str, str]] | None = None) -> TestResponse:
        """Send a good request and keep the cookies of the answer."""
        parts = urlsplit(address)
        answer = self.send(
            Ask(
                who=self.name,
                method="GET" if form is None else "POST",
                path=parts.path,
                query=tuple(parse_qsl(parts.query, keep_blank_values=True)),
                form=tuple(form or ()),
            )
        )
        for line in answer.headers.getlist("Set-Cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer

    def submit(self, address: str, **typed: str) -> TestResponse:
        """Fill in the form of a page and send it, following the page's redirects to it."""
        page = self.visit(address)
        while page.status_code in {302, 303}:
            address = urljoin(address, page.location)
            page = self.visit(address)
        form = next(form for form in forms_of(page) if set(typed) & set(_all_names(form)))
        action = urljoin(address, form.action or "")
        filled = [(name, value) for name, value in form.form_values() if name not in typed]
        return self.visit(action, [*filled, *typed.items()])


def _with_files(ask: Ask) -> dict[str, Any]:
    values: dict[str, Any] = {}
    for name, value in ask.form:
        if name in ask.files:
            values[name] = FileStorage(BytesIO(value.encode("utf-8", "replace")), "odd.pem", name)
        else:
            values.setdefault(name, []).append(value)
    return values


def forms_of(page: TestResponse) -> list[Any]:
    if "html" not in page.headers.get("Content-Type", "") or not page.text.strip():
        return []
    return list(lxml.html.fromstring(page.text).forms)


def _all_names(form: Any) -> Iterator[str]:
    yield from form.fields
    yield from (button.get("name") for button in form.xpath(".//button[@name]"))


def asks_of(page: TestResponse, address: str, who: str, typed: Mapping[str, str]) -> Iterator[Ask]:
    """Every form of a page as it may be sent: once by each of its buttons.

    ``typed`` fills in the fields of these names that are empty.
    """
    for form in forms_of(page):
        parts = urlsplit(urljoin(address, form.action or ""))
        given = {name: value for name, value in typed.items() if name in form.fields}
        values = tuple((name, value or given.get(name, "")) for name, value in form.form_values())
        # A field without a value, as that of a password, is not among them.
        values += tuple(pair for pair in given.items() if pair[0] not in dict(values))
        files = tuple(one.get("name") for one in form.xpath(".//input[@type='file']"))
        values += tuple((name, "MIIB") for name in files)
        buttons = [(b.get("name"), b.get("value") or "") for b in form.xpath(".//button[@name]")]
        for button in buttons or [None]:
            filled = (*values, button) if button else values
            query = tuple(parse_qsl(parts.query, keep_blank_values=True))
            posts = form.method.upper() == "POST"
            yield Ask(
                who=who,
                method=form.method.upper(),
                path=parts.path,
                query=query if posts else filled,
                form=filled if posts else (),
                files=files if posts else (),
            )


def spoil(chance: random.Random, good: Ask, others: Sequence[Ask], visitors: Sequence[str]) -> Ask:
    """``good``, or with a few things wrong: values, names, method, headers, or who sends it.

    Some values come from ``others``, so that something valid stands where it does not belong.
    """
    ask = good
    if chance.random() < 0.15:
        ask = replace(ask, who=chance.choice(visitors))
    if chance.random() < 0.03:
        ask = replace(ask, method=chance.choice(METHODS))
    if chance.random() < 0.1:
        headers = dict(ask.headers) | chance.choice(HEADERS)
        ask = replace(ask, headers=tuple(headers.items()))
    if chance.random() < 0.07:
        ask = replace(ask, path=_spoil_path(chance, ask.path))
    if chance.random() < 0.75:
        borrowed = chance.choice(others)
        values = [value for _, value in (*borrowed.query, *borrowed.form)]
        ask = replace(
            ask,
            query=_spoil_pairs(chance, ask.query, values),
            form=_spoil_pairs(chance, ask.form, values),
        )
    return ask


def _spoil_pairs(chance: random.Random, pairs: Pairs, borrowed: Sequence[str]) -> Pairs:
    spoilt = list(pairs)
    for _ in range(chance.randrange(3)):
        name = chance.choice([*(name for name, _ in pairs), chance.choice(NAMES)])
        noise = chance.randbytes(8).decode("latin-1")
        value = chance.choice([chance.choice(ODD), noise, *borrowed[:9]])
        act = chance.choice(("double", "drop", "replace", "replace"))
        if act != "double":
            spoilt = [pair for pair in spoilt if pair[0] != name]
        if act != "drop":
            spoilt.append((name, value))
    return tuple(spoilt)


def _spoil_path(chance: random.Random, path: str) -> str:
    parts = path.split("/")
    parts[chance.randrange(1, len(parts))] = quote(chance.choice(ODD)[:300] or " ", safe="\\")
    return "/".join(parts)
