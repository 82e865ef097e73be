"""How each route is asked about one school: parts of the address, filters, forms.

Values name what a ``Place`` has: ``{school}``, ``{district}``, ``{number}`` and so on. A route
that is not here fails the walk.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import product
from typing import Any

from werkzeug.datastructures import FileStorage
from werkzeug.routing import Rule

from service.reports import REPORTS
from service.reports.definition import Definition
from service.reports.files import FILES
from service.reports.question import Flag
from tests.service.scope_city import SATURDAY, SHARED_RUN, Place

Texts = Mapping[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Recipe:
    """All values of ``fill`` by all ``queries`` (a GET) or ``forms`` (a POST)."""

    fill: Mapping[str, Sequence[str]]
    queries: Sequence[Texts]
    forms: Sequence[Texts]
    reads: bool
    """Its forms change nothing: they are asked by whoever may see the answer, too."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """One request of the walk."""

    endpoint: str
    method: str
    address: str
    query: Texts
    form: Texts
    reads: bool

    @property
    def typed(self) -> str:
        """All that the asker said: a page may repeat it."""
        return " ".join((self.address, *self.query.values(), *self.form.values())).lower()

    def __str__(self) -> str:
        return f"{self.method} {self.address} {dict(self.query) or dict(self.form)}"

    def body(self) -> dict[str, Any]:
        """The form; a field ``@name`` is a file with this content."""
        return {
            name.removeprefix("@"): _file(text) if name[0] == "@" else text
            for name, text in self.form.items()
        }


def _file(text: str) -> FileStorage:
    return FileStorage(BytesIO(text.encode()), filename="file.csv")


def _recipe(
    fill: Mapping[str, Sequence[str]] | None = None,
    *,
    queries: Sequence[Texts] = ({},),
    forms: Sequence[Texts] = ({},),
    reads: bool = False,
) -> Recipe:
    return Recipe(fill=fill or {}, queries=queries, forms=forms, reads=reads)


PLAIN = _recipe()
RUN = _recipe({"load_id": ["{number}"]})
SEEN_RUN = ["{number}", str(SHARED_RUN)]
CLIENT = _recipe({"client_id": ["moodle", "{word}"]})
SYSTEM = _recipe({"mnemonic": ["{word}"]})
NUMBERED = _recipe({"number": ["{number}"]}, forms=[{"starts_on": "2026-12-01"}])
IMPORT = _recipe({"import_id": ["700001", "{number}"]}, forms=[{"digest": "0"}])
PUBLISHED = ["{number}", "{again}", "{around}"]
BY_LOGIN = _recipe(forms=[{"login": "{login}"}, {"login": " {login} "}], reads=True)
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
    "_home": PLAIN,
    "_icon": PLAIN,
    "static": _recipe({"filename": ["base.css"]}),
    "health.live": PLAIN,
    "health.ready": PLAIN,
    "console.home.index": PLAIN,
    "console.signin.form": _recipe(queries=[{}, {"next": "/console/slips?school={school}"}]),
    "console.signin.sign_in": _recipe(forms=[{"username": "оператор-{word}", "password": "x"}]),
    "console.signin.sign_out": PLAIN,
    "console.uploads.form": _recipe(queries=[{"school": "{school}"}]),
    "console.uploads.receive": _recipe(forms=[{"school": "{school}", "@files": "<a/>"}]),
    "console.loads.index": _recipe(queries=[{}, {"status": "planned"}, {"status": "{word}"}]),
    "console.earlier_address": _recipe({"rest": ["{number}", "{number}/findings"]}),
    "console.loads.show": _recipe({"load_id": SEEN_RUN}),
    "console.loads.progress": _recipe({"load_id": SEEN_RUN}),
    "console.loads.plan": RUN,
    "console.loads.approve": _recipe(
        {"load_id": ["{number}"]},
        forms=[{"digest": "0" * 64, "over_limits": "{school}", "then": "apply"}],
    ),
    "console.loads.reject": RUN,
    "console.loads.apply": RUN,
    "console.loads.retry": RUN,
    "console.loads.stop": RUN,
    "console.changes.index": _recipe(
        {"load_id": SEEN_RUN},
        queries=[{}, {"school": "{school}"}, {"kind": "user", "result": "open"}],
        forms=[{"text": "{name}"}, {"text": "{login}"}],
        reads=True,
    ),
    "console.findings.index": _recipe(
        {"load_id": SEEN_RUN}, queries=[{}, {"school": "{school}"}, {"severity": "warning"}]
    ),
    "console.slips.index": _recipe(queries=[{}, {"school": "{school}"}]),
    "console.slips.sheet": _recipe(
        queries=[{"school": "{school}"}, {"school": "{school}", "class": "{class_id}"}]
    ),
    "console.people.index": _recipe(queries=[{"login": "{login}"}]),
    "console.people.find": BY_LOGIN,
    "console.people.reset": _recipe(forms=[{"login": "{login}"}]),
    "console.phases.index": _recipe(queries=[{"school": "{school}"}]),
    "console.phases.set_phase": _recipe(
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
    "console.phases.move_phase": NUMBERED,
    "console.phases.remove_phase": NUMBERED,
    "console.phases.add_exemption": _recipe(
        forms=[
            {"who": "all", "reason": "проверка", **target}
            for target in (
                {"login": "{login}"},
                {"school": "{school}", "class": "{title}"},
                {"district": "{district}", "role": "student"},
            )
        ]
    ),
    "console.phases.remove_exemption": NUMBERED,
    "console.phases.locked_out_page": _recipe(
        queries=[{"day": "2026-12-01"}, {"day": "2026-12-01", "school": "{school}"}]
    ),
    "console.phases.locked_out_file": _recipe(
        queries=[{"day": "2026-12-01"}, {"day": "2026-12-01", "school": "{school}"}]
    ),
    "console.links.index": _recipe(queries=[{"school": "{school}"}]),
    "console.links.history": _recipe(queries=[{"school": "{school}"}]),
    "console.links.show": _recipe({"request_id": ["{number}"]}),
    "console.links.grant": _recipe(
        {"request_id": ["{number}"]}, forms=[{"login": "{login}", "relink": "1", "reason": "так"}]
    ),
    "console.links.refuse": _recipe({"request_id": ["{number}"]}, forms=[{"answer": "нет"}]),
    "console.links.person": BY_LOGIN,
    "console.links.unlink": _recipe(
        forms=[{"login": "{login}", "link": str(n), "reason": "так"} for n in range(1, 6)]
    ),
    "console.clients.index": PLAIN,
    "console.clients.form": PLAIN,
    "console.clients.create": PLAIN,
    "console.clients.show": CLIENT,
    "console.clients.change": CLIENT,
    "console.clients.secret": CLIENT,
    "console.clients.disable": CLIENT,
    "console.clients.enable": CLIENT,
    "console.systems.index": PLAIN,
    "console.systems.form": PLAIN,
    "console.systems.create": PLAIN,
    **{
        f"console.systems.{name}": SYSTEM
        for name in ("show", "change", "certificate", "faults", "disable", "enable", "key", "log",
                     "recording", "export")
    },
    "console.registry.index": _recipe(
        queries=[{}, {"district": "{district}"}, {"text": "{word}"}, {"text": "{school}"},
                 {"system": "other"}, {"state": "open"}],
    ),
    "console.registry.download": _recipe({"form": ["xlsx", "csv"]}),
    "console.registry.empty_file": _recipe(
        {"subject": ["schools", "platform", "totals", "milestones"], "form": ["xlsx", "csv"]}
    ),
    "console.registry.show": _recipe({"code": ["{school}"]}),
    "console.registry.edit": _recipe(
        {"code": ["{school}"]},
        forms=[{"source_system": "другая"}, {"source_system": ""},
               {"learners": "1", "counted_on": "01.10.2026", "count_source": "так"}],
    ),
    "console.registry.close": _recipe(
        {"code": ["{school}"]}, forms=[{"on": "2026-10-01", "merged_into": "{school}"}]
    ),
    "console.registry.new": PLAIN,
    "console.registry.add": _recipe(
        forms=[{"code": "{school}", "name": "так", "district": "{district}"}]
    ),
    "console.registry.rename_district": _recipe(forms=[{"old": "{district}", "name": "Новый"}]),
    "console.registry_figures.weeks": PLAIN,
    "console.registry_figures.week": _recipe(
        queries=[WEEK, {**WEEK, "version": "1"}, {**WEEK, "version": "2"},
                 {**WEEK, "school": "{school}"}]
    ),
    "console.registry_figures.match": _recipe(
        forms=[MATCH, {**MATCH, "ignore": "1"}, {**MATCH, "label": "гранит-ничей"}]
    ),
    "console.registry_figures.regional_totals": PLAIN,
    "console.registry_figures.add_total": PLAIN,
    "console.registry_figures.plan": PLAIN,
    "console.registry_figures.save_step": _recipe(forms=[{"number": "1", "title": "так"}]),
    "console.registry_figures.mark_done": _recipe(forms=[{"number": "1"}]),
    "console.registry_figures.remove_step": _recipe(forms=[{"number": "1"}]),
    "console.registry_figures.offer": PLAIN,
    "console.registry_imports.index": PLAIN,
    "console.registry_imports.receive": _recipe(forms=[{"subject": "schools", "@file": "код"}]),
    "console.registry_imports.show": IMPORT,
    "console.registry_imports.apply": IMPORT,
    "console.registry_imports.reject": IMPORT,
    "console.reports.index": PLAIN,
    "console.reports.show": [
        *(_recipe({"name": [name]}, queries=_questions(each)) for name, each in REPORTS.items()),
        _recipe({"name": ["нет"]}),
    ],
    "console.reports.print_view": _recipe({"name": [*REPORTS]}, queries=[PERIOD, FILTERS[0]]),
    "console.reports.download": _recipe(
        {"name": [*REPORTS], "kind": QUICK_FILES}, queries=[PERIOD, *FILTERS[:2]]
    ),
    "console.reports.people": _recipe(
        {"name": [*REPORTS]},
        queries=[
            {**PERIOD, "row": row, "column": column}
            for row, column in CELLS
        ],
    ),
    "console.reports.published.index": _recipe(queries=[{}, {"page": "2"}]),
    "console.reports.published.make": _recipe(
        forms=[
            {"name": "coverage", "reason": "так", **PERIOD, **target}
            for target in ({"school": "{school}"}, {"district": "{district}"},
                           {"school": "{school}", "compare": "around"})
        ]
    ),
    "console.reports.published.show": _recipe({"number": PUBLISHED}),
    "console.reports.published.download": _recipe({"number": PUBLISHED, "kind": QUICK_FILES}),
    "console.reports.mail.form": PLAIN,
    "console.reports.mail.store": _recipe(forms=[{"email": "x@school.invalid", "wanted": "1"}]),
    "esia_diagnostics.index": PLAIN,
    "esia_diagnostics.open_log": _recipe(forms=[{"key": "{word}"}]),
    "esia_diagnostics.close": PLAIN,
}  # fmt: skip

FOR_PUPILS = _recipe(
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
        filled = {name: _say(text, place) for name, text in zip(names, values, strict=True)}
        address = _address(rule, filled)
        for method in sorted({"GET", "POST"} & (rule.methods or set())):
            for sent in recipe.queries if method == "GET" else recipe.forms:
                said = {name: _say(text, place) for name, text in sent.items()}
                yield Request(
                    endpoint=rule.endpoint,
                    method=method,
                    address=address,
                    query=said if method == "GET" else {},
                    form=said if method == "POST" else {},
                    reads=method == "GET" or recipe.reads,
                )


def _say(text: str, place: Place) -> str:
    return text.format_map(place.values)


def _address(rule: Rule, values: Mapping[str, str]) -> str:
    """Built by hand: a converter would refuse what an address bar takes."""
    return re.sub(r"<(?:[^<>:]*:)?(\w+)>", lambda found: values[found[1]], rule.rule)
