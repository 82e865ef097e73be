"""ЕСИА asked directly, in the dialect of ``/aas/oauth2/v2/ac`` and ``/v3/te``."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import requests

from auth.esia.protocol.dialect import TIMESTAMP_FORMAT, Dialect, text_to_sign
from auth.esia.protocol.gost import Gost, GostError
from auth.esia.protocol.signatures import Certificate, OtherKey, load_certificate
from auth.outside import Attempt, OutsideChild, OutsideIdentity
from auth.upstream.errors import Problem, UpstreamError, refusal
from auth.upstream.esia_tokens import Signed, TokenCheck
from auth.upstream.http import Bearer, Wire, no_answer, read_json
from auth.upstream.settings import EsiaUpstream, UpstreamSettings
from auth.upstream.signers import Signer, SignerError, make_signer

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Esia:
    """An ``Upstream``."""

    settings: EsiaUpstream
    certificate: Certificate
    """Ours."""
    signer: Signer
    token_check: TokenCheck
    wire: Wire

    @property
    def key(self) -> str:
        return self.settings.key

    @property
    def title(self) -> str:
        return self.settings.title

    def authorization_address(self, attempt: Attempt) -> str:
        self.wire.require_answer(self.settings.base_url)
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
        if "error" in answer:
            raise refusal(answer["error"], answer.get("error_description", ""))
        if not answer.get("code"):
            raise UpstreamError(Problem.UNTRUSTED, "neither code nor error")
        with self.wire.session() as session:
            try:
                signed = self._exchange(session, answer["code"], attempt)
                person = self._ask(session, signed, "")
                children = self._children(session, signed)
            except requests.RequestException as error:
                raise no_answer(error) from error
        return OutsideIdentity(
            provider=self.key,
            subject=str(signed.oid),
            family_name=_text(person, "lastName"),
            given_name=_text(person, "firstName"),
            middle_name=_text(person, "middleName"),
            birth_date=read_birth_date(person.get("birthDate")),
            snils=read_snils(person.get("snils")),
            confirmed=person.get("trusted") is True,
            child=signed.is_child or person.get("kidAccCreatedByParent") is True,
            children=tuple(children),
        )

    def sign_out_address(self, back: str, state: str, now: datetime) -> str:
        """Its parameter is called ``redirect_url`` and knows no state (docs/facts/esia.md 9.1)."""
        parameters = {
            "client_id": self.settings.mnemonic,
            "redirect_url": f"{back}?{urlencode({'state': state})}",
        }
        return f"{self.settings.base_url}/idp/ext/Logout?{urlencode(parameters)}"

    def _signed(self, values: Mapping[str, str], now: datetime) -> dict[str, str]:
        """The parameters with scope, time and signature. Raises ``UpstreamError``."""
        parameters = {
            **values,
            "client_id": self.settings.mnemonic,
            "scope": " ".join(self.settings.scopes),
            "timestamp": now.astimezone(UTC).strftime(TIMESTAMP_FORMAT),
            "client_certificate_hash": self.certificate.hash,
        }
        text = text_to_sign(parameters, Dialect.V2, with_code="code" in values)
        try:
            signature = self.signer.sign(text.encode())
        except SignerError as error:
            raise UpstreamError(Problem.REFUSED, f"here: {error}") from error
        parameters["client_secret"] = base64.urlsafe_b64encode(signature).decode()
        return parameters

    def _exchange(self, session: requests.Session, code: str, attempt: Attempt) -> Signed:
        """Tokens for the code: one try, for it is good for one."""
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
            raise refusal(_text(body, "error"), _text(body, "error_description"))
        if body.get("state") != state:
            raise UpstreamError(Problem.UNTRUSTED, "tokens with another state")
        return self.token_check.read(body, attempt.at)

    def _ask(self, session: requests.Session, signed: Signed, collection: str) -> Json:
        """The person, or a collection. Raises ``UpstreamError``."""
        answer = session.get(
            f"{self.settings.base_url}/rs/prns/{signed.oid}{collection}",
            auth=Bearer(signed.access_token),
        )
        body = read_json(answer)
        if answer.status_code == 200:
            return body
        if answer.status_code >= 500:
            raise UpstreamError(Problem.UNAVAILABLE, f"status {answer.status_code}")
        raise refusal("", _text(body, "code"))

    def _children(self, session: requests.Session, signed: Signed) -> Iterable[OutsideChild]:
        """Those of a parent, when the scopes ask for them (docs/facts/esia.md 6.17)."""
        if not any(scope.startswith("kid_") for scope in self.settings.scopes):
            return ()
        found = self._ask(session, signed, "/kids?embed=(elements)").get("elements")
        elements = found if isinstance(found, list) else []
        return tuple(
            OutsideChild(snils=read_snils(child.get("snils")), given_name=_text(child, "firstName"))
            for child in elements
            if isinstance(child, dict)
        )


def make_esia(settings: EsiaUpstream, common: UpstreamSettings, gost: Gost) -> Esia:
    """Read the files of the settings.

    Raises ``ValueError`` that names the upstream and the file, or what the key lacks.
    """
    try:
        wire = Wire(timeout_seconds=common.timeout_seconds, ca_file=settings.ca_file)
    except ValueError as error:
        raise ValueError(f"{settings.key}: {error}") from error
    certificate = read_certificate(settings.key, settings.certificate, gost)
    try:
        signer = make_signer(settings, certificate, gost, wire)
    except SignerError as error:
        raise ValueError(f"{settings.key}: {error}") from error
    return Esia(
        settings=settings,
        certificate=certificate,
        signer=signer,
        token_check=TokenCheck(
            mnemonic=settings.mnemonic,
            issuer=settings.issuer,
            certificates=[
                read_certificate(settings.key, path, gost) for path in settings.token_certificates
            ],
            gost=gost,
            clock_tolerance=timedelta(seconds=common.clock_tolerance_seconds),
        ),
        wire=wire,
    )


def read_certificate(key: str, path: str, gost: Gost) -> Certificate:
    """Raises ``ValueError`` that names the upstream and the file."""
    try:
        return load_certificate(Path(path), gost)
    except OSError as error:
        raise ValueError(f"{key}: {path} cannot be read") from error
    except (ValueError, TypeError, GostError) as error:
        why = f": {error}" if isinstance(error, OtherKey) else ""
        raise ValueError(
            f"{key}: {path} is not a certificate (PEM or DER, RSA or GOST R 34.10-2012){why}"
        ) from error


def read_birth_date(told: Any) -> date | None:
    """ЕСИА's ``05.03.2014`` or OpenID Connect's ``2014-03-05``; None for anything else."""
    text = told.strip() if isinstance(told, str) else ""
    if len(text) == 10 and text[2] == text[5] == ".":
        text = f"{text[6:]}-{text[3:5]}-{text[:2]}"
    try:
        return date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        return None


def read_snils(told: Any) -> str:
    """The eleven digits of ``000-000-600 06``; empty for anything else."""
    digits = "".join(sign for sign in str(told or "") if sign in "0123456789")
    return digits if len(digits) == 11 else ""


def _text(values: Mapping[str, Any], name: str) -> str:
    value = values.get(name)
    return value.strip() if isinstance(value, str) else ""
