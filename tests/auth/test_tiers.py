"""The rooms of auth import downwards only: a table of who may know whom, without circles."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

AUTH = Path(__file__).parents[2] / "auth"

TIERS = (
    {"cookies", "directory", "models", "outside", "texts"},
    {"clients"},
    {"settings"},
    {"signin"},
    {"events"},
    {"oidc"},
    {"pages"},
    {"esia", "linking"},
    {"expiry", "failures", "upstream"},
    {"portal", "tables"},
    {"auth"},
)
"""The files and folders of ``auth``; ``auth`` itself puts them together. One that shares a tier
with another does not know it."""

TIER = {room: number for number, tier in enumerate(TIERS) for room in tier}


def room_of(module: str) -> str:
    """The room of a module of ours by its full name; a name of the package itself is ``auth``."""
    second = module.split(".")[1:2]
    return second[0] if second and second[0] in TIER else "auth"


def imports(path: Path) -> Iterator[str]:
    """The modules of auth that a file names, wherever in it, for the types alone too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            yield from (f"{node.module}.{name.name}" for name in node.names)


def arrows() -> set[tuple[str, str]]:
    found = set()
    for path in AUTH.rglob("*.py"):
        first = path.relative_to(AUTH).parts[0].removesuffix(".py")
        here = "auth" if first == "__init__" else first
        found |= {
            (here, room_of(module)) for module in imports(path) if module.split(".")[0] == "auth"
        }
    return {(here, there) for here, there in found if here != there}


def test_each_room_has_its_tier() -> None:
    rooms = {
        path.name.removesuffix(".py")
        for path in AUTH.iterdir()
        if path.suffix == ".py" or (path / "__init__.py").is_file()
    }
    assert rooms - {"__init__"} | {"auth"} == set(TIER)


@pytest.mark.parametrize("tier", range(len(TIERS)))
def test_a_room_knows_those_below_it_alone(tier: int) -> None:
    """Which also means that there is no circle."""
    upwards = {
        f"{here} -> {there}"
        for here, there in arrows()
        if TIER[here] == tier and TIER[there] >= tier
    }
    assert upwards == set()


def test_the_table_is_read_and_not_empty() -> None:
    assert {("portal", "upstream"), ("upstream", "esia"), ("pages", "oidc")} <= arrows()
