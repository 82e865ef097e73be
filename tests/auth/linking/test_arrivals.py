"""Somebody comes back from an outside provider: who is let in at once, who is asked or refused."""

from __future__ import annotations

from tests.auth.linking.conftest import SNILS, Door, heading, make_identity
from tests.auth.people import PUPIL
from tests.relying_party import Browser


def test_a_linked_identity_is_let_in(door: Door, browser: Browser) -> None:
    identity = make_identity(snils="", confirmed=False)
    door.link(PUPIL, identity)
    page = browser.open(door.address(identity))
    assert heading(page) == "Вы вошли"


def test_the_snils_of_one_person_links_at_once_and_lets_in(door: Door, browser: Browser) -> None:
    door.pupil(PUPIL, snils=SNILS)
    page = browser.open(door.address(make_identity()))
    assert heading(page) == "Вы вошли"
    assert door.links() == {PUPIL: "1000299353"}
    assert door.history() == [("linked", "snils", "")]
