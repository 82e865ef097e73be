"""A small OpenID Connect client that plays Moodle's side of a sign-in, and a browser for it.

By default it does what Moodle does: secret in the form, no nonce, no PKCE, and it believes
userinfo alone (docs/facts/moodle.md 7.4, 7.5).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import parse_qsl, urlencode, urljoin

import lxml.html
import requests
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.jwk import KeySet

TIMEOUT = 60


@dataclass(frozen=True, kw_only=True)
class Start:
    """One sign-in begun: the address to send the browser to, and what to remember."""

    url: str
    state: str
    nonce: str = ""
    verifier: str = ""


@dataclass(kw_only=True)
class RelyingParty:
    issuer: str
    client_id: str = "moodle"
    client_secret: str = "moodle-secret"
    redirect_uri: str = "https://moodle.example/admin/oauth2callback.php"
    scope: str = "openid profile email"
    authenticate_by: Literal["post", "basic", "none"] = "post"
    use_nonce: bool = False
    use_pkce: bool = False
    metadata: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        address = f"{self.issuer}/.well-known/openid-configuration"
        self.metadata = requests.get(address, timeout=TIMEOUT).json()

    def start(self, **changes: str | None) -> Start:
        """Begin a sign-in. ``changes`` replaces parameters of the request; None leaves one out."""
        state = f"/auth/oauth2/login.php?wantsurl=%2F&sesskey={secrets.token_hex(5)}&id=1"
        nonce = secrets.token_urlsafe(16) if self.use_nonce else ""
        verifier = secrets.token_urlsafe(48) if self.use_pkce else ""
        parameters: dict[str, str | None] = {
            "response_type": "code",
            "client_id": self.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": self.scope,
            "state": state,
            "nonce": nonce or None,
            "code_challenge": create_s256_code_challenge(verifier) if verifier else None,
            "code_challenge_method": "S256" if verifier else None,
        }
        parameters |= changes
        sent = {name: value for name, value in parameters.items() if value is not None}
        url = f"{self.metadata['authorization_endpoint']}?{urlencode(sent)}"
        return Start(url=url, state=state, nonce=nonce, verifier=verifier)

    def redeem(
        self, code: str | None, start: Start | None = None, **changes: str | None
    ) -> requests.Response:
        """Ask for tokens. ``changes`` replaces form fields; None leaves one out."""
        form: dict[str, str | None] = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": self.redirect_uri,
            "code_verifier": start.verifier or None if start else None,
        }
        return self.ask("token_endpoint", **form | changes)

    def refresh(self, refresh_token: str, **changes: str | None) -> requests.Response:
        """Ask for new tokens. ``changes`` as for ``redeem``."""
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token}
        return self.ask("token_endpoint", **form | changes)

    def ask(self, endpoint: str, **form: str | None) -> requests.Response:
        """Post a form to an endpoint of the metadata, with this client's id and secret where it
        names none itself; None leaves a field out."""
        secret = {"client_secret": self.client_secret} if self.authenticate_by == "post" else {}
        own = {} if self.authenticate_by == "basic" else {"client_id": self.client_id} | secret
        return requests.post(
            self.metadata[endpoint],
            data={name: value for name, value in (own | form).items() if value is not None},
            auth=(self.client_id, self.client_secret) if self.authenticate_by == "basic" else None,
            timeout=TIMEOUT,
        )

    def userinfo(self, access_token: str) -> requests.Response:
        return requests.get(
            self.metadata["userinfo_endpoint"],
            headers={"Authorization": f"Bearer {access_token}"},
            timeout=TIMEOUT,
        )

    def read_id_token(self, id_token: str) -> tuple[dict[str, Any], dict[str, Any]]:
        """Header and claims of an ID token whose signature fits a published key."""
        keys = KeySet.import_key_set(
            requests.get(self.metadata["jwks_uri"], timeout=TIMEOUT).json()
        )
        token = jwt.decode(id_token, keys, algorithms=["RS256", "ES256"])
        return dict(token.header), dict(token.claims)


@dataclass(frozen=True, kw_only=True)
class Page:
    """What the browser shows: a page of ours, or the way back to the application."""

    url: str
    status: int = 0
    text: str = ""
    headers: requests.structures.CaseInsensitiveDict[str] = field(
        default_factory=requests.structures.CaseInsensitiveDict
    )

    @property
    def parameters(self) -> dict[str, str]:
        return dict(parse_qsl(self.url.partition("?")[2], keep_blank_values=True))

    @property
    def code(self) -> str:
        return self.parameters["code"]

    @property
    def error(self) -> str:
        return self.parameters["error"]

    @property
    def heading(self) -> str:
        return self.text.partition("<h1>")[2].partition("</h1>")[0]

    @property
    def is_ours(self) -> bool:
        return self.status != 0

    @property
    def asks_who(self) -> bool:
        """Whether it is our sign-in page, which comes at the address of the request, too."""
        return 'action="/auth/login' in self.text


class Browser:
    """Follows redirects, and pages that go on by themselves, inside some sites; keeps cookies,
    fills in forms; runs no scripts."""

    def __init__(self, *sites: str) -> None:
        self.sites = sites
        self.session = requests.Session()
        self.seen: list[str] = []
        """Every address that was opened, in order."""

    def close(self) -> None:
        self.session.close()

    def open(self, url: str) -> Page:
        return self._follow("GET", url, None)

    def visit(self, application: RelyingParty, **wishes: str | None) -> Page:
        """Press the application's button to sign in; ``wishes`` as for ``start``."""
        return self.open(application.start(**wishes).url)

    def submit(self, page: Page, *, form_to: str = "", **typed: str) -> Page:
        """Send the page's form with its hidden fields and what was typed.

        ``form_to``: part of the form's address, where the page has several.
        """
        forms = lxml.html.fromstring(page.text).forms
        (form,) = [form for form in forms if form_to in (form.action or "")]
        address = urljoin(page.url, form.action) if form.action else page.url
        hidden = {name: value or "" for name, value in form.form_values()}
        return self._follow("POST", address, hidden | typed)

    def sign_in(self, url: str, username: str, password: str) -> Page:
        """Open the address and fill in the sign-in form that appears."""
        return self.submit(self.open(url), username=username, password=password)

    def _follow(self, verb: str, url: str, form: dict[str, str] | None) -> Page:
        for _ in range(20):
            self.seen.append(url)
            if not url.startswith(tuple(f"{site}/" for site in self.sites)):
                return Page(url=url)
            answer = self.session.request(
                verb, url, data=form, allow_redirects=False, timeout=TIMEOUT
            )
            onward = answer.headers.get("Location") if answer.is_redirect else None
            if refresh := answer.headers.get("Refresh"):
                onward = refresh.removeprefix("0; url=")
            if not onward:
                return Page(
                    url=url, status=answer.status_code, text=answer.text, headers=answer.headers
                )
            url, verb, form = urljoin(url, onward), "GET", None
        raise AssertionError("redirected in a circle")
