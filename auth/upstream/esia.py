"""ЕСИА asked directly, in the dialect of ``/aas/oauth2/v2/ac`` and ``/v3/te``."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import requests

from auth.esia.protocol.dialect import TIMESTAMP_FORMAT, Dialect, text_to_sign
from auth.esia.protocol.gost import Gost, GostError
from auth.esia.protocol.signatures import Certificate, OtherKey, make_certificate
from auth.outside import Attempt, OutsideIdentity
from auth.upstream.errors import Problem, UpstreamError, refusal
from auth.upstream.esia_tokens import Signed, TokenCheck
from auth.upstream.http import Bearer, no_answer, read_json
from auth.upstream.provider import OutsideProvider, code_of, read_identity, read_text
from auth.upstream.settings import ClaimNames, EsiaUpstream, UpstreamSettings
from auth.upstream.signers import SignerError, make_signer

Json = dict[str, Any]

NAMES = ClaimNames(
    family_name="lastName",
    given_name="firstName",
    middle_name="middleName",
    birth_date="birthDate",
    confirmed_values=(),
    child="kidAccCreatedByParent",
    child_given_name="firstName",
)
"""In the data of a person."""


class Esia(OutsideProvider):
    """An ``Upstream``."""

    def __init__(self, settings: EsiaUpstream, common: UpstreamSettings, gost: Gost) -> None:
        """Read the files of the settings.

        Raises ``ValueError`` that names the upstream and the file, or what the key lacks.
        """
        super().__init__(settings, common)
        self.settings = settings
        self.certificate = read_certificate(self.key, settings.certificate, gost)
        try:
            self.sign = make_signer(settings, self.certificate, gost, self.http)
        except SignerError as error:
            raise ValueError(f"{self.key}: {error}") from error
        self.token_check = TokenCheck(
            mnemonic=settings.mnemonic,
            issuer=settings.issuer,
            certificates=[
                read_certificate(self.key, path, gost) for path in settings.token_certificates
            ],
            gost=gost,
            clock_tolerance=timedelta(seconds=common.clock_tolerance_seconds),
        )

    def authorization_address(self, attempt: Attempt) -> str:
        self.http.require_answer(self.settings.base_url)
        parameters = self._signed(
            {
                "response_type": "code",
                # No refresh token: we ask once, while the person is there.
                "access_type": "online",
                "state": attempt.state,
                "redirect_uri": attempt.redirect_uri,
            },
            attempt.at,
        )
        return f"{self.settings.base_url}/aas/oauth2/v2/ac?{urlencode(parameters)}"

    def identify(self, answer: Mapping[str, str], attempt: Attempt) -> OutsideIdentity:
        code = code_of(answer)
        with self.http.session() as session:
            try:
                signed = self._exchange(session, code, attempt)
                person = self._ask(session, signed, "")
                children = self._children(session, signed)
            except requests.RequestException as error:
                raise no_answer(error) from error
        found = read_identity(self.key, str(signed.oid), person, NAMES, children)
        return replace(found, child=True) if signed.is_child else found

    def sign_out_address(self, back: str, state: str, now: datetime) -> str:
        """The parameter is called ``redirect_url`` and knows no state (docs/facts/esia.md 9.1)."""
        parameters = {
            "client_id": self.settings.mnemonic,
            "redirect_url": f"{back}?{urlencode({'state': state})}",
        }
        return f"{self.settings.base_url}/idp/ext/Logout?{urlencode(parameters)}"

    def _signed(self, values: Mapping[str, str], now: datetime) -> dict[str, str]:
        """Add scope, time and signature to parameters. Raises ``UpstreamError``."""
        parameters = {
            **values,
            "client_id": self.settings.mnemonic,
            "scope": " ".join(self.settings.scopes),
            "timestamp": now.astimezone(UTC).strftime(TIMESTAMP_FORMAT),
            "client_certificate_hash": self.certificate.hash,
        }
        text = text_to_sign(parameters, Dialect.V2, with_code="code" in values)
        try:
            signature = self.sign(text.encode())
        except SignerError as error:
            raise UpstreamError(Problem.REFUSED, f"here: {error}") from error
        parameters["client_secret"] = base64.urlsafe_b64encode(signature).decode()
        return parameters

    def _exchange(self, session: requests.Session, code: str, attempt: Attempt) -> Signed:
        """Exchange the code for tokens: one try, for it is good for one."""
        state = str(uuid.uuid4())  # another one than before (docs/facts/esia.md 5.4)
        form = self._signed(
            {
                "grant_type": "authorization_code",
                "token_type": "Bearer",
                "code": code,
                "state": state,
                "redirect_uri": attempt.redirect_uri,
            },
            attempt.at,
        )
        answer = session.post(f"{self.settings.base_url}/aas/oauth2/v3/te", data=form)
        body = read_json(answer)
        if answer.status_code != 200 or "error" in body:
            if answer.status_code >= 500:
                raise UpstreamError(Problem.UNAVAILABLE, f"status {answer.status_code}")
            raise refusal(read_text(body.get("error")), read_text(body.get("error_description")))
        if body.get("state") != state:
            raise UpstreamError(Problem.UNTRUSTED, "tokens with another state")
        return self.token_check.read(body, attempt.at)

    def _ask(self, session: requests.Session, signed: Signed, collection: str) -> Json:
        """Read the person, or a collection. Raises ``UpstreamError``."""
        answer = session.get(
            f"{self.settings.base_url}/rs/prns/{signed.oid}{collection}",
            auth=Bearer(signed.access_token),
        )
        body = read_json(answer)
        if answer.status_code == 200:
            return body
        if answer.status_code >= 500:
            raise UpstreamError(Problem.UNAVAILABLE, f"status {answer.status_code}")
        raise refusal("", read_text(body.get("code")))

    def _children(self, session: requests.Session, signed: Signed) -> Any:
        """Read the children of a parent, when the scopes ask for them (docs/facts/esia.md 6.17)."""
        if not any(scope.startswith("kid_") for scope in self.settings.scopes):
            return None
        return self._ask(session, signed, "/kids?embed=(elements)").get("elements")


def read_certificate(key: str, path: str, gost: Gost) -> Certificate:
    """Read a certificate. Raises ``ValueError`` that names the upstream and the file."""
    try:
        return make_certificate(Path(path).read_bytes(), gost)
    except OSError as error:
        raise ValueError(f"{key}: {path} cannot be read") from error
    except (ValueError, TypeError, GostError) as error:
        why = f": {error}" if isinstance(error, OtherKey) else ""
        raise ValueError(
            f"{key}: {path} is not a certificate (PEM or DER, RSA or GOST R 34.10-2012){why}"
        ) from error
