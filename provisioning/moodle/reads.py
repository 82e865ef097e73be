"""The reading calls that only a look into Moodle makes, as a base of ``MoodleClient``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from provisioning.moodle.functions import Function

Record = Mapping[str, Any]

MOST_COHORTS = 10_000
"""Of one search."""

SITE_COURSE_ID = 1
"""The front page of Moodle, which is a course that everybody is in."""
COHORTS_A_PAGE = 1_000


class Reads:
    """What Moodle has beside what carries our idnumbers. Methods raise the family in
    ``errors.py``."""

    def cohort_members(self, cohort_ids: Sequence[int]) -> dict[int, frozenset[int]]:
        """Cohort id -> ids of its members. ``MoodleRefused`` when one of the cohorts is gone."""
        rows = self._call(Function.GET_COHORT_MEMBERS, {"cohortids": cohort_ids})
        return {int(row["cohortid"]): frozenset(row["userids"]) for row in rows}

    def cohorts_from(self, start: int) -> list[Record]:
        """Return the next cohorts of the whole site; an empty list at the end."""
        (answer,) = self._read_each(
            Function.SEARCH_COHORTS,
            [cohort_query("") | {"limitfrom": start, "limitnum": COHORTS_A_PAGE}],
        )
        rows: list[Record] = answer["cohorts"]
        return rows

    def with_capability(self, capability: str) -> set[int]:
        """Return the accounts that have a right over the whole site by a role.

        Site administrators are not among them: they have every right without a role. It takes
        ``moodle/site:viewparticipants`` and ``moodle/role:review`` (docs/adopting.md); raises
        ``MoodleMisconfigured`` or ``MoodleRefused`` without them.
        """
        rows: list[Record] = self._call(
            Function.GET_ENROLLED_USERS,
            {
                "courseid": SITE_COURSE_ID,
                "options": [
                    {"name": "withcapability", "value": capability},
                    {"name": "userfields", "value": "id"},
                ],
            },
        )
        return {int(row["id"]) for row in rows}

    def cohorts_among(self, idnumbers: Sequence[str]) -> list[Record]:
        """Return the cohorts with these idnumbers.

        Those that begin alike up to the last colon are found by one search: each search goes
        through all cohorts of the site.
        """
        alike: dict[str, list[str]] = {}
        for idnumber in idnumbers:
            alike.setdefault(idnumber.rpartition(":")[0], []).append(idnumber)
        several = [f"{begin}:" for begin, those in alike.items() if begin and len(those) > 1]
        wanted = set(idnumbers)
        found: dict[int, Record] = {}
        alone = {
            one for begin, those in alike.items() if f"{begin}:" not in several for one in those
        }
        answers = self._read_each(Function.SEARCH_COHORTS, [cohort_query(one) for one in several])
        for begin, answer in zip(several, answers, strict=True):
            if len(answer["cohorts"]) >= MOST_COHORTS:
                alone |= {one for one in wanted if one.startswith(begin)}
            found |= {row["id"]: row for row in answer["cohorts"] if row["idnumber"] in wanted}
        queries = [cohort_query(one) for one in sorted(alone)]
        for answer in self._read_each(Function.SEARCH_COHORTS, queries):
            found |= {row["id"]: row for row in answer["cohorts"] if row["idnumber"] in wanted}
        return list(found.values())

    def cohorts_by_name(self, names: Sequence[str]) -> list[Record]:
        """Return the cohorts that have exactly these names."""
        wanted = set(names)
        found: dict[int, Record] = {}
        for answer in self._read_each(
            Function.SEARCH_COHORTS, [cohort_query(name) for name in names]
        ):
            found |= {row["id"]: row for row in answer["cohorts"] if row["name"] in wanted}
        return list(found.values())

    def categories_by_id(self, numbers: Sequence[int]) -> list[Record]:
        criteria = [{"key": "ids", "value": _joined(numbers)}]
        rows: list[Record] = self._call(
            Function.GET_CATEGORIES, {"criteria": criteria, "addsubcategories": 0}
        )
        return rows

    def categories_below(self, parents: Sequence[int]) -> list[Record]:
        """Return the categories right below these."""
        answers = self._read_each(
            Function.GET_CATEGORIES,
            [
                {"criteria": [{"key": "parent", "value": parent}], "addsubcategories": 0}
                for parent in parents
            ],
        )
        return [row for rows in answers for row in rows]

    def courses_by_id(self, numbers: Sequence[int]) -> list[Record]:
        """Return courses; hidden ones are left out without a word where we may not see them.

        One by one: asked for several, a real Moodle fails whole for one that is not there
        (docs/facts/moodle.md 5.12).
        """
        answers = self._read_each(
            Function.GET_COURSES_BY_FIELD,
            [{"field": "id", "value": str(number)} for number in numbers],
        )
        return [row for answer in answers for row in answer["courses"]]

    def courses_in(self, category: int) -> list[Record]:
        """Return the courses of one category, not of those below it."""
        answer = self._call(
            Function.GET_COURSES_BY_FIELD, {"field": "category", "value": str(category)}
        )
        rows: list[Record] = answer["courses"]
        return rows

    def _call(self, function: Function, arguments: Mapping[str, Any]) -> Any:
        raise NotImplementedError

    def _read_each(self, function: Function, arguments: Sequence[Mapping[str, Any]]) -> list[Any]:
        raise NotImplementedError


def cohort_query(text: str) -> dict[str, Any]:
    """Return the arguments that search all cohorts for a part of their name or idnumber."""
    return {
        "query": text,
        "context": {"contextlevel": "system", "instanceid": 0},
        "includes": "all",
        "limitfrom": 0,
        "limitnum": MOST_COHORTS,
    }


def _joined(numbers: Sequence[int]) -> str:
    return ",".join(map(str, numbers))
