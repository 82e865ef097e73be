"""What a look found is brought back by a plan like any other."""

from __future__ import annotations

import pytest

from provisioning.drift import BY_REMEDY
from tests.service.portal.conftest import Portal
from tests.service.portal.meddling import MEDDLING
from tests.service.trial import on_both_databases


@pytest.mark.parametrize("what", list(MEDDLING))
@on_both_databases
def test_a_repair_makes_moodle_exact_again(portal: Portal, what: str) -> None:
    before = portal.standing()
    meddle, kind, _field = MEDDLING[what]
    meddle(portal)
    portal.look()
    if kind in BY_REMEDY:
        assert portal.plan_repair() is None
        return
    portal.repair()
    assert portal.kinds("repaired") == [kind]
    assert portal.standing() == before
    portal.look()
    assert portal.drifts("open") == []
    portal.trial.settled(*portal.files)
