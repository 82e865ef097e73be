"""Commands that need no running neighbours: help, init, sample, check, report, errors in a line."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from service.cli import main
from tests.service.command_line import below_a_file, run

NOBODY_LISTENS = {"REDIS_URL": "redis://127.0.0.1:9/0", "MOODLE_URL": "http://[::1]:9"}
DATA = Path(__file__).parents[2] / "data"
DATABASE_IS_GONE = {"DATABASE_URL": "postgresql+psycopg://us:SecretWord@127.0.0.1:9/nothing"}


def all_commands() -> Iterator[tuple[str, ...]]:
    context = click.Context(main)
    for name in [*main.commands, "runs"]:
        _name, command, _rest = main.resolve_command(context, [name])
        yield (name,)
        if isinstance(command, click.Group):
            yield from ((name, inner) for inner in command.commands)


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
    shown = run(*command, "--help", home=tmp_path, code=0)
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
    ended = run(*arguments, home=home, code=2)
    assert "Error: " in ended.err


def test_init_makes_a_private_folder_an_operator_and_a_database(tmp_path: Path) -> None:
    home = tmp_path / "home"
    made = run("init", home=home, code=0)
    assert "Operator: admin" in made.out
    assert "Password (shown once): " in made.out
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (home, home / "secret")]
    assert modes == [0o700, 0o600]
    assert run("runs", "--json", home=home).data == []


def test_init_again_changes_nothing(home: Path) -> None:
    def kept() -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in [home / "secret", *home.glob("keys/*.pem")]}

    before = kept()
    again = run("init", home=home)
    assert (again.code, "Password" in again.out) == (0, False)
    assert kept() == before


@pytest.mark.parametrize(
    ("password", "code", "told"),
    [("a long enough password\n", 0, ""), ("short", 2, "at least 12 characters")],
)
def test_init_takes_a_password_from_a_file_and_does_not_show_it(
    tmp_path: Path, password: str, code: int, told: str
) -> None:
    (tmp_path / "password").write_text(password)
    made = run("init", "--password-file", tmp_path / "password", home=tmp_path / "home")
    assert (made.code, "shown once" in made.out) == (code, False)
    assert told in made.err


@pytest.mark.parametrize(
    ("arguments", "variables", "told"),
    [
        ("runs", {"HOME": "{tmp}/new"}, ["schoolbridge init"]),
        ("init", {"HOME": "{tmp}/a-file/home"}, ["{tmp}/a-file/home"]),
        ("--config {tmp}/a.toml runs", {}, ["{tmp}/a.toml", "moodle.adress: unknown key", "url"]),
        ("--config {tmp}/none.toml runs", {}, ["none.toml", "cannot be read"]),
        ("runs", DATABASE_IS_GONE, ["database"]),
        ("import {city}", NOBODY_LISTENS, ["Redis"]),
        ("plan 77", NOBODY_LISTENS, ["no such load"]),
        ("approve 77", NOBODY_LISTENS, ["no such load"]),
        ("reject 77", NOBODY_LISTENS, ["no such load"]),
        ("apply 77", NOBODY_LISTENS, ["no such load"]),
        ("sample --out {tmp}/a-file/home", {}, ["a-file"]),
    ],
)
def test_an_error_of_the_installation_is_one_line_that_names_what_is_wrong(
    home: Path, city: Path, tmp_path: Path, arguments: str, variables: dict[str, str],
    told: list[str],
) -> None:  # fmt: skip
    below_a_file(tmp_path)
    (tmp_path / "a.toml").write_text('[moodle]\nadress = "https://moodle.example.org"\n')
    places = {"tmp": tmp_path, "city": city}
    given = {name: value.format(**places) for name, value in variables.items()}
    ended = run(*arguments.format(**places).split(), home=home, **given)
    assert (ended.code, len(ended.err.splitlines())) == (1, 1), ended.err
    assert [text for text in told if text.format(**places) not in ended.err] == []
    assert "SecretWord" not in ended.err


def test_check_passes_a_good_file(city: Path, tmp_path: Path) -> None:
    ended = run("check", city / "SB0001.xml", home=tmp_path, code=0)
    assert "20 people read" in ended.out
    told = run("check", city / "SB0001.xml", "--json", home=tmp_path).data
    assert (told["people"], told["findings"]) == (20, [])
    assert {one["kind"]: one["rows"] for one in told["read"]}["student"] == 16
    assert not list(tmp_path.iterdir())


def test_check_stops_at_findings_and_lists_them(city: Path, tmp_path: Path) -> None:
    ended = run("check", city / "SB0002.xml", "--json", home=tmp_path, code=3)
    finding = ended.data["findings"][0]
    assert finding["file"] == "SB0002.xml"
    assert set(finding) == {
        "rule", "severity", "file", "line", "school", "sourced_id", "source_id",
        "person", "field", "value",
        "message", "remedy",
    }  # fmt: skip
    plain = run("check", city / "SB0002.xml", home=tmp_path, code=3)
    assert "SB0002.xml:" in plain.out


def test_check_shows_what_a_layout_of_ones_own_never_found(tmp_path: Path) -> None:
    folder = tmp_path / "layouts"
    folder.mkdir()
    text = (DATA / "flat1251" / "layout.toml").read_text("utf-8")
    (folder / "flat.toml").write_text(text.replace('"@Пол"', '"@Sex"'), "utf-8")
    config = tmp_path / "schoolbridge.toml"
    config.write_text(f'[reading]\nlayout_dirs = ["{folder}"]\n')
    ended = run(
        "check", DATA / "flat1251" / "school.xml", home=tmp_path / "home", CONFIG=str(config)
    )
    found = [line.split() for line in ended.out.splitlines() if line.startswith("flat-1")]
    assert found == [
        ["flat-1", "header", ".", "1"],
        ["flat-1", "student", "Ученик", "3", "sex"],
        ["flat-1", "class", "Ученик", "3"],
    ]


def test_check_of_something_that_is_no_export_stops(tmp_path: Path) -> None:
    (tmp_path / "letter.xml").write_text("Dear school,")
    assert run("check", tmp_path / "letter.xml", home=tmp_path).code == 3


def test_a_layout_draft_lists_paths_and_starts_a_layout(city: Path, tmp_path: Path) -> None:
    ended = run("check", "--layout-draft", city / "SB0001.xml", "--json", home=tmp_path, code=0)
    assert ended.data["paths"][0].keys() == {"path", "count", "shapes"}
    assert "[" in ended.data["layout"]


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
