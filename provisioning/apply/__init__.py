"""Makes an approved plan true in Moodle: ``apply``, and ``refusals``, which tells what would
fail."""

from provisioning.apply.doubles import Double, doubles, find_doubles, set_aside
from provisioning.apply.objects import MoodleIds
from provisioning.apply.refusals import refusals
from provisioning.apply.run import PlanOrderError, apply

__all__ = [
    "Double", "MoodleIds", "PlanOrderError", "apply", "doubles", "find_doubles", "refusals",
    "set_aside",
]  # fmt: skip
