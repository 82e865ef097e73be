"""Plan a received load: read its files school by school, decide, store plans and findings."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from sqlalchemy.orm import Session

from provisioning.desired import DesiredRules, desired_state, desired_users
from provisioning.findings import Finding, Severity
from provisioning.formats import LayoutError, SchoolFiles, SchoolReading, read_school, scan
from provisioning.matching import Matching
from provisioning.moodle import MoodleError
from provisioning.plan import make_plan
from provisioning.questions import Question
from provisioning.roll import Roll, next_roll
from provisioning.roster import Roster
from provisioning.several_schools import Elsewhere
from provisioning.taken_back import accounts_as_before, names_as_before, places_as_before
from provisioning.validation import validate
from service import audit
from service.application import Application
from service.audit import AuditAction
from service.db import again_if_crossed, copied, transaction
from service.loads import (
    asking,
    claims,
    class_answers,
    class_keys,
    due,
    foreign_accounts,
    known_state,
    operations,
    places_in_doubt,
    replanning,
    rosters,
    school_codes,
    second_accounts,
    taken_back,
    undo_planning,
    undo_settling,
    usual,
    years,
    years_ahead,
)
from service.loads.circumstances import circumstances
from service.loads.earlier_loads import compare_with_earlier
from service.loads.identities import recognise, usernames
from service.loads.left_alone import Hands
from service.loads.old_places import old_places
from service.loads.other_rolls import OtherRolls
from service.loads.plan_storing import (
    forget,
    store_class_teachers,
    store_files,
    store_findings,
    store_plan,
    store_roll,
    store_school,
)
from service.loads.replanning import KeptSchool
from service.models import (
    Load,
    LoadCause,
    LoadStatus,
    PlanStatus,
    School,
    SchoolPlan,
)
from service.registry.loads import about_school, as_registered

_WITHOUT_ROWS = {
    LoadCause.DUE: due.plan_all,
    LoadCause.UNDO: undo_planning.plan_all,
    LoadCause.YEAR_AHEAD: years_ahead.plan_all,
}
"""What plans a load that is made from no rows of people."""

log = logging.getLogger(__name__)


def plan_load(application: Application, load_id: int) -> None:
    """Read and plan a load; ends as *planned* or *rejected*. Running it twice is harmless."""
    with transaction(application.sessions) as session:
        load = session.get_one(Load, load_id)
        if load.status != LoadStatus.RECEIVED or not claims.take(
            session, load, application.clock(), {LoadStatus.RECEIVED}
        ):
            return
        load.problem, load.go_on_at = "", None
        forget(session, load_id)
    try:
        if plan_all := _WITHOUT_ROWS.get(load.cause):
            plan_all(application, load)
        else:
            _Planning(application, load).plan_all()
        _end(application, load_id)
    except claims.ClaimLost:
        log.warning("load was taken over", extra={"load": load_id})
    except MoodleError as error:  # of an undoing, which settles what is in doubt
        log.warning("load cannot be planned now", extra={"load": load_id})
        undo_settling.put_off(application, load_id, error)
    except LayoutError as error:
        log.warning("a file of layouts cannot be used", extra={"load": load_id})
        _end(application, load_id, problem=f"layout: {error}")
    except Exception:
        _end(application, load_id, problem="internal")
        raise


def _end(application: Application, load_id: int, *, problem: str = "") -> None:
    now = application.clock()
    with transaction(application.sessions) as session:
        if problem:
            # The plans first, then the load, as a decision about them locks both.
            forget(session, load_id)
        claims.renew(session, load_id, now)
        load = session.get_one(Load, load_id)
        usable = any(plan.status in (PlanStatus.PLANNED, PlanStatus.PENDING) for plan in load.plans)
        if load.status == LoadStatus.RECEIVED:  # else somebody has rejected it meanwhile
            load.status = LoadStatus.PLANNED if usable else LoadStatus.REJECTED
        load.planned_at, load.problem = now, problem[:1000]
        claims.release(load)
        status, schools = load.status.value, len(load.plans)
        audit.record(
            session, AuditAction.LOAD_PLAN, at=now, actor=audit.WORKER, load_id=load_id,
            status=status, schools=schools,
        )  # fmt: skip
    log.info("load planned", extra={"load": load_id, "status": status, "schools": schools})


class _Planning:
    """The planning of one load, one school in memory at a time."""

    def __init__(self, application: Application, load: Load) -> None:
        self._application = application
        self._load = load
        self._settings = application.settings
        self._today = application.clock().astimezone(application.zone).date()
        self._rules = copied(DesiredRules, self._settings)
        self._assumed: dict[str, Elsewhere] = {}
        """What each school's plan took for the rolls of the others."""
        self._known_codes: dict[str, str] = {}
        """School code of the files -> code that we know the school by."""
        self._upload: frozenset[str] = frozenset()
        """The school codes of the whole upload."""

    def plan_all(self) -> None:
        """Plan every school; those whose people turned up in, or left, another one twice."""
        if self._load.cause in (LoadCause.ROWS, LoadCause.YEAR):
            self._plan_schools(replanning.kept_schools(self._load))
            return
        found = scan(
            sorted((self._settings.home / self._load.folder).iterdir()),
            limits=self._settings.reading.limits,
            layout_folders=self._settings.reading.layout_dirs,
            school_code=self._load.expected_school,
            came_at=self._load.created_at,
        )
        only = self._load.only_schools
        with self._application.sessions() as session:
            schools = school_codes.by_known_code(session, found.schools)
            self._upload = frozenset(school.school_code for school in schools)
            if only is not None:
                schools = [one for one in schools if school_codes.names_one_of(one, only)]
        self._plan_schools(schools)
        # Last, because planning a school forgets every finding about it.
        if only is None:
            with transaction(self._application.sessions) as session:
                store_findings(session, self._load.id, found.findings)

    def _plan_schools(self, schools: Sequence[SchoolFiles | KeptSchool]) -> None:
        named = frozenset(school.school_code for school in schools)
        self._upload |= named
        with self._application.sessions() as session:
            codes = school_codes.possible_codes(session, named)
            self._others = OtherRolls(session, self._load.id, codes, self._today)
        for school in schools:
            again_if_crossed(partial(self._plan_school, school))
        for school in schools:
            if self._sees_others_differently(self._known_codes[school.school_code]):
                again_if_crossed(partial(self._plan_school, school))

    def _sees_others_differently(self, school_code: str) -> bool:
        assumed = self._assumed.get(school_code)
        return assumed is not None and assumed != self._others.elsewhere(school_code)

    def _plan_school(self, files: SchoolFiles | KeptSchool) -> None:
        """Read, match, compare with what is known; then the plan is stored whole or not at all.

        A school may have 100,000 people: what is not needed any more is given up on the way.
        """
        reading, roster, findings, questions = self._read(files)
        now = self._application.clock()
        code = self._known_codes[files.school_code]
        if roster is not None and not _is_fatal(findings):
            roster, found = recognise(self._application.sessions, roster, self._settings, now)
            findings += found.findings
            questions += found.questions
            with self._application.sessions() as session:
                recognised = class_keys.with_known_classes(
                    session, roster, found, self._settings.naming
                )
            told, roster = roster, recognised.roster
            findings += recognised.findings
            questions += recognised.questions
        with transaction(self._application.sessions) as session:
            for one in {files.school_code, code}:
                forget(session, self._load.id, one)
            store_files(session, self._load.id, reading.files)
            planned = None if _is_fatal(findings) else roster
            if roster is None or planned is None:
                blocked = self._store_blocked(session, code, roster)
                if blocked and questions:
                    self._keep_rows(session, blocked, files, reading)
            else:
                school = store_school(session, roster)
                stored, roll = self._begin_plan(session, school, roster, found)
                del found
                stored.figures = usual.figures_of(told, roll, findings)
                stored.unusual = usual.what_is_unusual(session, school, stored.figures)
                class_keys.store(session, stored.id, told, recognised.matches)
                del told
                waits_until = years.waiting_day(session, self._application, roster, self._today)
                if waits_until is None:
                    replanning.take_the_place_of_others(session, self._load, stored)
                self._keep_rows(session, stored, files, reading)
                known = known_state.known_state(session, school.code)
                hands = Hands(session, self._settings, known)
                new = (one for one in roll.present.values() if one not in known.users)
                elsewhere = self._assumed[school.code]
                users = desired_users(
                    roster, roll, hands.told, usernames=usernames(session, new),
                    elsewhere=elsewhere, rules=self._rules, today=self._today,
                    turns=years.is_turning(session, school.code, roster.school_year),
                )  # fmt: skip
                before = taken_back.before(session, school.code, known.users)
                users = accounts_as_before(users, hands.told.users, roll, elsewhere, before)
                old = old_places(
                    session, school, roster, roll, load_id=self._load.id,
                    candidates=self._others.of_several(school.code), elsewhere=elsewhere,
                    settings=self._settings.matching,
                )  # fmt: skip
                questions += old.questions
                questions += places_in_doubt.questions(session, roster, roll, elsewhere)
                findings += second_accounts.told(session, roster, roll, elsewhere)
                roster = replace(roster, persons={})
                desired = desired_state(roster, roll, hands.told, users, rules=self._rules)
                desired = places_as_before(desired, roll, before)
                renamed = class_answers.names_before(session, school.code)
                desired = names_as_before(desired, hands.told, renamed)
                known = replace(
                    known,
                    members=known.members | old.members,
                    enrolments=known.enrolments | old.enrolments,
                )
                known, desired = hands.respected(stored, known, desired)
                findings += hands.asked(stored, desired)
                about = circumstances(roster, roll, known, elsewhere, stored, self._rules)
                accounts = foreign_accounts.for_plan(session, desired.users)
                plan = make_plan(known, desired, self._settings.limits, about, accounts)
                store_plan(session, stored, plan)
                store_class_teachers(session, stored, roster, roll)
                if waits_until is not None:
                    # What counts now stays as it is: other rolls, and what is asked about it.
                    years.keep_waiting(session, stored, waits_until)
                    planned = None
                else:
                    self._others.planned(school, roll.after, roster.exported_at)
                    if self._load.cause == LoadCause.YEAR:
                        years.follow_the_yes(session, stored)
            store_findings(session, self._load.id, findings)
            asking.keep_questions(session, self._load.id, questions, now, roster=planned)
            claims.renew(session, self._load.id, self._application.clock())

    def _read(
        self, files: SchoolFiles | KeptSchool
    ) -> tuple[SchoolReading, Roster | None, list[Finding], list[Question]]:
        """Return what was read, the checked roster, all that is wrong with it, what is asked."""
        reading = self._reading(files)
        findings = list(reading.findings)
        self._known_codes[files.school_code] = files.school_code
        with self._application.sessions() as session:
            now = self._application.clock()
            if reading.roster is None:
                findings += compare_with_earlier(session, files.school_code, reading.files, now)
                return reading, None, findings, []
            roster, about_code, questions = school_codes.under_known_code(
                session, reading.roster, asking.decided(session, reading.roster.school.code),
                self._upload, self._today,
            )  # fmt: skip
            if isinstance(files, KeptSchool) and school_codes.lets_all_go(
                session, reading.roster, is_asked=bool(questions)
            ):
                roster, about_code = school_codes.of_nobody(reading.roster)
            code = self._known_codes[files.school_code] = roster.school.code
            if school_codes.is_handed_over(about_code):  # its rows are kept as the successor's
                reading = replace(reading, roster=roster)
            read = tuple(replace(one, school_code=code) for one in reading.files)
            findings = [replace(one, school_code=code) for one in findings] + about_code
            findings += compare_with_earlier(session, code, read, now)
            findings += self._outside_scope(session, roster)
            if self._load.expected_school not in {"", code}:
                about = {"expected": self._load.expected_school}
                findings.append(about_school(roster, "school.wrong", "school_code", code, **about))
            findings += years.about_last_year(session, roster)
            roster, more = validate(roster, self._today)
            roster, differences = as_registered(session, roster)
        return replace(reading, files=read), roster, findings + more + differences, questions

    def _reading(self, files: SchoolFiles | KeptSchool) -> SchoolReading:
        expected = self._load.expected_school or None
        with self._application.sessions() as session:
            if isinstance(files, KeptSchool):
                return files.read(session)
            if expected and school_codes.may_be(session, files.school_code, expected):
                expected = None  # its people will tell
        return read_school(
            files,
            limits=self._settings.reading.limits,
            today=self._today,
            expected_school=expected,
            years=self._settings.years,
        )

    def _keep_rows(
        self,
        session: Session,
        plan: SchoolPlan,
        files: SchoolFiles | KeptSchool,
        reading: SchoolReading,
    ) -> None:
        """Keep what was read, as it was read: who plans it again decides anew."""
        if reading.roster is not None:
            rows = rosters.KeptRows(
                roster=reading.roster,
                findings=reading.findings,
                told_code=replanning.told_code(files, plan.school_code),
            )
            rosters.keep_roster(session, plan, rows, self._application.clock())

    def _outside_scope(self, session: Session, roster: Roster) -> list[Finding]:
        """Refuse a school of others. The registry's district counts, if the school is known."""
        code, told = roster.school.code, roster.school.district
        school = session.get(School, code) or School(code=code, district=told)
        if operations.scope_of(self._load).sees(school):
            return []
        return [about_school(roster, "school.outside_scope", "school_code", code)]

    def _store_blocked(
        self, session: Session, school_code: str, roster: Roster | None
    ) -> SchoolPlan | None:
        """Store that a file is refused; a school that is not known yet is not made from it."""
        if session.get(School, school_code) is None:
            return None
        plan = SchoolPlan(
            load_id=self._load.id, school_code=school_code, status=PlanStatus.BLOCKED,
            school_year=roster.school_year if roster else "",
            exported_at=roster.exported_at if roster else None,
        )  # fmt: skip
        session.add(plan)
        session.flush()
        return plan

    def _begin_plan(
        self, session: Session, school: School, roster: Roster, found: Matching
    ) -> tuple[SchoolPlan, Roll]:
        """Store the roll after this file, under a plan that says nothing else yet."""
        before = known_state.roll_before(session, school.code)
        roll = next_roll(roster, found, before, today=self._today)
        newcomers = (one.person_id for one in found.matches.values() if one.how.was_known)
        self._others.recognised(session, school.code, newcomers)
        self._assumed[school.code] = self._others.elsewhere(school.code)
        decided = asking.decided(session, school.code)
        doubted = places_in_doubt.in_doubt(roll, found, decided)
        roll = places_in_doubt.with_doubts(roll, doubted)
        stored = SchoolPlan(
            load_id=self._load.id,
            school_code=school.code,
            status=PlanStatus.PLANNED,
            known_version=school.known_version,
            school_year=roster.school_year,
            exported_at=roster.exported_at,
            people=len(found.matches) - len(found.second_rows),
            set_aside=len(roster.set_aside) + len(roster.persons) - len(found.matches),
        )
        session.add(stored)
        session.flush()
        store_roll(session, stored, roster, roll)
        return stored, roll


def _is_fatal(findings: Sequence[Finding]) -> bool:
    return any(finding.severity == Severity.FATAL for finding in findings)
