"""What an application learns, scope by scope."""

from __future__ import annotations

import pytest

from auth.oidc.endpoints import CLAIMS_SUPPORTED, make_claims
from tests.auth.people import PUPIL, make_account, make_teacher


@pytest.mark.parametrize(
    ("scope", "names"),
    [
        ("openid", set()),
        (
            "openid profile",
            {"preferred_username", "name", "given_name", "family_name", "middle_name"},
        ),
        ("openid birthdate", {"birthdate"}),
        ("openid email", {"email", "email_verified"}),
        ("openid school", {"school", "school_code", "district", "class", "roles"}),
    ],
)
def test_each_scope_adds_its_claims_and_no_others(scope: str, names: set[str]) -> None:
    assert set(make_claims(make_account(), scope)) == {"sub"} | names


def test_all_claims_are_in_the_discovery_document() -> None:
    assert set(make_claims(make_account(), "openid profile birthdate email school")) == set(
        CLAIMS_SUPPORTED
    )


def test_what_a_person_has_not_is_left_out() -> None:
    teacher = make_teacher(school_name="", district="")
    claims = make_claims(teacher, "openid profile school")
    assert not {"middle_name", "class", "district"} & set(claims)
    assert claims["name"] == "Проверочный Ученик"
    assert claims["roles"] == ["teacher", "administrator"]


def test_the_text_form_of_an_account_names_nobody() -> None:
    assert repr(make_account()) == f"Account(person_id='{PUPIL}')"
