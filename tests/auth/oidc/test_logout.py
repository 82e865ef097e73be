"""Signing out: asked for by a person or by an application, and who is told of it."""

from __future__ import annotations

from dataclasses import dataclass
from unittest.mock import Mock
from urllib.parse import urlencode

import pytest
import requests
from joserfc import jws

from auth.models import LogoutNotice
from auth.oidc.backchannel import EVENT, RETRY_AFTER, send_notices
from tests.auth.conftest import START, Person, Portal, Tokens
from tests.auth.people import PUPIL, TEACHER
from tests.relying_party import Browser, Page, RelyingParty

BYE = "https://diary.example/bye"


@dataclass
class SignOut:
    """Signs the person in ``browser`` out, or asks whether anybody is in."""

    browser: Browser
    moodle: RelyingParty

    def open(self, **parameters: str) -> Page:
        address = self.moodle.metadata["end_session_endpoint"]
        return self.browser.open(f"{address}?{urlencode(parameters)}")

    def confirm(self) -> Page:
        """As people do."""
        return self.browser.submit(self.open())

    @property
    def is_done(self) -> bool:
        page = self.browser.visit(self.moodle, prompt="none").parameters
        assert "code" in page or page["error"] == "login_required"
        return "code" not in page


@pytest.fixture
def sign_out(pupil: Person, moodle: RelyingParty, tokens: Tokens) -> SignOut:
    """Of the pupil, for whom the diary has ``tokens``."""
    return SignOut(pupil, moodle)


def sid_of(diary: RelyingParty, tokens: Tokens) -> str:
    return diary.read_id_token(tokens["id_token"])[1]["sid"]


@pytest.mark.parametrize("state", [{"state": "a b&c"}, {"state": ""}, {}])
def test_an_application_signs_its_person_out_and_gets_them_back_with_its_state(
    portal: Portal, sign_out: SignOut, tokens: Tokens, state: dict[str, str]
) -> None:
    assert not sign_out.is_done
    portal.clock.forward(3600)  # hints may have expired
    hint = tokens["id_token"]
    page = sign_out.open(id_token_hint=hint, post_logout_redirect_uri=BYE, **state)
    assert page.url.partition("?")[0] == BYE
    assert page.parameters == {name: value for name, value in state.items() if value}
    assert sign_out.is_done


def test_without_a_hint_the_person_is_asked_first(pupil: Person, sign_out: SignOut) -> None:
    page = sign_out.open(client_id="diary", post_logout_redirect_uri=BYE)
    assert "Выйти?" in page.text
    assert pupil.submit(page, form_token="0" * 64).is_ours
    assert not sign_out.is_done
    assert pupil.submit(page).url == BYE
    assert sign_out.is_done
    assert pupil.open(page.url).url == BYE


def test_a_hint_of_an_earlier_sign_in_only_asks(
    moodle: RelyingParty, pupil: Person, sign_out: SignOut, tokens: Tokens
) -> None:
    sign_out.open(id_token_hint=tokens["id_token"])
    pupil.code(moodle)
    page = sign_out.open(id_token_hint=tokens["id_token"])
    assert "Выйти?" in page.text
    assert not sign_out.is_done


def test_a_request_to_sign_out_may_be_posted_by_another_site(
    portal: Portal, moodle: RelyingParty, pupil: Person, tokens: Tokens
) -> None:
    answer = requests.post(
        moodle.metadata["end_session_endpoint"],
        data={"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": BYE},
        allow_redirects=False,
        timeout=60,
    )
    assert answer.status_code == 303
    assert pupil.open(portal.issuer + answer.headers["Location"]).url == BYE


@pytest.mark.parametrize(
    "changes",
    [
        {"post_logout_redirect_uri": "https://evil.example/"},
        {"post_logout_redirect_uri": BYE + "?more=1"},
        {"post_logout_redirect_uri": "https://diary.example/callback"},
        {"client_id": "moodle"},
        {"client_id": "nobody", "id_token_hint": ""},
        {"id_token_hint": ""},
        {"id_token_hint": "bad"},
        {"id_token_hint": "a.b.c"},
        {"id_token_hint": "eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0."},
        {"id_token_hint": "another signature"},
    ],
)
def test_a_wrong_request_to_sign_out_is_a_page_and_signs_nobody_out(
    sign_out: SignOut, tokens: Tokens, changes: dict[str, str]
) -> None:
    if changes.get("id_token_hint") == "another signature":
        signed, _, signature = tokens["id_token"].rpartition(".")
        changes = {"id_token_hint": f"{signed}.{signature[::-1]}"}
    parameters = {"id_token_hint": tokens["id_token"], "post_logout_redirect_uri": BYE} | changes
    page = sign_out.open(**parameters)
    assert page.status == 400
    assert "Неверная ссылка" in page.text
    assert not sign_out.is_done


def test_without_an_address_to_go_back_to_it_ends_at_a_page_of_ours(
    sign_out: SignOut, tokens: Tokens
) -> None:
    for parameters in ({}, {"state": "s"}, {"id_token_hint": tokens["id_token"]}):
        assert sign_out.open(**parameters).is_ours


def test_signing_out_ends_what_applications_got_except_for_offline_access(
    moodle: RelyingParty, diary: RelyingParty, pupil: Person, sign_out: SignOut, tokens: Tokens
) -> None:
    token = pupil.tokens(moodle)["access_token"]
    sign_out.confirm()
    assert moodle.userinfo(token).status_code == 401
    assert diary.refresh(tokens["refresh_token"]).status_code == 200


def test_who_types_the_password_again_stays_in_the_same_session(
    diary: RelyingParty, pupil: Person, sign_out: SignOut, tokens: Tokens
) -> None:
    assert pupil.claims(diary, prompt="login")["sid"] == sid_of(diary, tokens)
    sign_out.open(id_token_hint=tokens["id_token"])
    assert sign_out.is_done


def test_somebody_else_in_the_same_browser_ends_the_session_before(
    portal: Portal, moodle: RelyingParty, diary: RelyingParty, pupil: Person, tokens: Tokens
) -> None:
    pupils = pupil.tokens(moodle)["access_token"]
    portal.give_password(TEACHER)
    pupil.username = "8765p4321"
    assert pupil.code(moodle, prompt="login")
    assert moodle.userinfo(pupils).status_code == 401
    assert portal.notices.call_count == 1
    assert pupil.claims(diary)["sid"] != sid_of(diary, tokens)


@pytest.fixture
def post() -> Mock:
    """Takes notices, or not."""
    return Mock(return_value=True)


def send(portal: Portal, post: Mock) -> int:
    context = portal.provider.context
    return send_notices(
        portal.session_factory, context.settings, context.keys, portal.clock(), post
    )


def test_an_application_is_told_by_a_signed_notice_and_once(
    portal: Portal, diary: RelyingParty, sign_out: SignOut, tokens: Tokens, post: Mock
) -> None:
    assert not sign_out.is_done  # Moodle was opened, too, and has no address for notices
    sign_out.confirm()
    assert send(portal, post) == 1
    portal.clock.forward(86_000)
    assert send(portal, post) == 0

    address, form = post.call_args.args
    header, claims = diary.read_id_token(form["logout_token"])
    now = int(START.timestamp())
    assert address == "https://diary.example/signed-out"
    assert (header["typ"], header["alg"]) == ("logout+jwt", "ES256")
    assert claims.pop("jti")
    assert claims == {
        "iss": portal.issuer,
        "aud": "diary",
        "iat": now,
        "exp": now + 120,
        "sub": PUPIL,
        "sid": sid_of(diary, tokens),
        "events": {EVENT: {}},
    }


def test_a_notice_that_was_not_taken_comes_again_with_a_new_signature_until_given_up(
    portal: Portal, sign_out: SignOut, post: Mock
) -> None:
    sign_out.confirm()
    post.return_value = False
    assert send(portal, post) == 0
    assert (send(portal, post), post.call_count) == (0, 1)
    portal.clock.forward(RETRY_AFTER.total_seconds())
    send(portal, post)
    tokens = [call.args[1]["logout_token"].encode() for call in post.call_args_list]
    first, second = (jws.extract_compact(token).payload for token in tokens)
    assert first != second

    portal.clock.forward(24 * 60 * 60)
    portal.clear_away()
    assert portal.rows(LogoutNotice) == []


def test_a_logout_notice_is_not_taken_for_an_id_token(
    portal: Portal, moodle: RelyingParty, pupil: Person, sign_out: SignOut, post: Mock
) -> None:
    sign_out.confirm()
    send(portal, post)
    pupil.code(moodle)
    assert sign_out.open(id_token_hint=post.call_args.args[1]["logout_token"]).status == 400


def test_signing_out_tells_that_notices_wait_only_when_some_do(
    portal: Portal, sign_out: SignOut
) -> None:
    assert portal.notices.call_count == 0
    sign_out.confirm()
    assert portal.notices.call_count == 1
    sign_out.open()
    assert portal.notices.call_count == 1
