"""A console of two schools with requests of people whom nobody found; all of them invented."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from auth.linking.models import Link, LinkEvent
from service.models import OperatorRole
from tests.service.console_factories import ConsoleUnderTest, make_console
from tests.service.factories import SCHOOL, SNILS, add_known_person, add_operator, add_school

OTHER_SCHOOL = "78-0500"


def make_links_console(home: Path, **settings: Any) -> ConsoleUnderTest:
    """Anna's school has a pupil, Boris's a teacher."""
    console = make_console(home, **settings)
    with console.rows() as rows:
        add_school(rows, SCHOOL, district="Адмиралтейский")
        add_school(rows, OTHER_SCHOOL)
        add_operator(rows)
        add_operator(rows, "anna", OperatorRole.SCHOOL, [SCHOOL])
        add_operator(rows, "boris", OperatorRole.SCHOOL, [OTHER_SCHOOL])
        add_operator(rows, "district", OperatorRole.DISTRICT, ["Адмиралтейский"])
        add_known_person(rows, "a", SCHOOL, snils=SNILS)
        add_known_person(rows, "b", OTHER_SCHOOL, family_name="Чужова", given_name="Проба")
    return console


def links(console: ConsoleUnderTest) -> dict[str, str]:
    """Person -> subject."""
    return {one.person_id: one.subject for one in console.all(Link)}


def history(console: ConsoleUnderTest) -> list[tuple[str, str, str, str, str]]:
    """Action, person, evidence, actor and reason of each event."""
    return [
        (one.action, one.person_id, one.evidence, one.actor, one.reason)
        for one in console.all(LinkEvent)
    ]
