"""The command ``schoolbridge phases``: rules, exemptions, and who would be locked out."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.service.command_line import Ended, rows_of, run
from tests.service.factories import add_known_person, add_school


@pytest.fixture
def home(home: Path) -> Path:
    with rows_of(home) as session:
        add_school(session, "1")
        add_known_person(session, "a")
    return home


def phases(home: Path, *arguments: str, **variables: str) -> Ended:
    return run("phases", *arguments, home=home, **variables)


def test_a_phase_is_set_shown_moved_and_removed(home: Path) -> None:
    made = phases(home, "set", "both", "--from", "01.09.2099", "--school", "1", "--class", "8А")
    assert made.code == 0, made.err
    (rule,) = phases(home, "list", "--json").data["rules"]
    assert (rule["class_id"], rule["phase"], rule["starts_on"]) == ("c-8a", "both", "2099-09-01")
    number = str(rule["id"])
    assert phases(home, "move", number, "--from", "2099-10-01").code == 0
    shown = phases(home, "list").out
    assert "school 1, class 8А" in shown
    assert "01.10.2099" in shown
    assert phases(home, "remove", number).code == 0
    assert phases(home, "list", "--json").data["rules"] == []
    assert phases(home, "remove", number).code == 1


def test_esia_only_is_refused_where_nobody_could_sign_in(home: Path) -> None:
    refused = phases(home, "set", "esia_only", "--from", "2099-09-01")
    assert refused.code == 2
    assert "no way to ЕСИА is configured" in refused.err


def test_people_are_exempted_and_it_can_be_taken_back(home: Path) -> None:
    assert phases(home, "exempt", "--login", "48pa", "--reason", "no phone").code == 0
    group = ("--role", "student", "--who", "under_14", "--until", "31.05.2099")
    assert phases(home, "exempt", *group, "--reason", "children").code == 0
    listed = phases(home, "list", "--json").data["exemptions"]
    assert [(one["login"], one["who"], one["until"]) for one in listed] == [
        ("", "under_14", "2099-05-31"),
        ("48pa", "all", None),
    ]
    assert "no phone" in phases(home, "list").out
    for one in listed:
        assert phases(home, "unexempt", str(one["id"])).code == 0
    assert phases(home, "list", "--json").data["exemptions"] == []
    assert phases(home, "exempt", "--login", "nobody", "--reason", "x").code == 1


def test_the_locked_out_are_counted_by_school_and_named_for_one(home: Path) -> None:
    only = {"AUTH_PHASE": "esia_only"}
    assert phases(home, "locked-out", "--json").data["rows"] == []
    assert phases(home, "locked-out", "--json", **only).data["rows"] == [["Невский", "1", 1]]
    assert "48pa" in phases(home, "locked-out", "--school", "1", **only).out
    assert "48pa" in phases(home, "locked-out", "--school", "1", "--format", "csv", **only).out
