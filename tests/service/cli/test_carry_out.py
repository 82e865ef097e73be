"""What a command approves by itself after an answer: within the limits that are configured."""

from __future__ import annotations

import pytest

from service.cli import loading
from service.cli.base import Context
from tests.service.installation import SCOPE
from tests.service.trial import A, B, Trial, pupils, refusal


def test_the_limits_of_a_day_that_are_configured_hold(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    trial.sync(trial.write(A, pupils("a", 40)), trial.write(B, pupils("b", 40, "c-2")))
    fewer = trial.write(A, pupils("a", 36), day=1), trial.write(B, pupils("b", 36, "c-2"), day=1)
    load_id = trial.load(*fewer)
    assert not any(plan.breaches for plan in trial.plans(load_id).values())
    trial.configure("limits", city_day_floor=1)
    context = Context()
    vars(context).update(
        settings=trial.application.settings, application=trial.application, scope=SCOPE
    )
    # No worker is there to apply what should not be approved.
    monkeypatch.setattr(loading, "_apply", lambda *_given, **_named: 0)
    assert refusal(loading.carry_out, context, load_id, as_json=False) == "load.city_day"
    assert trial.decisions(load_id) == {A: "planned", B: "planned"}
