"""An invented city of four schools in two districts, with unmistakable marks of each school.

No mark of one school occurs in the rows of another. Figures of the first school are below 60, of
its district below 200 and of the other district above; so are whatever sums hold them.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import insert, update
from sqlalchemy.orm import Session

from auth.linking.links import add_link
from auth.linking.models import Evidence
from auth.models import LoginEvent
from auth.signin.phases import Phase, Who
from service.access import Scope
from service.models import (
    AuditEntry,
    Drift,
    Exclusion,
    HeadCount,
    HeadCountGroup,
    ImportStatus,
    KnownUser,
    OperatorRole,
    OutgoingMail,
    OutsideEvent,
    PhaseExemption,
    PhaseRule,
    PlatformFigure,
    PlatformSchool,
    PlatformWeek,
    PortalLook,
    PublishedReport,
    ReferenceImport,
    RollAct,
    RollEvent,
    SchoolMembership,
    StickyField,
    StoredQuestion,
)
from service.reports import REPORTS
from service.reports.definition import ask
from service.reports.publishing import publish
from service.settings import ReportSettings
from tests.service.factories import (
    DEFAULTS,
    NOW,
    add,
    add_file,
    add_finding,
    add_known_person,
    add_load,
    add_operator,
    add_plan,
    add_request,
    add_school,
    make_user_change,
    put_on_roll,
    sign_in,
)

SATURDAY = date(2026, 9, 19)
"""Begins the week of the platform; everybody's sign-in is in the week after it."""

MADE_AT = NOW - timedelta(days=5)
CITY = Scope(actor="city", role=OperatorRole.CITY)
CITY_ONLY = ("гранит-ничей", "гранит-список", "гранит-письмо")
"""Marks of what concerns the whole city: an unmatched school, a file of data, a lost mail."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Place:
    """What can be asked about one school: the parts of addresses, filters and forms."""

    school: str
    district: str
    word: str
    """Part of every text about the school; its names hold it with a capital letter."""
    number: int
    """Of its rows in every table: run, request, rule, exemption, published report."""
    title: str
    """Of its only class."""
    login: str
    figures: tuple[int, ...]
    """Pupils, head count, users and messages of the platform, people in the load."""

    @property
    def values(self) -> dict[str, str]:
        """By the names that the recipes use."""
        return {
            "school": self.school, "district": self.district, "word": self.word,
            "name": self.word.capitalize(), "number": str(self.number), "title": self.title,
            "login": self.login, "class_id": f"c-{self.school}", "label": f"лицей {self.word}",
            "again": str(self.number + 100), "around": str(self.number + 200),
        }  # fmt: skip

    @property
    def marks(self) -> set[str]:
        """What nobody outside may read. Texts are compared in lower case."""
        values = self.values
        names = ("school", "word", "login", "title")
        return {values[name].lower() for name in names} | {f"№ {self.school[-4:]}"}


OWN = Place(
    school="77-9101", district="Алмазный", word="кварц", number=700_001, title="7Щ",
    login="7101p3311", figures=(11, 17, 19, 23, 13),
)  # fmt: skip
SISTER = Place(
    school="77-9202", district="Алмазный", word="берилл", number=700_002, title="8Ъ",
    login="7202p3322", figures=(137, 139, 141, 151, 131),
)  # fmt: skip
FAR = Place(
    school="77-9303", district="Берёзовый", word="топаз", number=700_003, title="9Ы",
    login="7303p3333", figures=(211, 251, 269, 277, 281),
)  # fmt: skip
FARTHER = Place(
    school="77-9404", district="Берёзовый", word="малахит", number=700_004, title="6Э",
    login="7404p3344", figures=(223, 263, 271, 283, 293),
)  # fmt: skip
PLACES = (OWN, SISTER, FAR, FARTHER)

ABSENT = Place(
    school="77-9909", district="Нигдевский", word="нечто", number=700_009, title="5Ъ",
    login="7909p3399", figures=(),
)  # fmt: skip
"""Nothing of the city has these values."""

IN_TWO_SCHOOLS = replace(OWN, login="7155p3355", number=700_401)
"""The own class has a pupil whose first school is ``FAR``, and who asks the own one."""
CAME_FROM_AFAR = replace(OWN, login="7166p3366")
"""The own class has a pupil who was linked while at ``FAR``."""

SHARED_PEOPLE = ("p-both", "p-came")


def fill_city(rows: Session) -> None:
    """Plant everything; operators are added by the test."""
    for place in PLACES:
        _add_place(rows, place)
    _add_shared(rows)
    _add_pupil_of_two_schools(rows)
    _add_pupil_who_came(rows)
    _add_pupil_who_left(rows)
    rows.flush()
    _publish(rows)


def _add_place(rows: Session, place: Place) -> None:
    pupils, learners, _users, _messages, people = place.figures
    name, operator = place.word.capitalize(), f"оператор-{place.word}"
    add_school(
        rows, place.school, district=place.district, number=place.school[-4:],
        name=f"Лицей «{name}»", short_name=f"Лицей «{name}» № {place.school[-4:]}",
        source_system=f"система-{place.word}", state_system=False, esia_plan_on=date(2026, 12, 1),
        last_applied_at=MADE_AT, last_exported_at=MADE_AT, registered_at=MADE_AT,
    )  # fmt: skip
    someone = {"family_name": f"{name}ова", "class_title": place.title}
    class_id = place.values["class_id"]
    add_known_person(
        rows, f"p-{place.word}", place.school, username=place.login, class_id=class_id,
        lastname=f"{name}ова", email=f"{place.word}@school.invalid", **someone,
    )  # fmt: skip
    add_known_person(rows, f"t-{place.word}", place.school, role="teacher", family_name=f"{name}ин")
    _add_pupils(rows, place, pupils - 1)
    load = add_load(rows, id=place.number, created_by=operator, folder=f"uploads/{place.word}")
    _add_load(rows, load, place, people)
    add(
        rows, HeadCount, school_code=place.school, group=HeadCountGroup.LEARNERS, people=learners,
        as_of=date(2026, 9, 1), source=f"письмо-{place.word}", recorded_at=MADE_AT,
        recorded_by=operator,
    )  # fmt: skip
    add_request(
        rows, place.school, id=place.number, subject=f"90{place.number}", asked_at=MADE_AT,
        family_name=f"{name}ов", given_name="Проба", snils="",
    )  # fmt: skip
    add_link(
        rows, provider="esia", subject=f"80{place.number}", person_id=f"p-{place.word}",
        school_code=place.school, evidence=Evidence.SCHOOL, actor=operator,
        reason=f"справка-{place.word}", now=MADE_AT,
    )  # fmt: skip
    _add_question(rows, place)
    made = {"id": place.number, "created_at": MADE_AT, "created_by": operator}
    where = {"school_code": place.school, "class_id": class_id}
    day = date(2026, 11, 1)
    add(rows, PhaseRule, phase=Phase.ESIA_ONLY, starts_on=day, **where, **made)
    add(rows, PhaseExemption, who=Who.ALL, reason=f"приказ-{place.word}", **where, **made)
    for act, role in ((RollAct.BEGUN, ""), (RollAct.JOINED, "student")):
        who = {"person_id": f"p-{place.word}" if role else "", "role": role}
        add(rows, RollEvent, at=MADE_AT, act=act, school_code=place.school, **who)
    _add_meddling(rows, place, operator)
    changed = {"changes": {"short_name": [f"было-{place.word}", f"стало-{place.word}"]}}
    act = {"action": "school.write", "school_code": place.school, "details": changed}
    add(rows, AuditEntry, at=MADE_AT, actor=operator, **act)


def _add_meddling(rows: Session, place: Place, operator: str) -> None:
    """What a look into Moodle found at the school, what is excluded there and what was kept."""
    name, number = place.word.capitalize(), place.number
    seen = {"found_at": MADE_AT, "seen_at": MADE_AT, "look_id": number}
    of_school: dict[str, Any] = {"school_code": place.school}
    add(rows, PortalLook, id=number, began_at=MADE_AT, ended_at=MADE_AT, actor=operator,
        **of_school)  # fmt: skip
    add(
        rows, Drift, id=number, kind="account_renamed", subject="user", key=f"p-{place.word}",
        person_id=f"p-{place.word}", field="lastname", ours=f"{name}ова",
        theirs=f"Правка-{place.word}", **seen, **of_school,
    )  # fmt: skip
    cohort = f"class:{place.school}:2026/2027:c-{place.school}"
    add(
        rows, Drift, id=number + 50_000, kind="member_added", subject="member",
        key=f"{cohort}|moodle:{number}", moodle_id=number, **seen, **of_school,
    )  # fmt: skip
    add(
        rows, Exclusion, id=number, what="class", pattern=cohort, reason=f"довод-{place.word}",
        made_by=operator, made_at=MADE_AT, **of_school,
    )  # fmt: skip
    add(
        rows, StickyField, subject="user", key=f"p-{place.word}", field="firstname",
        value=f"Рука-{place.word}", source_value="Проба", since=MADE_AT, kept_by=operator,
    )  # fmt: skip


def _add_question(rows: Session, place: Place) -> None:
    """Whether a row of the school is a human of the next one, of whom it may not read."""
    other = PLACES[(PLACES.index(place) + 2) % len(PLACES)]
    surname = {"code": "family_name.other", "speaks": "against", "ours": f"{place.word}ова"}
    said = {**surname, "theirs": f"{other.word}ова"}
    of_other = [{"school_code": other.school, "sourced_id": f"ряд-{other.word}"}]
    candidate = {"key": f"p-{other.word}", "memberships": of_other, "evidence": [said]}
    own = {"school_code": place.school, "sourced_id": f"ряд-{place.word}"}
    add(
        rows, StoredQuestion, id=place.number, kind="match", state="open",
        school_code=place.school, key=f"ряд-{place.word}", rows=json.dumps([own]),
        candidates=json.dumps([candidate]), pattern="same", asked_at=MADE_AT, changed_at=MADE_AT,
    )  # fmt: skip


def _add_pupils(rows: Session, place: Place, count: int) -> None:
    """Everybody of them signed in once, and in the portal before."""
    ids = [f"{place.word}-{number}" for number in range(count)]
    surname = f"{place.word.capitalize()}ов"
    at, where = MADE_AT - timedelta(hours=3), {"school_code": place.school}
    home = {"class_id": f"c-{place.school}", "class_title": place.title}
    names = {"firstname": "Проба", "lastname": surname, "family_name": surname}
    portal = {"source": "earlier_portal", "method": "password", "result": "allowed"}
    person = {"role": "student", **names, **where, **home}
    tables: dict[Any, list[dict[str, Any]]] = {
        KnownUser: [
            {"person_id": one, "moodle_id": place.number + n, "username": f"{place.login}{n}",
             "email": f"{one}@school.invalid", **person}
            for n, one in enumerate(ids)
        ],
        SchoolMembership: [{"person_id": one, **where, **home} for one in ids],
        LoginEvent: [
            {"at": at, "person_id": one, "class_title": place.title, **where} for one in ids
        ],
        OutsideEvent: [{"key": one, "at": at, "person_id": one, **portal, **where} for one in ids],
    }  # fmt: skip
    for table, values in tables.items():
        rows.execute(insert(table), [{**DEFAULTS.get(table, {}), **one} for one in values])


def _add_load(rows: Session, load: Any, place: Place, people: int) -> None:
    surname, file = f"{place.word.capitalize()}ова", f"выгрузка-{place.word}.xml"
    change = make_user_change(f"p-{place.word}", id=load.id + place.number)
    change.after |= {"lastname": surname, "username": place.login}
    change.after |= {"class_title": place.title, "department": place.title}
    add_plan(rows, load, place.school, [change], people=people, breaches=[])
    add_file(rows, load, place.school, name=file, records=people)
    found = {"field_name": "lastname", "value": surname, "person": surname, "file": file}
    add_finding(rows, load, school_code=place.school, **found)


SHARED_RUN = 700_500
"""Of the city, about all four schools."""


def _add_shared(rows: Session) -> None:
    load = add_load(rows, id=SHARED_RUN)
    week = add(rows, PlatformWeek, first_day=SATURDAY, mapping="sferum", imported_at=MADE_AT)
    schools = [(one.school, one.values["label"], *one.figures[2:4]) for one in PLACES]
    for place in PLACES:
        _add_load(rows, load, place, place.figures[4])
    for number, (code, label, users, messages) in enumerate(
        [*schools, (None, "гранит-ничей", 311, 313)]
    ):
        add(rows, PlatformSchool, platform="Сферум", label=label, school_code=code)
        add(
            rows, PlatformFigure, week_id=week.id, row=number, label=label, users=users,
            messages=messages, teachers=users, teachers_with_messages=users, registered=True,
            active=True,
        )  # fmt: skip
    add(
        rows, ReferenceImport, id=700_001, subject="schools", status=ImportStatus.PENDING,
        sha256="0" * 64, file_name="гранит-список.csv", created_at=MADE_AT, created_by="city",
    )  # fmt: skip
    add(
        rows, OutgoingMail, occasion="lost", recipient="nobody@school.invalid", body="",
        subject="гранит-письмо", created_at=MADE_AT, tries=9, problem="550",
    )  # fmt: skip


def _add_pupil_of_two_schools(rows: Session) -> None:
    person = add_known_person(
        rows, "p-both", FAR.school, username=IN_TWO_SCHOOLS.login, family_name="Дваждова",
        class_id=FAR.values["class_id"], class_title=FAR.title, institution=f"Лицей {FAR.word}",
    )  # fmt: skip
    put_on_roll(rows, person, OWN.school, class_id=OWN.values["class_id"], class_title=OWN.title)
    add_request(
        rows, OWN.school, id=IN_TWO_SCHOOLS.number, subject="60606060", asked_at=MADE_AT,
        family_name="Дваждова", birth_date=date(2012, 9, 3), snils="",
    )  # fmt: skip


def _add_pupil_who_left(rows: Session) -> None:
    """Is exempt at the own school, and a pupil of ``FAR`` by now."""
    who = {"school_code": OWN.school, "person_id": f"p-{FAR.word}"}
    add(rows, PhaseExemption, reason="болезнь", created_at=MADE_AT, **who)


def _add_pupil_who_came(rows: Session) -> None:
    add_known_person(
        rows, "p-came", OWN.school, username=CAME_FROM_AFAR.login, family_name="Пришлова",
        class_id=OWN.values["class_id"], class_title=OWN.title,
    )  # fmt: skip
    add_link(
        rows, provider="esia", subject="70707070", person_id="p-came", school_code=FAR.school,
        evidence=Evidence.SCHOOL, actor=f"оператор-{FAR.word}", reason=f"там-{FAR.word}",
        now=MADE_AT,
    )  # fmt: skip
    sign_in(rows, "p-came", MADE_AT, school_code=FAR.school, class_title=FAR.title)


def _publish(rows: Session) -> None:
    """Of each school alone, beside its surroundings and of its district; and of the city."""
    report, zone, settings = REPORTS["coverage"], ZoneInfo("Europe/Moscow"), ReportSettings()
    for place in PLACES:
        for number, question in (
            (place.number, {"school": place.school}),
            (place.number + 100, {"district": place.district, "by": "school"}),
            (place.number + 200, {"school": place.school, "compare": "around"}),
        ):
            given = question | {"from": "2026-09-01", "to": "2026-10-02"}
            asked = ask(rows, report, given, scope=CITY, zone=zone, now=NOW, settings=settings)
            made = publish(rows, report, asked, now=NOW, by="city", reason="проверка")
            of_it = PublishedReport.id == made.id
            rows.execute(update(PublishedReport).where(of_it).values(id=number))
            rows.expire_all()


def add_operators(rows: Session) -> None:
    """One of each kind; nobody has the names of the schools' own operators."""
    add_operator(rows, "city")
    add_operator(rows, "school", OperatorRole.SCHOOL, [OWN.school])
    add_operator(rows, "district", OperatorRole.DISTRICT, [OWN.district])
    add_operator(rows, "nowhere", OperatorRole.SCHOOL)
    add_operator(rows, "nodistrict", OperatorRole.DISTRICT)
    add_operator(rows, "gone", OperatorRole.CITY)
