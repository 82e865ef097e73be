"""What began with a link ends with it, in the browser and at every application."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import literal, select

from auth.linking.links import end_link, is_linked, links_of
from auth.linking.models import LinkEvent
from auth.models import LogoutNotice
from tests.auth.conftest import OWN_PASSWORD
from tests.auth.linking.conftest import IN, NOT_FOUND, SNILS, Door
from tests.auth.people import PUPIL


def unlink(door: Door) -> None:
    with door.portal.session_factory.begin() as db:
        (link,) = links_of(db, PUPIL)
        end_link(
            db,
            link,
            school_code="1001",
            actor="anna",
            reason="Чужие Госуслуги",
            clients=door.portal.provider.context.clients,
            now=door.portal.clock(),
        )


def test_an_unlink_ends_sign_ins_and_tokens_and_applications_are_told(door: Door) -> None:
    door.record(snils=SNILS)
    diary = door.portal.client("diary", scope="openid profile offline_access")
    tokens = diary.redeem(door.come(diary.start().url).code).json()
    assert diary.userinfo(tokens["access_token"]).ok
    unlink(door)
    assert diary.userinfo(tokens["access_token"]).status_code == 401
    assert diary.refresh(tokens["refresh_token"]).json()["error"] == "invalid_grant"
    assert door.home().url.endswith("/auth/login")
    assert [notice.client_id for notice in door.portal.rows(LogoutNotice)] == ["diary"]
    assert [(e.action, e.evidence, e.actor, e.reason) for e in door.portal.rows(LinkEvent)] == [
        ("linked", "snils", "", ""),
        ("unlinked", "snils", "anna", "Чужие Госуслуги"),
    ]


def test_a_sign_in_with_the_password_goes_on(door: Door, another_door: Door) -> None:
    door.record(snils=SNILS)
    door.portal.give_password(PUPIL)
    door.confirm(door.home(), password=OWN_PASSWORD)
    another_door.come()
    unlink(door)
    assert door.home().url.endswith("/auth/")
    assert another_door.home().url.endswith("/auth/login")


def test_an_account_that_was_unlinked_can_be_linked_again(door: Door) -> None:
    door.record(snils=SNILS)
    door.come(subject="1")
    unlink(door)
    door.come(subject="2")
    assert door.links() == {PUPIL: "2"}
    assert [action for action, _, _ in door.history()] == ["linked", "unlinked", "linked"]


def test_the_same_identity_comes_back_only_through_the_school(door: Door) -> None:
    door.record(snils=SNILS)
    door.come()
    unlink(door)
    assert door.come().heading == NOT_FOUND
    door.link()
    assert door.come().heading == IN


def test_a_link_counts_from_its_moment_until_that_of_its_end(door: Door) -> None:
    made = door.portal.clock()
    door.link()
    door.portal.clock.forward(3600)
    unlink(door)
    ended, second = door.portal.clock(), timedelta(seconds=1)
    moments = (made - second, made, ended - second, ended)
    with door.portal.session_factory() as db:
        linked = [db.scalar(select(is_linked(literal(PUPIL), at))) for at in moments]
    assert linked == [False, True, True, False]
