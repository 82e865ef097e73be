"""A request to the provider as Authlib reads it, and what ours knows of it besides."""

from __future__ import annotations

from typing import Any

from authlib.oauth2 import OAuth2Request
from authlib.oauth2.rfc6749 import OAuth2Payload
from flask import Request
from sqlalchemy import Connection
from werkzeug.datastructures import MultiDict

from auth.models import SignIn


class _Parameters(OAuth2Payload):  # type: ignore[misc]
    """Plain dictionaries: Authlib asks dozens of times a request."""

    def __init__(self, values: MultiDict[str, str]) -> None:
        self._first = values.to_dict()
        self._all = dict(values.lists())

    @property
    def data(self) -> dict[str, str]:
        return self._first

    @property
    def datalist(self) -> dict[str, list[str]]:
        return self._all


class ProtocolRequest(OAuth2Request):  # type: ignore[misc]
    """A request as Authlib reads it, and the sign-in it comes with.

    Its address is the public one, not what a proxy made of it: whether the transport is safe was
    decided when the issuer was accepted (``AuthSettings``).
    """

    def __init__(self, request: Request, issuer: str, values: MultiDict[str, str]) -> None:
        super().__init__(method=request.method, uri=issuer + request.path, headers=request.headers)
        self._request = request
        self.payload = _Parameters(values)
        self.sign_in: SignIn | None = None
        self.expected_person = ""
        """Whom the client's ``id_token_hint`` names."""
        self.db: Connection
        """At the token endpoint (``Provider.create_token_response``)."""

    @property
    def args(self) -> Any:
        return self._request.args

    @property
    def form(self) -> Any:
        return self._request.form
