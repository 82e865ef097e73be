"""Members of cohorts and enrolments in courses: added and removed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from provisioning.apply.batches import (
    Judge,
    Outcomes,
    Step,
    done,
    gone_or_failed,
    judge_of,
    send,
    skipped,
)
from provisioning.apply.objects import Target
from provisioning.changes import Change, Kind, Outcome
from provisioning.moodle import MoodleRefused, MoodleUnavailable


@dataclass(frozen=True, slots=True)
class _Link:
    change: Change
    place: int
    """Moodle's number of the cohort or course."""
    user: int

    def step(self, **record: Any) -> Step:
        return Step(change=self.change, record=record)


def add_members(target: Target, changes: Sequence[Change]) -> Outcomes:
    """Add people to cohorts; somebody who is a member already stays one."""
    links, unready = _links(target, changes, Kind.COHORT)
    yield unready
    steps = [
        link.step(
            cohorttype={"type": "id", "value": link.place},
            usertype={"type": "id", "value": link.user},
        )
        for link in links
    ]
    yield from send(
        steps, target.moodle.add_cohort_members, target.lost, judge=_judge(target, links)
    )


def remove_members(target: Target, changes: Sequence[Change]) -> Outcomes:
    links, unready = _links(target, changes, Kind.COHORT)
    yield unready
    steps = [link.step(cohortid=link.place, userid=link.user) for link in links]
    yield from send(steps, target.moodle.delete_cohort_members, target.lost, judge=gone_or_failed)


def add_enrolments(target: Target, changes: Sequence[Change]) -> Outcomes:
    """Enrol people; the role is added beside those that the person has in the course."""
    links, unready = _links(target, changes, Kind.COURSE)
    yield unready
    steps = [
        link.step(roleid=_role_id(target, link), userid=link.user, courseid=link.place)
        for link in links
    ]
    yield from send(steps, target.moodle.enrol_users, target.lost, judge=_judge(target, links))


def remove_enrolments(target: Target, changes: Sequence[Change]) -> Outcomes:
    """Take roles in courses away. Moodle's unenrolment takes every role of the person in the
    course, so the people of the course are read first.

    A person who keeps another role loses only the one that the change names.
    """
    links, unready = _links(target, changes, Kind.COURSE)
    yield unready
    yield from _remove_enrolments(target, links)


def _remove_enrolments(target: Target, links: Sequence[_Link]) -> Outcomes:
    courses = sorted({link.place for link in links})
    try:
        held = target.moodle.roles_in_courses(courses)
    except (MoodleRefused, MoodleUnavailable) as error:
        if isinstance(error, MoodleUnavailable) and not target.lost.concern_records(error):
            raise
        if len(courses) == 1:
            if isinstance(error, MoodleUnavailable):
                target.lost.count()
            yield [gone_or_failed(link.change, error.code) for link in links]
            return
        # One of the courses is gone, or cannot be read: find out which.
        for course in courses:
            yield from _remove_enrolments(target, [link for link in links if link.place == course])
        return
    leaving = defaultdict(set)
    for link in links:
        leaving[link.place, link.user].add(_role_id(target, link))
    absent, whole, one_role = [], [], []
    for link in links:
        roles, role = held[link.place].get(link.user), _role_id(target, link)
        if roles is None:
            absent.append(done(link.change, code="already_gone"))
        elif roles - leaving[link.place, link.user]:
            where = {"contextlevel": "course", "instanceid": link.place}
            one_role.append(link.step(roleid=role, userid=link.user, **where))
        else:
            whole.append(link.step(userid=link.user, courseid=link.place))
    yield absent
    yield from send(whole, target.moodle.unenrol_users, target.lost, judge=gone_or_failed)
    yield from send(one_role, target.moodle.unassign_roles, target.lost, judge=gone_or_failed)


def _role_id(target: Target, link: _Link) -> int:
    return target.role_ids[(link.change.after or link.change.before)["role"]]


def _judge(target: Target, links: Sequence[_Link]) -> Judge:
    return judge_of(target, {link.change.key: link.user for link in links})


def _links(
    target: Target, changes: Sequence[Change], kind: Kind
) -> tuple[list[_Link], list[Outcome]]:
    """Return the changes whose person and place are both in Moodle, and the outcomes of the others.

    ``kind`` is COHORT for members and COURSE for enrolments.
    """
    ends = {change.key: change.after or change.before for change in changes}
    places = target.ids.get(kind, sorted({end[kind] for end in ends.values()}))
    users = target.ids.get(Kind.USER, sorted({end["person_id"] for end in ends.values()}))
    links, unready = [], []
    for change in changes:
        end = ends[change.key]
        place, user = places.get(end[kind]), users.get(end["person_id"])
        if place is None or user is None:
            unready.append(skipped(change))
        else:
            links.append(_Link(change, place, user))
    return links, unready
