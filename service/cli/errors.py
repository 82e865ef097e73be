"""The errors of all rooms that an operator can meet, in words. Loaded when one was met."""

from __future__ import annotations

import click
from redis import RedisError
from sqlalchemy.exc import OperationalError, ProgrammingError

from provisioning.formats import LayoutError
from provisioning.moodle import MoodleError
from service.access import Forbidden
from service.cli.base import Failure
from service.config import ConfigError
from service.data_folder import StartError
from service.i18n import gettext as _
from service.loads.operations import LoadProblem
from service.mailing.addresses import AddressProblem
from service.operators import OperatorProblem
from service.pdf import NoPdf
from service.people.passwords import KeptInMoodle
from service.registry.mappings import MappingError
from service.registry.refusals import Refusal
from service.registry.tables import TableError
from service.reports.publishing import PublishProblem
from service.reports.question import AskError
from service.signin.phase_rules import PhaseProblem
from service.words import loads, phases, registry


def in_words(error: Exception) -> click.ClickException | None:
    """Return what the command line says of ``error``; None for a fault of ours."""
    match error:
        case OperatorProblem() | AddressProblem() | AskError():
            return click.UsageError(str(error))
        case PhaseProblem():
            return click.UsageError(phases.problem(error))
        case ConfigError() | StartError() | MappingError() | PublishProblem():
            return Failure(str(error))
        case LoadProblem():
            return Failure(loads.load_problem(error))
        case Forbidden():
            return Failure(loads.not_found(error.what))
        case KeptInMoodle():
            return Failure(loads.kept_in_moodle(error.address))
        case LayoutError():
            return Failure(loads.layout_problem(error))
        case MoodleError():
            return Failure(loads.moodle_problem(error))
        case NoPdf():
            return Failure(loads.no_pdf(error))
        case TableError():
            return Failure(registry.table_error(error))
        case Refusal():
            return Failure(registry.refusal(error))
        case OperationalError() | ProgrammingError():
            # The driver's text may quote the address with its password, or what a row holds.
            return Failure(_("the database does not do its work; run: schoolbridge doctor"))
        case RedisError():
            return Failure(_("Redis does not answer; see [redis] url"))
    return None
