"""The doctor: looks at the installation and at Moodle, changes nothing, says what to change."""

from __future__ import annotations

from pathlib import Path

from service.application import Application
from service.doctor.activity import examine_activity
from service.doctor.check import Check, Verdict
from service.doctor.esia import examine_esia
from service.doctor.installation import examine_installation
from service.doctor.moodle import examine_moodle
from service.doctor.sign_in import examine_sign_in
from service.doctor.upstream import examine_upstream

__all__ = ["Check", "Verdict", "examine"]


def examine(application: Application, config_file: Path | None = None) -> list[Check]:
    """Everything that can be looked at, in the order in which it has to be put right."""
    return [
        *examine_installation(application, config_file),
        *examine_sign_in(application),
        *examine_esia(application),
        *examine_upstream(application),
        *examine_moodle(application),
        *examine_activity(application),
    ]
