"""Where there is nothing to change, Moodle is not asked at all."""

from __future__ import annotations

from dataclasses import replace

from service.models import LoadStatus
from tests.service.trial import A, Trial, pupils


def test_a_plan_without_changes_needs_no_moodle(trial: Trial) -> None:
    trial.sync(trial.write(A, pupils("a", 2)))
    load_id = trial.load(trial.write(A, pupils("a", 2), day=1))
    trial.approve(load_id)
    settings = trial.application.settings
    nowhere = replace(settings.moodle, url="http://127.0.0.1:9")
    trial.application.settings = replace(settings, moodle=nowhere)
    assert trial.apply(load_id).status == LoadStatus.APPLIED
