"""Makes an approved plan true in Moodle: ``apply``, and ``refusals``, which tells what would
fail."""

from provisioning.apply.objects import MoodleIds
from provisioning.apply.refusals import refusals
from provisioning.apply.run import PlanOrderError, apply

__all__ = ["MoodleIds", "PlanOrderError", "apply", "refusals"]
