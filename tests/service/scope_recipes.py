"""How each route is asked about one school: parts of the address, filters, forms.

Values name what a ``Place`` has: ``{school}``, ``{district}``, ``{number}`` and so on. A route
that is not here fails the walk.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from io import BytesIO
from itertools import product
from typing import Any

from werkzeug.datastructures import FileStorage
from werkzeug.routing import Rule

from service.reports import REPORTS
from service.reports.definition import Definition
from service.reports.export import FILES
from service.reports.question import Flag
from tests.service.scope_city import SATURDAY, SHARED_RUN, Place

Texts = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Recipe:
    """All values of ``fill`` by all ``queries`` (a GET) or ``forms`` (a POST)."""

    fill: Mapping[str, Sequence[str]] = field(default_factory=dict)
    _: KW_ONLY
    queries: Sequence[Texts] = ({},)
    forms: Sequence[Texts] = ({},)
    reads: bool = False
    """Its forms change nothing: they are asked by whoever may see the answer, too."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One request of the walk."""

    endpoint: str
    method: str
    address: str
    sent: Texts
    """The query of a GET, the form of a POST."""
    reads: bool

    @property
    def typed(self) -> str:
        """All that the asker said: a page may repeat it."""
        return " ".join((self.address, *self.sent.values())).lower()

    def __str__(self) -> str:
        return f"{self.method} {self.address} {dict(self.sent)}"

    def body(self) -> dict[str, Any]:
        """The form; a field ``@name`` is a file with this content."""
        return {
            name.removeprefix("@"): FileStorage(BytesIO(text.encode()), filename="file.csv")
            if name[0] == "@"
            else text
            for name, text in self.sent.items()
        }


PLAIN = Recipe()
RUN = Recipe({"load_id": ["{number}"]})
SEEN_RUN = ["{number}", str(SHARED_RUN)]
CLIENT = Recipe({"client_id": ["moodle", "{word}"]})
NUMBERED = Recipe({"number": ["{number}"]}, forms=[{"starts_on": "2026-12-01"}])
IMPORT = Recipe({"import_id": ["700001", "{number}"]}, forms=[{"digest": "0"}])
PUBLISHED = ["{number}", "{again}", "{around}"]
BY_LOGIN = Recipe(forms=[{"login": "{login}"}, {"login": " {login} "}], reads=True)
DAY = {"day": "2026-12-01"}
LOCKED_OUT = Recipe(queries=[DAY, {**DAY, "school": "{school}"}])
MATCH = {"platform": "Сферум", "label": "{label}", "code": "{school}"}
WEEK = {"platform": "Сферум", "day": f"{SATURDAY}"}

PERIOD = {"from": "2026-09-01", "to": "2026-10-02"}
FILTERS: Sequence[Texts] = (
    {"school": "{school}"},
    {"district": "{district}"},
    {"school": "{school}", "district": "{district}", "by": "school"},
    {"school": "{school}", "compare": "around"},
    {"search": "{word}"},
)


def _questions(report: Definition) -> list[Texts]:
    """Each level, each choice of an option, each comparison, each filter."""
    choices = [
        (option.name, choice)
        for option in report.options
        for choice in getattr(option, "choices", ("1",) if isinstance(option, Flag) else ())
    ]
    return [
        {},
        {"by": "никак"},
        *({**PERIOD, "by": level} for level in report.levels),
        *({name: value} for name, value in choices),
        {**PERIOD, "compare": "previous"},
        {"compare": "around", "live": "1"},
        *({**PERIOD, **each} for each in FILTERS),
    ]


CELLS = (
    ("{school}|all", "roll"),
    ("{school}|student", "active"),
    ("{school}", "active"),
    ("{district}", "roll"),
)
"""Lines and columns as reports name them."""

QUICK_FILES = [kind for kind in FILES if kind != "pdf"]

RECIPES: Mapping[str, Recipe | list[Recipe]] = {
    **dict.fromkeys((
        "_home", "_icon", "health.live", "health.ready", "console.home.index",
        "console.signin.sign_out", "console.clients.index", "console.clients.form",
        "console.clients.create", "console.systems.index", "console.systems.form",
        "console.systems.create", "console.registry.new", "console.registry_figures.weeks",
        "console.registry_figures.regional_totals", "console.registry_figures.add_total",
        "console.registry_figures.plan", "console.registry_figures.offer",
        "console.registry_imports.index", "console.reports.index", "console.reports.mail.form",
        "console.writing.form", "console.writing.pause", "console.writing.resume",
        "esia_diagnostics.index", "esia_diagnostics.close",
    ), PLAIN),
    **dict.fromkeys((
        "console.loads.plan", "console.loads.reject", "console.loads.apply", "console.loads.retry",
        "console.loads.stop", "console.loads.undo", "console.rehearsals.begin",
    ), RUN),
    **dict.fromkeys((
        "console.phases.move_phase", "console.phases.remove_phase",
        "console.phases.remove_exemption",
    ), NUMBERED),
    **dict.fromkeys((
        "console.clients.show", "console.clients.change", "console.clients.secret",
        "console.clients.disable", "console.clients.enable",
    ), CLIENT),
    **dict.fromkeys((
        "console.registry_imports.show", "console.registry_imports.apply",
        "console.registry_imports.reject",
    ), IMPORT),
    "static": Recipe({"filename": ["base.css"]}),
    "console.signin.form": Recipe(queries=[{}, {"next": "/console/slips?school={school}"}]),
    "console.signin.sign_in": Recipe(forms=[{"username": "оператор-{word}", "password": "x"}]),
    "console.uploads.form": Recipe(queries=[{"school": "{school}"}]),
    "console.uploads.receive": Recipe(forms=[{"school": "{school}", "@files": "<a/>"}]),
    "console.loads.index": Recipe(queries=[{}, {"status": "planned"}, {"status": "{word}"}]),
    "console.earlier_address": Recipe({"rest": ["{number}", "{number}/findings"]}),
    "console.loads.show": Recipe({"load_id": SEEN_RUN}),
    "console.loads.progress": Recipe({"load_id": SEEN_RUN}),
    "console.loads.approve": Recipe(
        {"load_id": ["{number}"]},
        forms=[{"digest": "0" * 64, "over_limits": "{school}", "then": "apply"}],
    ),
    "console.changes.index": Recipe(
        {"load_id": SEEN_RUN},
        queries=[{}, {"school": "{school}"}, {"kind": "user", "result": "open"}],
        forms=[{"text": "{name}"}, {"text": "{login}"}],
        reads=True,
    ),
    "console.findings.index": Recipe(
        {"load_id": SEEN_RUN}, queries=[{}, {"school": "{school}"}, {"severity": "warning"}]
    ),
    "console.questions.index": Recipe(
        queries=[{}, {"school": "{school}"}, {"state": "all"}, {"kind": "match", "state": "open"}]
    ),
    "console.questions.show": Recipe({"question_id": ["{number}"]}),
    "console.questions.answer": Recipe(
        {"question_id": ["{number}"]},
        forms=[{"choice": "different", "looked": "1", "alike": "1"},
               {"choice": "same 1", "looked": "1"}],
    ),
    "console.questions.undo": Recipe({"question_id": ["{number}"]}, forms=[{"looked": "1"}]),
    "console.adopting.index": Recipe(
        queries=[{}, {"school": "{school}"}, {"outcome": "question", "school": "{school}"}]
    ),
    "console.adopting.look": PLAIN,
    "console.adopting.say_yes": Recipe(forms=[{"digest": "0" * 64, "despite_questions": "1"}]),
    "console.adopting.show": Recipe({"number": ["{number}"]}),
    "console.adopting.answer": Recipe(
        {"number": ["{number}"]},
        forms=[{"choice": "different", "looked": "1"}, {"choice": "same 1", "looked": "1"}],
    ),
    "console.years.index": Recipe(queries=[{}, {"state": "not_loaded"}, {"year": "2027/2028"}]),
    "console.years.set_day": Recipe(
        forms=[
            {"year": "2027/2028", "turn_on": "2027-09-03", "school": "{school}"},
            {"year": "2027/2028", "turn_on": "2027-09-03", "district": "{district}"},
        ]
    ),
    "console.by_hand.index": PLAIN,
    "console.by_hand.add": Recipe(
        forms=[{
            "school": "{school}", "family_name": "Новичков", "given_name": "Новичок",
            "birth_date": "2012-05-01", "until": "2026-10-10", "class_id": "{class_id}",
        }]
    ),
    "console.slips.index": Recipe(queries=[{}, {"school": "{school}"}]),
    "console.slips.sheet": Recipe(
        queries=[{"school": "{school}"}, {"school": "{school}", "class": "{class_id}"}]
    ),
    "console.people.index": Recipe(queries=[{"login": "{login}"}]),
    "console.people.find": BY_LOGIN,
    "console.people.reset": Recipe(forms=[{"login": "{login}"}]),
    "console.separating.index": PLAIN,
    "console.separating.show": Recipe(
        forms=[{"login": "{login}"}, {"login": "{login}", "row": "{school}/{word}"}], reads=True
    ),
    "console.separating.split": Recipe(
        forms=[{"login": "{login}", "row": "{school}/{word}", "looked": "1"}]
    ),
    "console.drifts.index": Recipe(
        queries=[{}, {"school": "{school}"}, {"state": "kept"},
                 {"kind": "account_renamed", "school": "{school}"}]
    ),
    "console.drifts.answer": Recipe(
        forms=[
            {"answer": "keep", "drift": "{number}"},
            {"answer": "exclude", "drift": "{number}", "reason": "так"},
            {"answer": "repair", "drift": "{number}"},
            {"answer": "keep", "all": "1", "kind": "account_renamed", "school": "{school}"},
        ]
    ),
    "console.drifts.look": Recipe(forms=[{"school": "{school}"}]),
    "console.drifts.both_lists": Recipe(
        queries=[{}, {"school": "{school}"}, {"way": "on_no_roll"}, {"way": "strangers"}]
    ),
    "console.exclusions.index": Recipe(queries=[{}, {"ended": "1"}]),
    "console.exclusions.add": Recipe(
        forms=[
            {"what": "person", "pattern": "{login}", "reason": "так"},
            {"what": "class", "pattern": "{title}", "school": "{school}", "reason": "так"},
            {"what": "course", "pattern": "course:*", "school": "{school}", "reason": "так"},
        ]
    ),
    "console.exclusions.end": NUMBERED,
    "console.exclusions.hands": PLAIN,
    "console.exclusions.decide": Recipe(
        forms=[
            {"subject": "user", "key": "p-{word}", "field": "firstname", "answer": answer}
            for answer in ("source", "moodle")
        ]
    ),
    "console.phases.index": Recipe(queries=[{"school": "{school}"}]),
    "console.phases.set_phase": Recipe(
        forms=[
            {"phase": "both", "starts_on": "2026-12-02", **target}
            for target in (
                {"school": "{school}"},
                {"district": "{district}"},
                {"school": "{school}", "class": "{title}"},
                {"school": "{school}", "class": "{class_id}"},
                {"school": "{school}", "role": "student"},
            )
        ]
    ),
    "console.phases.add_exemption": Recipe(
        forms=[
            {"who": "all", "reason": "проверка", **target}
            for target in (
                {"login": "{login}"},
                {"school": "{school}", "class": "{title}"},
                {"district": "{district}", "role": "student"},
            )
        ]
    ),
    "console.phases.locked_out_page": LOCKED_OUT,
    "console.phases.locked_out_file": LOCKED_OUT,
    "console.links.index": Recipe(queries=[{"school": "{school}"}]),
    "console.links.history": Recipe(queries=[{"school": "{school}"}]),
    "console.links.show": Recipe({"request_id": ["{number}"]}),
    "console.links.grant": Recipe(
        {"request_id": ["{number}"]}, forms=[{"login": "{login}", "relink": "1", "reason": "так"}]
    ),
    "console.links.refuse": Recipe({"request_id": ["{number}"]}, forms=[{"answer": "нет"}]),
    "console.links.person": BY_LOGIN,
    "console.links.unlink": Recipe(
        forms=[{"login": "{login}", "link": str(n), "reason": "так"} for n in range(1, 6)]
    ),
    **{
        f"console.systems.{name}": Recipe({"mnemonic": ["{word}"]})
        for name in ("show", "change", "certificate", "faults", "disable", "enable", "key", "log",
                     "recording", "export")
    },
    "console.registry.index": Recipe(
        queries=[{}, {"district": "{district}"}, {"text": "{word}"}, {"text": "{school}"},
                 {"system": "other"}, {"state": "open"}],
    ),
    "console.registry.download": Recipe({"form": ["xlsx", "csv"]}),
    "console.registry.empty_file": Recipe(
        {"subject": ["schools", "platform", "totals", "milestones"], "form": ["xlsx", "csv"]}
    ),
    "console.registry.show": Recipe({"code": ["{school}"]}),
    "console.registry.change": Recipe(
        {"code": ["{school}"]},
        forms=[{"what": what, "into": "{school}"} for what in ("merge", "split", "close", "code")],
    ),
    "console.registry.edit": Recipe(
        {"code": ["{school}"]},
        forms=[{"source_system": "другая"}, {"source_system": ""},
               {"learners": "1", "counted_on": "01.10.2026", "count_source": "так"}],
    ),
    "console.registry.close": Recipe(
        {"code": ["{school}"]}, forms=[{"on": "2026-10-01", "merged_into": "{school}"}]
    ),
    "console.registry.add": Recipe(
        forms=[{"code": "{school}", "name": "так", "district": "{district}"}]
    ),
    "console.registry.rename_district": Recipe(forms=[{"old": "{district}", "name": "Новый"}]),
    "console.registry_figures.week": Recipe(
        queries=[WEEK, {**WEEK, "version": "1"}, {**WEEK, "version": "2"},
                 {**WEEK, "school": "{school}"}]
    ),
    "console.registry_figures.match": Recipe(
        forms=[MATCH, {**MATCH, "ignore": "1"}, {**MATCH, "label": "гранит-ничей"}]
    ),
    "console.registry_figures.save_step": Recipe(forms=[{"number": "1", "title": "так"}]),
    "console.registry_figures.mark_done": Recipe(forms=[{"number": "1"}]),
    "console.registry_figures.remove_step": Recipe(forms=[{"number": "1"}]),
    "console.registry_imports.receive": Recipe(forms=[{"subject": "schools", "@file": "код"}]),
    "console.reports.show": [
        *(Recipe({"name": [name]}, queries=_questions(each)) for name, each in REPORTS.items()),
        Recipe({"name": ["нет"]}),
    ],
    "console.reports.print_view": Recipe({"name": [*REPORTS]}, queries=[PERIOD, FILTERS[0]]),
    "console.reports.download": Recipe(
        {"name": [*REPORTS], "kind": QUICK_FILES}, queries=[PERIOD, *FILTERS[:2]]
    ),
    "console.reports.people": Recipe(
        {"name": [*REPORTS]},
        queries=[{**PERIOD, "row": row, "column": column} for row, column in CELLS],
    ),
    "console.reports.published.index": Recipe(queries=[{}, {"page": "2"}]),
    "console.reports.published.make": Recipe(
        forms=[
            {"name": "coverage", "reason": "так", **PERIOD, **target}
            for target in ({"school": "{school}"}, {"district": "{district}"},
                           {"school": "{school}", "compare": "around"})
        ]
    ),
    "console.reports.published.show": Recipe({"number": PUBLISHED}),
    "console.reports.published.download": Recipe({"number": PUBLISHED, "kind": QUICK_FILES}),
    "console.reports.mail.store": Recipe(forms=[{"email": "x@school.invalid", "wanted": "1"}]),
    "esia_diagnostics.open_log": Recipe(forms=[{"key": "{word}"}]),
}  # fmt: skip

FOR_PUPILS = Recipe(
    {"key": ["{word}"], "filename": ["sign-in.css"]},
    forms=[{"username": "{login}", "login": "{login}", "password": "x", "school": "{school}"}],
)
"""Of the routes of sign-in: they know no operators, so they are asked as anybody may ask."""


def requests_about(rule: Rule, place: Place) -> Iterator[Request]:
    """All requests to a route. Raises ``KeyError`` for a route without a recipe."""
    of_pupils = rule.endpoint.startswith(("auth.", "auth_"))
    found = FOR_PUPILS if of_pupils else RECIPES[rule.endpoint]
    for recipe in [found] if isinstance(found, Recipe) else found:
        yield from _requests(rule, recipe, place)


def _requests(rule: Rule, recipe: Recipe, place: Place) -> Iterator[Request]:
    names = sorted(rule.arguments)
    for values in product(*(recipe.fill[name] for name in names)):
        filled = dict(zip(names, (_say(text, place) for text in values), strict=True))
        # Built by hand: a converter would refuse what an address bar takes.
        address = re.sub(r"<(?:[^<>:]*:)?(\w+)>", lambda m, known=filled: known[m[1]], rule.rule)
        for method in sorted({"GET", "POST"} & (rule.methods or set())):
            for sent in recipe.queries if method == "GET" else recipe.forms:
                yield Request(
                    endpoint=rule.endpoint, method=method, address=address,
                    sent={name: _say(text, place) for name, text in sent.items()},
                    reads=method == "GET" or recipe.reads,
                )  # fmt: skip


def _say(text: str, place: Place) -> str:
    return text.format_map(place.values)
