"""The life of a run from the command line, with a real Redis, worker and Moodle stand-in."""

from __future__ import annotations

import csv
import io
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import requests

from service.config import load_settings
from tests.service.command_line import Ended, at_work, command, run

BLANK_CLASSES = Path(__file__).parents[2] / "data" / "next-exports" / "d13-classes-blank"


class Installation:
    """A data folder whose neighbours are up as long as the tests of this file run."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        self._samples = folder / "samples"

    def run(self, *arguments: object, code: int = 0) -> Ended:
        """A command that has to end with this code."""
        ended = run(*arguments, home=self.home)
        assert ended.code == code, ended.out + ended.err
        return ended

    def sample(self, seed: int, month: int = 0) -> Path:
        """The file of a city of one school; another seed, another school code."""
        out = self._samples / f"{seed}-{month}"
        self.run(
            "sample", "--schools", 1, "--people-per-school", 30, "--seed", seed, "--month", month,
            "--today", "2026-10-05", "--out", out,
        )  # fmt: skip
        (file,) = out.iterdir()
        named = file.with_name(f"{seed}.xml")
        text = file.read_text("utf-8").replace("SB0001", f"SB{seed:04}")
        file.unlink()
        named.write_text(text, "utf-8")
        return named

    def imported(self, seed: int, month: int = 0) -> dict[str, Any]:
        """The load of a good file, planned."""
        return self.run("import", self.sample(seed, month), "--json").data

    def status(self, number: int) -> str:
        (found,) = [one for one in self.run("runs", "--json").data if one["run"] == number]
        return str(found["status"])

    def writes(self) -> int:
        """Calls that change something, as the stand-in has counted them."""
        url = load_settings().moodle_target.url
        return sum(requests.get(f"{url}/standin/counts", timeout=60).json()["writes"].values())


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    made = Installation(tmp_path_factory.mktemp("cli"))
    # Any leaver at all is over the limit.
    with at_work(made.home, LIMITS_FLOOR="0", LIMITS_MAX_SUSPENDED_SHARE="0"):
        yield made


def test_import_plans_and_tells_the_next_steps(installation: Installation) -> None:
    told = installation.run("import", installation.sample(1)).out
    assert "SB0001" in told
    assert "Digest: " in told


def test_import_as_json_has_load_files_schools_and_findings(installation: Installation) -> None:
    data = installation.imported(2)
    assert (data["status"], data["findings"]) == ("planned", [])
    assert [file["name"] for file in data["files"]] == ["2.xml"]
    (school,) = data["schools"]
    assert (school["school"], school["people"]) == ("SB0002", 30)
    assert school["counts"]["user.create"] == 30


def test_a_file_that_is_no_export_stops_it(installation: Installation, tmp_path: Path) -> None:
    (tmp_path / "letter.xml").write_text("<letter>Dear school</letter>")
    data = installation.run("import", tmp_path / "letter.xml", "--json", code=3).data
    assert data["status"] == "rejected"
    assert [finding["severity"] for finding in data["findings"]] == ["fatal"]


def test_files_of_another_school_than_named_stop_the_import(installation: Installation) -> None:
    asked = ("import", installation.sample(3), "--school", "SB9999", "--json")
    assert installation.run(*asked, code=3).data["status"] == "rejected"


def test_a_plan_is_shown_with_its_changes_but_no_birth_dates(installation: Installation) -> None:
    number = installation.imported(4)["run"]
    assert installation.run("plan", number, "--json").data["run"] == number
    listed = installation.run("plan", number, "--changes").out
    assert listed.count("create   user") == 30
    assert "birth_date: ***" in listed
    changes = installation.run("plan", number, "--changes", "--json").data
    assert {"school", "kind", "action", "key", "before", "after", "result"} <= changes[0].keys()


def test_approve_apply_and_the_account_is_in_moodle(installation: Installation) -> None:
    data = installation.imported(5)
    wrong = installation.run("approve", data["run"], "--digest", "0" * 64, code=1)
    assert "Error: " in wrong.err
    assert installation.status(data["run"]) == "planned"
    assert "not approved" in installation.run("apply", data["run"], code=1).err
    installation.run("approve", data["run"], "--digest", data["digest"])
    before = installation.writes()
    assert "failed: 0" in installation.run("apply", data["run"]).out
    assert installation.status(data["run"]) == "applied"
    assert installation.writes() > before
    installation.run("reject", data["run"], code=1)


def test_a_rejected_load_cannot_be_approved(installation: Installation) -> None:
    number = installation.imported(6)["run"]
    installation.run("reject", number)
    assert installation.status(number) == "rejected"
    assert "rejected" in installation.run("approve", number, code=1).err


def test_a_plan_over_its_limits_wants_a_second_yes(installation: Installation) -> None:
    installation.run("sync", installation.sample(7), "--yes")
    stopped = installation.run("import", installation.sample(7, month=1), "--json", code=3).data
    (breach,) = stopped["schools"][0]["limits_exceeded"]
    assert breach["count"] > 0
    number = stopped["run"]
    assert "SB0007" in installation.run("approve", number, code=3).err
    assert installation.status(number) == "planned"
    installation.run("approve", number, "--over-limits")
    installation.run("apply", number)


def test_sync_stops_where_a_person_would_be_asked(installation: Installation) -> None:
    installation.run("sync", installation.sample(8), "--yes")
    before = installation.writes()
    installation.run("sync", installation.sample(8, month=1), "--yes", code=3)
    assert installation.writes() == before


def test_sync_again_writes_nothing(installation: Installation) -> None:
    file = installation.sample(9)
    installation.run("sync", file, "--yes")
    before = installation.writes()
    installation.run("sync", file, "--yes")
    assert installation.writes() == before


def test_sync_as_json_prints_nothing_else(installation: Installation) -> None:
    data = installation.run("sync", installation.sample(21), "--yes", "--json").data
    assert data["status"] == "applied"
    assert data["progress"]["done"] == data["progress"]["total"] > 0


def test_what_is_stored_is_for_its_owner_only(installation: Installation) -> None:
    stored = [path for path in installation.home.rglob("*") if path.is_file()]
    assert "schoolbridge.sqlite" in [path.name for path in stored]
    assert [path for path in stored if path.stat().st_mode & 0o077] == []


def test_coverage_comes_in_four_forms(installation: Installation) -> None:
    installation.run("sync", installation.sample(10), "--yes")
    assert "SB0010" in installation.run("report", "coverage").out
    by_json = installation.run("report", "coverage", "--format", "json").data
    assert "SB0010" in json.dumps(by_json)
    assert installation.run("report", "coverage", "--json").data.keys() == by_json.keys()
    by_csv = installation.run("report", "coverage", "--format", "csv").out
    assert any("SB0010" in cell for row in csv.reader(io.StringIO(by_csv)) for cell in row)
    # A workbook is bytes on standard output.
    asked = command("report", "coverage", "--format", "xlsx")
    made = subprocess.run(asked, stdout=subprocess.PIPE, check=True).stdout
    sheet = openpyxl.load_workbook(io.BytesIO(made)).active
    assert sheet is not None
    assert sheet.max_row > 1


def test_doctor_finds_a_whole_installation(installation: Installation) -> None:
    checks = installation.run("doctor", "--json").data
    assert "problem" not in {check["verdict"] for check in checks}
    assert {check["subject"] for check in checks} >= {
        "Settings", "Data folder", "Secrets", "Database", "Redis", "Worker", "Signing keys",
        "Version of Moodle", "Clock of Moodle", "Functions of the web service",
        "Capabilities of our account", "Roles that our account may give",
    }  # fmt: skip
    assert "✓ Database: sqlite, tables up to date" in installation.run("doctor").out


def test_what_a_plan_would_take_away_is_told_in_words(installation: Installation) -> None:
    first, blank = sorted(BLANK_CLASSES.iterdir())
    installation.run("sync", first, "--yes")
    stopped = installation.run("import", blank, code=3)
    assert "30 of 31 people would lose places in courses and get fewer or none" in stopped.out
    assert "30 of 31 people would be taken out of cohorts" in stopped.out
    installation.run("sync", blank, "--yes", code=3)
