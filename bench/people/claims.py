"""Which row was taken for which person: read from applied plans by the line of the row's file.

A plan says of each person on its roll in which file and line the row stands. The file is ours, so
the row's true human is known without asking how it was matched.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from provisioning.roster import PersonStatus
from service.models import PlannedMembership, SchoolPlan
from service.sample.rows import SampleSchool

_ROW = re.compile(r'<(?:student|employee) id="([^"]+)"')


@dataclass(frozen=True, kw_only=True, slots=True)
class Claim:
    """A row of a loaded file and the person whom the service took it for."""

    month: int
    school: str
    """The first code that the school had."""
    sourced_id: str
    human: str
    person_id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class _File:
    month: int
    humans: dict[str, str]
    """Sourced id -> true human, also of rows marked as left."""
    active: frozenset[str]
    """Humans whom the file lists as present."""
    lines: dict[int, str]
    """Line -> sourced id."""
    classes: dict[str, str]
    """Id of a class in the file -> the true class."""
    class_of: dict[str, str]
    """Sourced id of a row -> id of its class."""


@dataclass(kw_only=True)
class Claims:
    """The rows of all loaded files, and whose they became."""

    first_codes: dict[str, str] = field(default_factory=dict)
    """Code -> the first code of the same school."""
    current: dict[str, dict[str, Claim]] = field(default_factory=dict)
    """School -> sourced id -> claim, of the school's last applied file."""
    listed: dict[str, frozenset[str]] = field(default_factory=dict)
    """School -> humans whom its last applied file lists as present."""
    waiting: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    """School -> humans of its last applied file whose rows nobody has."""
    applied: set[tuple[str, datetime]] = field(default_factory=set)
    """School and moment of each file that was applied."""
    class_owners: dict[tuple[str, str], str] = field(default_factory=dict)
    """School and class as the service calls it -> the true class that it was at first."""
    history: list[Claim] = field(default_factory=list)
    _files: dict[tuple[str, datetime], _File] = field(default_factory=dict)
    _last_plan: int = 0

    def school(self, code: str) -> str:
        return self.first_codes.get(code, code)

    def changed_code(self, before: str, now: str) -> None:
        self.first_codes[now] = self.school(before)

    def ended(self, code: str) -> None:
        """The school is no more: what its last file said counts no longer."""
        for of_schools in (self.current, self.listed, self.waiting):
            of_schools.pop(self.school(code), None)

    def loaded(
        self,
        export: SampleSchool,
        month: int,
        path: Path,
        class_keys: Mapping[tuple[str, str], str],
    ) -> None:
        """Remember whose row stands in which line of a file."""
        lines = {
            number: found[1]
            for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1)
            if (found := _ROW.search(line))
        }
        active = (one for one in export.rows if one.person.status is not PersonStatus.LEFT)
        self._files[self.school(export.school.code), export.exported_at] = _File(
            month=month, lines=lines, active=frozenset(one.human for one in active),
            humans={one.person.sourced_id: one.human for one in export.rows},
            classes={
                one.sourced_id: class_keys[export.school.code, one.sourced_id]
                for one in export.classes
            },
            class_of={one.person.sourced_id: one.class_id for one in export.rows},
        )  # fmt: skip

    def human_of(self, school_code: str, sourced_id: str) -> str:
        """Whose row it is in the school's newest file, or in the last one that had it."""
        school = self.school(school_code)
        files = self._newest_first(school)
        for file in files:
            if sourced_id in file.humans:
                return file.humans[sourced_id]
        return ""

    def _newest_first(self, school: str) -> list[_File]:
        moments = sorted((at for one, at in self._files if one == school), reverse=True)
        return [self._files[school, at] for at in moments]

    def read(self, session: Session) -> list[Claim]:
        """The claims of plans that were begun since this was last asked."""
        plans = session.scalars(
            select(SchoolPlan)
            .where(SchoolPlan.started, SchoolPlan.id > self._last_plan)
            .order_by(SchoolPlan.id)
        ).all()
        found = []
        for plan in plans:
            self._last_plan = plan.id
            school = self.school(plan.school_code)
            file = self._files.get((school, plan.exported_at)) if plan.exported_at else None
            if file is None:
                continue
            self.applied.add((school, plan.exported_at))
            places = session.execute(
                select(
                    PlannedMembership.person_id, PlannedMembership.line, PlannedMembership.class_id
                ).where(PlannedMembership.plan_id == plan.id, PlannedMembership.line > 0)
            ).all()
            self._learn_classes(school, file, ((line, class_id) for _, line, class_id in places))
            claims = [
                Claim(
                    month=file.month, school=school, sourced_id=sourced_id,
                    human=file.humans[sourced_id], person_id=person_id,
                )
                for person_id, line, _class in places
                if (sourced_id := file.lines.get(line, ""))
            ]  # fmt: skip
            self.current[school] = {one.sourced_id: one for one in claims}
            self.listed[school] = file.active
            self.waiting[school] = set(file.active - {one.human for one in claims})
            found += claims
        self.history += found
        return found

    def _learn_classes(self, school: str, file: _File, rows: Iterable[tuple[int, str]]) -> None:
        """Note which true class most pupils of a class are of, when it is first seen."""
        seen: dict[str, Counter[str]] = defaultdict(Counter)
        for line, class_id in rows:
            told = file.class_of.get(file.lines.get(line, ""), "")
            if class_id and told in file.classes:
                seen[class_id][file.classes[told]] += 1
        for class_id, classes in seen.items():
            ((owner, _),) = classes.most_common(1)
            self.class_owners.setdefault((school, class_id), owner)

    def class_in_file(self, school_code: str, class_id: str) -> str:
        """The true class that the id names in the school's newest file."""
        school = self.school(school_code)
        files = self._newest_first(school)
        return next((file.classes[class_id] for file in files if class_id in file.classes), "")
