"""Where there is nothing to change, Moodle is not asked at all."""

from __future__ import annotations

from dataclasses import replace

from service.models import LoadStatus
from tests.service.place import A, Place, pupils


def test_a_plan_without_changes_needs_no_moodle(place: Place) -> None:
    place.sync(place.write(A, pupils("a", 2)))
    load_id = place.load(place.write(A, pupils("a", 2), day=1))
    place.approve(load_id)
    settings = place.application.settings
    nowhere = replace(settings.moodle, url="http://127.0.0.1:9")
    place.application.settings = replace(settings, moodle=nowhere)
    assert place.apply(load_id).status == LoadStatus.APPLIED
