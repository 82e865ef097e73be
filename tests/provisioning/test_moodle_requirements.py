"""The one list of what our account needs: whole, exact, and the same in the documents."""

from __future__ import annotations

import re
from pathlib import Path

from provisioning.moodle import Function
from provisioning.moodle.requirements import (
    ALWAYS,
    CAPABILITIES_OF,
    FOR_LOOKS,
    OF_REPORTS,
    required_capabilities,
    required_functions,
)

DOCUMENT = Path(__file__).parents[2] / "docs" / "moodle-setup.md"


def test_every_function_says_which_capabilities_it_asks_for() -> None:
    assert set(CAPABILITIES_OF) == set(Function)


def test_what_only_a_custom_report_needs_is_optional() -> None:
    needed = {one.capability for one in required_capabilities(reports=False)}
    everything = {one.capability: one.optional for one in required_capabilities()}
    assert ALWAYS in needed
    assert everything.keys() - needed == {"moodle/reportbuilder:viewall"}
    optional = {name for name, is_optional in everything.items() if is_optional}
    assert optional == everything.keys() - needed | FOR_LOOKS.keys()
    left_out = OF_REPORTS | {Function.DELETE_USERS}
    assert set(Function) - set(required_functions(reports=False)) == left_out


def test_the_document_has_the_same_list() -> None:
    rows = re.findall(r"(?m)^\| `([\w:/]+)` \| (.*) \|$", DOCUMENT.read_text("utf-8"))
    capabilities = {
        one.capability: (
            (", ".join(f"`{name}`" for name in one.functions) or one.purpose or "every call")
            + (" (optional)" if one.optional else "")
        )
        for one in required_capabilities()
    }
    functions = {str(one): "optional" if one.optional else "" for one in required_functions()}
    assert rows == [*capabilities.items(), *functions.items()]
