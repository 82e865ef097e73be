"""A look into Moodle tells what somebody changed there by hand, and nothing else."""

from __future__ import annotations

import pytest

from tests.service.portal.conftest import Portal
from tests.service.portal.meddling import MEDDLING
from tests.service.trial import on_both_databases


@on_both_databases
def test_an_untouched_moodle_has_no_drift(portal: Portal) -> None:
    ended = portal.look()
    assert portal.drifts("open", "kept") == []
    assert (ended.people, ended.unread, ended.drifts) == (10, 0, 0)
    assert ended.objects > 5


@pytest.mark.parametrize("what", list(MEDDLING))
@on_both_databases
def test_what_hands_did_is_told_once(portal: Portal, what: str) -> None:
    meddle, kind, field = MEDDLING[what]
    meddle(portal)
    portal.look()
    found = portal.drifts("open")
    assert [one.kind for one in found] == [kind]
    if field:
        assert found[0].field == field
    portal.look()
    assert [one.id for one in portal.drifts("open")] == [found[0].id]
