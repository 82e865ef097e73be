"""Two identities arrive at once: one link is made, on either database."""

from __future__ import annotations

from auth.linking.links import link_by_evidence
from auth.linking.models import Evidence
from tests.auth.conftest import at_once
from tests.auth.linking.conftest import IN, SNILS, SUBJECT, Door, make_identity
from tests.auth.people import PUPIL, make_account
from tests.relying_party import Browser


def test_two_arrivals_at_once_make_one_link_and_both_get_in(
    door: Door, another_browser: Browser
) -> None:
    door.record(snils=SNILS)
    addresses = [door.address(make_identity()) for _ in range(2)]
    pages = at_once(
        lambda: door.browser.open(addresses[0]), lambda: another_browser.open(addresses[1])
    )
    assert [page.heading for page in pages] == [IN, IN]
    assert door.come().heading == IN
    assert door.links() == {PUPIL: SUBJECT}
    assert door.history() == [("linked", "snils", "")]


def test_of_two_identities_at_once_one_is_linked(door: Door) -> None:
    def links(subject: str) -> bool:
        identity, now = make_identity(subject=subject), door.portal.clock()
        factory = door.portal.session_factory
        return link_by_evidence(factory, identity, make_account(), Evidence.SNILS, now)

    assert [links("1"), links("1"), links("2")] == [True, True, False]
    assert door.links() == {PUPIL: "1"}
