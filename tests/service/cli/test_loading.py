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

    def run(self, *arguments: object) -> Ended:
        return run(*arguments, home=self.home)

    def sample(self, seed: int, month: int = 0) -> Path:
        """The file of a city of one school; another seed, another school code."""
        out = self._samples / f"{seed}-{month}"
        made = self.run(
            "sample", "--schools", 1, "--people-per-school", 30, "--seed", seed, "--month", month,
            "--today", "2026-10-05", "--out", out,
        )  # fmt: skip
        assert made.code == 0
        (file,) = out.iterdir()
        named = file.with_name(f"{seed}.xml")
        text = file.read_text("utf-8").replace("SB0001", f"SB{seed:04}")
        file.unlink()
        named.write_text(text, "utf-8")
        return named

    def imported(self, seed: int, month: int = 0) -> dict[str, Any]:
        """The run of a good file, planned."""
        ended = self.run("import", self.sample(seed, month), "--json")
        assert ended.code == 0, ended.out + ended.err
        data: dict[str, Any] = ended.data
        return data

    def status(self, number: int) -> str:
        (found,) = [one for one in self.run("runs", "--json").data if one["run"] == number]
        status: str = found["status"]
        return status

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
    ended = installation.run("import", installation.sample(1))
    assert ended.code == 0
    assert "SB0001" in ended.out
    assert "Digest: " in ended.out


def test_import_as_json_has_run_files_schools_and_findings(installation: Installation) -> None:
    data = installation.imported(2)
    assert data["status"] == "planned"
    assert [file["name"] for file in data["files"]] == ["2.xml"]
    (school,) = data["schools"]
    assert school["school"] == "SB0002"
    assert school["people"] == 30
    assert school["counts"]["user.create"] == 30
    assert data["findings"] == []


def test_a_file_that_is_no_export_stops_the_import(
    installation: Installation, tmp_path: Path
) -> None:
    (tmp_path / "letter.xml").write_text("<letter>Dear school</letter>")
    ended = installation.run("import", tmp_path / "letter.xml", "--json")
    assert ended.code == 3
    assert ended.data["status"] == "rejected"
    assert [finding["severity"] for finding in ended.data["findings"]] == ["fatal"]


def test_files_of_another_school_than_named_stop_the_import(installation: Installation) -> None:
    ended = installation.run("import", installation.sample(3), "--school", "SB9999", "--json")
    assert ended.code == 3
    assert ended.data["status"] == "rejected"


def test_a_plan_is_shown_with_its_changes_but_no_birth_dates(installation: Installation) -> None:
    number = installation.imported(4)["run"]
    assert installation.run("plan", number, "--json").data["run"] == number
    listed = installation.run("plan", number, "--changes")
    assert listed.code == 0
    assert listed.out.count("create   user") == 30
    assert "birth_date: ***" in listed.out
    changes = installation.run("plan", number, "--changes", "--json").data
    assert {"school", "kind", "action", "key", "before", "after", "result"} <= changes[0].keys()


def test_approve_apply_and_the_account_is_in_moodle(installation: Installation) -> None:
    data = installation.imported(5)
    wrong = installation.run("approve", data["run"], "--digest", "0" * 64)
    assert wrong.code == 1
    assert "Error: " in wrong.err
    assert installation.status(data["run"]) == "planned"

    early = installation.run("apply", data["run"])
    assert early.code == 1
    assert "not approved" in early.err

    assert installation.run("approve", data["run"], "--digest", data["digest"]).code == 0
    before = installation.writes()
    applied = installation.run("apply", data["run"])
    assert applied.code == 0
    assert "failed: 0" in applied.out
    assert installation.status(data["run"]) == "applied"
    assert installation.writes() > before

    late = installation.run("reject", data["run"])
    assert late.code == 1


def test_a_rejected_run_cannot_be_approved(installation: Installation) -> None:
    number = installation.imported(6)["run"]
    assert installation.run("reject", number).code == 0
    assert installation.status(number) == "rejected"
    ended = installation.run("approve", number)
    assert ended.code == 1
    assert "rejected" in ended.err


def test_a_plan_over_its_limits_wants_a_second_yes(installation: Installation) -> None:
    assert installation.run("sync", installation.sample(7), "--yes").code == 0
    next_month = installation.sample(7, month=1)
    stopped = installation.run("import", next_month, "--json")
    assert stopped.code == 3
    (breach,) = stopped.data["schools"][0]["limits_exceeded"]
    assert breach["count"] > 0
    number = stopped.data["run"]

    first = installation.run("approve", number)
    assert first.code == 3
    assert "SB0007" in first.err
    assert installation.status(number) == "planned"
    assert installation.run("approve", number, "--over-limits").code == 0
    assert installation.run("apply", number).code == 0


def test_sync_stops_where_a_person_would_be_asked(installation: Installation) -> None:
    assert installation.run("sync", installation.sample(8), "--yes").code == 0
    before = installation.writes()
    assert installation.run("sync", installation.sample(8, month=1), "--yes").code == 3
    assert installation.writes() == before


def test_sync_again_writes_nothing(installation: Installation) -> None:
    file = installation.sample(9)
    assert installation.run("sync", file, "--yes").code == 0
    before = installation.writes()
    assert installation.run("sync", file, "--yes").code == 0
    assert installation.writes() == before


def test_sync_as_json_prints_nothing_else(installation: Installation) -> None:
    ended = installation.run("sync", installation.sample(21), "--yes", "--json")
    assert ended.code == 0
    data = json.loads(ended.out)
    assert data["status"] == "applied"
    assert data["progress"]["done"] == data["progress"]["total"] > 0


def test_what_is_stored_is_for_its_owner_only(installation: Installation) -> None:
    stored = [path for path in installation.home.rglob("*") if path.is_file()]
    assert "schoolbridge.sqlite" in [path.name for path in stored]
    assert [path for path in stored if path.stat().st_mode & 0o077] == []


def test_coverage_comes_in_four_forms(installation: Installation) -> None:
    assert installation.run("sync", installation.sample(10), "--yes").code == 0

    table = installation.run("report", "coverage")
    assert table.code == 0
    assert "SB0010" in table.out

    by_json = installation.run("report", "coverage", "--format", "json")
    assert "SB0010" in json.dumps(by_json.data)
    assert installation.run("report", "coverage", "--json").data.keys() == by_json.data.keys()

    by_csv = installation.run("report", "coverage", "--format", "csv").out
    assert any("SB0010" in cell for row in csv.reader(io.StringIO(by_csv)) for cell in row)


def test_coverage_as_a_workbook_is_bytes_on_standard_output(installation: Installation) -> None:
    asked = command("report", "coverage", "--format", "xlsx")
    made = subprocess.run(asked, stdout=subprocess.PIPE, check=True).stdout
    sheet = openpyxl.load_workbook(io.BytesIO(made)).active
    assert sheet is not None
    assert sheet.max_row > 1


def test_doctor_finds_a_whole_installation(installation: Installation) -> None:
    ended = installation.run("doctor", "--json")
    assert ended.code == 0
    assert "problem" not in {check["verdict"] for check in ended.data}
    assert {check["subject"] for check in ended.data} >= {
        "Settings", "Data folder", "Secrets", "Database", "Redis", "Worker", "Signing keys",
        "Version of Moodle", "Clock of Moodle", "Functions of the web service",
        "Capabilities of our account", "Roles that our account may give",
    }  # fmt: skip
    plain = installation.run("doctor")
    assert plain.code == 0
    assert "✓ Database: sqlite, tables up to date" in plain.out


def test_what_a_plan_would_take_away_is_told_in_words(installation: Installation) -> None:
    first, blank = sorted(BLANK_CLASSES.iterdir())
    assert installation.run("sync", first, "--yes").code == 0
    stopped = installation.run("import", blank)
    assert stopped.code == 3
    assert "30 of 31 people would lose places in courses and get fewer or none" in stopped.out
    assert "30 of 31 people would be taken out of cohorts" in stopped.out
    assert installation.run("sync", blank, "--yes").code == 3
