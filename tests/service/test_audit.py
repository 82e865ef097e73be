"""The audit has one vocabulary, and one place writes it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from service.audit import AuditAction

SERVICE = Path(__file__).parents[2] / "service"
AUDIT = SERVICE / "audit.py"
OF_PEOPLE = {
    "name", "names", "family_name", "given_name", "middle_name", "birth_date", "snils", "login",
    "username", "password", "secret", "token", "email", "reason",
}  # fmt: skip
"""What no entry holds."""


def calls(*, of: str) -> Iterator[tuple[Path, ast.Call]]:
    """Every call of a function of this name in the service."""
    for path in SERVICE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).split(".")[-1] == of:
                yield path, node


def test_entries_are_made_in_the_audit_alone() -> None:
    assert {path for path, _call in calls(of="AuditEntry")} == {AUDIT}


def test_every_action_is_written_somewhere() -> None:
    others = (path.read_text("utf-8") for path in SERVICE.rglob("*.py") if path != AUDIT)
    used = {name for text in others for name in re.findall(r"\bAuditAction\.(\w+)", text)}
    assert used == set(AuditAction.__members__)


def test_actions_have_one_grammar_and_a_meaning_each() -> None:
    for action in AuditAction:
        assert re.fullmatch(r"[a-z]+(_[a-z]+)*\.[a-z]+(_[a-z]+)*", action)
        assert action.name == action.value.replace(".", "_").upper()
    members = ast.parse(AUDIT.read_text("utf-8")).body
    (enum,) = (one for one in members if isinstance(one, ast.ClassDef))
    body = enum.body[1:]
    assert [type(one) for one in body] == [ast.Assign, ast.Expr] * len(AuditAction)


def test_no_entry_holds_names_or_secrets_of_people() -> None:
    told = {word.arg for _path, call in calls(of="record") for word in call.keywords}
    assert told & OF_PEOPLE == set()
