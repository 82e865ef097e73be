"""Tokens after their issue: refreshing with rotation, revoking, asking what one is worth."""

from __future__ import annotations

from typing import Any

import pytest

from auth.signin.passwords import forget_own_password
from tests.auth.conftest import START, Person, Portal, Tokens, at_once, refusal
from tests.auth.people import PUPIL, make_account
from tests.relying_party import RelyingParty

DAYS_14 = 14 * 24 * 60 * 60


def is_over(client: RelyingParty, tokens: Tokens) -> bool:
    """Whether neither of them is good for anything any more."""
    refused = refusal(client.refresh(tokens["refresh_token"])) == (400, "invalid_grant")
    return refused and client.userinfo(tokens["access_token"]).status_code == 401


def worth(client: RelyingParty, token: str) -> dict[str, Any]:
    """What the client is told about a token."""
    return client.ask("introspection_endpoint", token=token).json()


def test_a_client_that_may_asks_for_a_refresh_token_and_gets_one(
    moodle: RelyingParty, diary: RelyingParty, pupil: Person
) -> None:
    with_it = pupil.tokens(diary)
    without = pupil.tokens(diary, scope="openid")
    not_allowed = pupil.tokens(moodle, scope="openid offline_access")

    assert with_it["refresh_token"]
    assert with_it["scope"] == "openid profile offline_access"
    assert "refresh_token" not in without
    assert "refresh_token" not in not_allowed
    assert not_allowed["scope"] == "openid"


def test_a_refresh_token_gives_new_tokens_and_the_next_refresh_token(
    portal: Portal, diary: RelyingParty, tokens: Tokens
) -> None:
    portal.clock.forward(3600)
    new = diary.refresh(tokens["refresh_token"]).json()
    newer = diary.refresh(new["refresh_token"]).json()

    assert diary.userinfo(tokens["access_token"]).status_code == 401
    assert diary.userinfo(newer["access_token"]).json()["sub"] == PUPIL
    issued = {tokens["refresh_token"], new["refresh_token"], newer["refresh_token"]}
    assert len(issued) == 3


def test_a_refresh_token_that_comes_again_ends_all_tokens_of_its_sign_in(
    diary: RelyingParty, tokens: Tokens
) -> None:
    new = diary.refresh(tokens["refresh_token"]).json()
    assert diary.userinfo(new["access_token"]).status_code == 200

    assert is_over(diary, tokens)
    assert is_over(diary, new)


def test_of_two_refreshes_at_once_at_most_one_wins(diary: RelyingParty, tokens: Tokens) -> None:
    answers = at_once(*[lambda: diary.refresh(tokens["refresh_token"])] * 2)
    assert sorted(answer.status_code for answer in answers) == [200, 400]


def test_a_code_that_comes_again_revokes_the_tokens_it_gave(
    diary: RelyingParty, code: str, tokens: Tokens
) -> None:
    new = diary.refresh(tokens["refresh_token"]).json()
    assert refusal(diary.redeem(code)) == (400, "invalid_grant")
    assert is_over(diary, new)


def test_a_used_code_in_the_hands_of_another_client_revokes_nothing(
    moodle: RelyingParty, diary: RelyingParty, code: str, tokens: Tokens
) -> None:
    assert refusal(moodle.redeem(code)) == (400, "invalid_grant")
    assert diary.userinfo(tokens["access_token"]).status_code == 200


def test_refreshing_ends_some_days_after_the_sign_in_however_often_it_is_done(
    portal: Portal, diary: RelyingParty, tokens: Tokens
) -> None:
    portal.clock.forward(DAYS_14 - 1)
    new = diary.refresh(tokens["refresh_token"]).json()
    portal.clock.forward(1)
    assert refusal(diary.refresh(new["refresh_token"])) == (400, "invalid_grant")


def test_refreshing_survives_the_daily_clearing(
    portal: Portal, diary: RelyingParty, tokens: Tokens
) -> None:
    portal.clock.forward(24 * 60 * 60)
    portal.clear_away()
    assert diary.refresh(tokens["refresh_token"]).status_code == 200


def test_less_may_be_asked_of_a_refresh_and_the_next_one_has_all_again(
    diary: RelyingParty, tokens: Tokens
) -> None:
    less = diary.refresh(tokens["refresh_token"], scope="openid").json()
    assert less["scope"] == "openid"
    assert set(diary.userinfo(less["access_token"]).json()) == {"sub"}
    assert diary.refresh(less["refresh_token"]).json()["scope"] == tokens["scope"]


@pytest.mark.parametrize("scope", ["openid email", "profile", "всё"])
def test_other_scopes_are_refused_and_do_not_spend_the_refresh_token(
    diary: RelyingParty, tokens: Tokens, scope: str
) -> None:
    assert refusal(diary.refresh(tokens["refresh_token"], scope=scope)) == (400, "invalid_scope")
    assert diary.refresh(tokens["refresh_token"]).status_code == 200


def test_another_client_neither_uses_nor_spends_a_refresh_token(
    moodle: RelyingParty, diary: RelyingParty, tokens: Tokens
) -> None:
    assert refusal(moodle.refresh(tokens["refresh_token"]))[0] == 400
    assert diary.refresh(tokens["refresh_token"], client_secret="wrong").status_code == 401
    assert diary.refresh(tokens["refresh_token"]).status_code == 200


def test_tokens_of_one_kind_are_nothing_in_the_place_of_the_other(
    diary: RelyingParty, tokens: Tokens
) -> None:
    assert diary.userinfo(tokens["refresh_token"]).status_code == 401
    assert refusal(diary.refresh(tokens["access_token"])) == (400, "invalid_grant")


def test_a_suspended_person_gets_no_new_tokens_until_let_in_again(
    portal: Portal, diary: RelyingParty, tokens: Tokens
) -> None:
    portal.people.add(make_account(suspended=True))
    assert refusal(diary.refresh(tokens["refresh_token"])) == (400, "invalid_grant")
    assert worth(diary, tokens["refresh_token"]) == {"active": False}
    portal.people.add(make_account())
    assert diary.refresh(tokens["refresh_token"]).status_code == 200


def test_a_reset_of_the_password_ends_all_tokens_and_a_code_under_way(
    portal: Portal, diary: RelyingParty, pupil: Person, tokens: Tokens
) -> None:
    code = pupil.code(diary)
    with portal.session_factory.begin() as db:
        forget_own_password(db, PUPIL, portal.provider.context.clients, START)
    assert is_over(diary, tokens)
    assert refusal(diary.redeem(code)) == (400, "invalid_grant")


def test_revoking_a_refresh_token_ends_all_and_revoking_an_access_token_only_it(
    diary: RelyingParty, tokens: Tokens
) -> None:
    assert diary.ask("revocation_endpoint", token=tokens["access_token"]).status_code == 200
    assert diary.userinfo(tokens["access_token"]).status_code == 401
    new = diary.refresh(tokens["refresh_token"]).json()

    assert diary.ask("revocation_endpoint", token=new["refresh_token"]).status_code == 200
    assert is_over(diary, new)
    assert diary.ask("revocation_endpoint", token=new["refresh_token"]).status_code == 200


def test_a_client_can_neither_revoke_nor_inspect_tokens_of_another(
    moodle: RelyingParty, diary: RelyingParty, tokens: Tokens
) -> None:
    moodle.ask("revocation_endpoint", token=tokens["access_token"])
    assert worth(moodle, tokens["access_token"]) == {"active": False}
    assert diary.userinfo(tokens["access_token"]).status_code == 200


def test_introspection_tells_a_client_what_its_token_is_worth(
    portal: Portal, diary: RelyingParty, tokens: Tokens
) -> None:
    now = int(START.timestamp())
    told = {"active": True, "client_id": "diary", "sub": PUPIL, "iss": portal.issuer, "iat": now}
    told["scope"] = "openid profile offline_access"
    access = told | {"exp": now + 600, "token_type": "Bearer"}
    assert worth(diary, tokens["access_token"]) == access
    assert worth(diary, tokens["refresh_token"]) == told | {"exp": now + DAYS_14}

    diary.refresh(tokens["refresh_token"])
    assert worth(diary, tokens["refresh_token"]) == {"active": False}
    portal.clock.forward(600)
    ended = diary.ask("introspection_endpoint", token=tokens["access_token"])
    assert ended.json() == {"active": False}
    assert ended.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("endpoint", ["revocation_endpoint", "introspection_endpoint"])
def test_who_asks_about_tokens_must_be_a_client(
    moodle: RelyingParty, diary: RelyingParty, tokens: Tokens, endpoint: str
) -> None:
    answer = diary.ask(endpoint, token=tokens["access_token"], client_secret="wrong")
    assert refusal(answer) == (401, "invalid_client")
    assert refusal(moodle.ask(endpoint)) == (400, "invalid_request")


def test_a_public_client_revokes_its_tokens_but_cannot_inspect(portal: Portal) -> None:
    phone = portal.phone()
    assert phone.ask("revocation_endpoint", token="unknown").status_code == 200
    assert refusal(phone.ask("introspection_endpoint", token="unknown")) == (401, "invalid_client")
