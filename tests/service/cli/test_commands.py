"""Commands that need no running neighbours: help, init, sample, check, report, errors in a line."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from service.cli import main
from tests.service.command_line import Ended, below_a_file, run


def all_commands() -> Iterator[tuple[str, ...]]:
    context = click.Context(main)
    for name in [*main.commands, "runs"]:
        _name, command, _rest = main.resolve_command(context, [name])
        yield (name,)
        if isinstance(command, click.Group):
            yield from ((name, inner) for inner in command.commands)


def is_one_clear_line(ended: Ended, *words: str) -> bool:
    """An error of the installation: exit code 1, one line that names what is wrong."""
    lines = ended.err.splitlines()
    return ended.code == 1 and len(lines) == 1 and all(word in lines[0] for word in words)


@pytest.fixture
def home(initialised_home: Path) -> Path:
    return initialised_home


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """SB0001.xml is in order, SB0002.xml has mistakes."""
    folder = tmp_path_factory.mktemp("city")
    made = run(
        "sample", "--schools", 2, "--people-per-school", 20, "--broken", 1, "--out", folder,
        home=folder,
    )  # fmt: skip
    assert made.code == 0
    return folder


@pytest.mark.parametrize("command", list(all_commands()), ids=" ".join)
def test_each_command_explains_itself(command: tuple[str, ...], tmp_path: Path) -> None:
    shown = run(*command, "--help", home=tmp_path)
    assert shown.code == 0
    assert shown.out.startswith(f"Usage: main {' '.join(command)} ")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "arguments",
    [
        ["no-such-command"],
        ["import"],
        ["plan", "seven"],
        ["sync", "."],
        ["check"],
        ["runs", "--limit", "0"],
        ["check", "no-such-file.xml"],
        ["report", "coverage", "--by", "street"],
        ["report", "coverage", "--from", "yesterday"],
        ["sample", "--schools", "-1", "--out", "x"],
        ["operators", "add", "anna", "--role", "school"],
        ["operators", "add", "anna", "--role", "city", "--of", "SB0001"],
        ["operators", "add", "worker:1", "--role", "city"],
        ["operators", "add", "admin", "--role", "city"],
        ["operators", "disable", "anna"],
    ],
)
def test_wrong_usage_is_code_2(arguments: list[str], home: Path) -> None:
    ended = run(*arguments, home=home)
    assert ended.code == 2
    assert "Error: " in ended.err


def test_init_makes_a_private_folder_an_operator_and_a_database(tmp_path: Path) -> None:
    made = run("init", home=tmp_path / "home")
    assert made.code == 0
    assert "Operator: admin" in made.out
    assert "Password (shown once): " in made.out
    assert stat.S_IMODE((tmp_path / "home").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "home" / "secret").stat().st_mode) == 0o600
    assert run("runs", "--json", home=tmp_path / "home").data == []


def test_init_again_changes_nothing(home: Path) -> None:
    before = {path: path.read_bytes() for path in [home / "secret", *home.glob("keys/*.pem")]}
    again = run("init", home=home)
    assert again.code == 0
    assert "Password" not in again.out
    assert {path: path.read_bytes() for path in [home / "secret", *home.glob("keys/*.pem")]} == (
        before
    )


def test_init_takes_a_password_from_a_file_and_does_not_show_it(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("a long enough password\n")
    made = run("init", "--password-file", tmp_path / "password", home=tmp_path / "home")
    assert made.code == 0
    assert "shown once" not in made.out


def test_a_short_password_is_wrong_usage(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("short")
    made = run("init", "--password-file", tmp_path / "password", home=tmp_path / "home")
    assert made.code == 2
    assert "at least 12 characters" in made.err


def test_a_folder_without_init_says_what_to_run(tmp_path: Path) -> None:
    assert is_one_clear_line(run("runs", home=tmp_path / "new"), "schoolbridge init")


def test_a_data_folder_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    home = below_a_file(tmp_path)
    assert is_one_clear_line(run("init", home=home), str(home))


def test_a_wrong_key_of_the_settings_is_one_line(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('[moodle]\nadress = "https://moodle.example.org"\n')
    ended = run("--config", config, "runs", home=tmp_path)
    assert is_one_clear_line(ended, str(config), "moodle.adress: unknown key", "url")


def test_a_missing_settings_file_is_one_line(tmp_path: Path) -> None:
    ended = run("--config", tmp_path / "none.toml", "runs", home=tmp_path)
    assert is_one_clear_line(ended, "none.toml", "cannot be read")


def test_a_database_that_does_not_answer_is_one_line_without_its_password(home: Path) -> None:
    url = "postgresql+psycopg://us:SecretWord@127.0.0.1:9/nothing"
    ended = run("runs", home=home, DATABASE_URL=url)
    assert is_one_clear_line(ended, "database")
    assert "SecretWord" not in ended.err


def test_a_redis_that_does_not_answer_is_one_line(home: Path, city: Path) -> None:
    ended = run(
        "import", city, home=home, REDIS_URL="redis://127.0.0.1:9/0", MOODLE_URL="http://[::1]:9"
    )
    assert is_one_clear_line(ended, "Redis")


@pytest.mark.parametrize("command", ["plan", "approve", "reject", "apply"])
def test_an_unknown_run_is_one_line(command: str, home: Path) -> None:
    neighbours = {"REDIS_URL": "redis://127.0.0.1:9/0", "MOODLE_URL": "http://[::1]:9"}
    assert is_one_clear_line(run(command, 77, home=home, **neighbours), "no such load")


def test_check_passes_a_good_file(city: Path, tmp_path: Path) -> None:
    ended = run("check", city / "SB0001.xml", home=tmp_path)
    assert ended.code == 0
    assert "20 people read" in ended.out
    assert run("check", city / "SB0001.xml", "--json", home=tmp_path).data == {
        "people": 20,
        "findings": [],
    }
    assert not list(tmp_path.iterdir())


def test_check_stops_at_findings_and_lists_them(city: Path, tmp_path: Path) -> None:
    ended = run("check", city / "SB0002.xml", "--json", home=tmp_path)
    assert ended.code == 3
    finding = ended.data["findings"][0]
    assert finding["file"] == "SB0002.xml"
    assert set(finding) == {
        "rule", "severity", "file", "line", "school", "sourced_id", "source_id",
        "person", "field", "value",
        "message", "remedy",
    }  # fmt: skip
    plain = run("check", city / "SB0002.xml", home=tmp_path)
    assert plain.code == 3
    assert "SB0002.xml:" in plain.out


def test_check_of_something_that_is_no_export_stops(tmp_path: Path) -> None:
    (tmp_path / "letter.xml").write_text("Dear school,")
    assert run("check", tmp_path / "letter.xml", home=tmp_path).code == 3


def test_a_layout_draft_lists_paths_and_starts_a_layout(city: Path, tmp_path: Path) -> None:
    ended = run("check", "--layout-draft", city / "SB0001.xml", "--json", home=tmp_path)
    assert ended.code == 0
    assert ended.data["paths"][0].keys() == {"path", "count", "shapes"}
    assert "[" in ended.data["layout"]


def test_a_sample_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    ended = run("sample", "--out", below_a_file(tmp_path), home=tmp_path)
    assert is_one_clear_line(ended, "a-file")


def test_the_version_is_told(tmp_path: Path) -> None:
    assert run("--version", home=tmp_path).out.strip() == "0.1.0"


@pytest.mark.parametrize(
    ("name", "more", "begin"),
    [
        ("figures.xlsx", [], b"PK"),
        ("figures.JSON", [], b"{"),
        ("figures.txt", [], b"Report"),
        ("figures.xlsx", ["--format", "json"], b"{"),
    ],
)
def test_the_ending_of_a_report_s_file_says_its_form(
    home: Path, tmp_path: Path, name: str, more: list[str], begin: bytes
) -> None:
    file = tmp_path / name
    assert run("report", "coverage", "--out", file, *more, home=home).code == 0
    assert file.read_bytes().startswith(begin)
