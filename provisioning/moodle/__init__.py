"""The only door to Moodle: ``MoodleClient``, the functions it calls and the errors it raises."""

from provisioning.moodle.bounded import bounded_session
from provisioning.moodle.client import MoodleClient
from provisioning.moodle.errors import (
    MoodleError,
    MoodleMisconfigured,
    MoodlePaused,
    MoodleRefused,
    MoodleStopped,
    MoodleUnavailable,
    MoodleUncertain,
)
from provisioning.moodle.functions import Function

__all__ = [
    "Function",
    "MoodleClient",
    "MoodleError",
    "MoodleMisconfigured",
    "MoodlePaused",
    "MoodleRefused",
    "MoodleStopped",
    "MoodleUnavailable",
    "MoodleUncertain",
    "bounded_session",
]
