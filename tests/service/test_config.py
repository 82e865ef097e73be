"""Settings: the example loads and tells the truth, and each mistake is named by its key."""

from __future__ import annotations

import dataclasses
import re
import tomllib
import typing
from pathlib import Path
from typing import Any

import pytest

from service.config import ConfigError, load_settings
from service.moodle_standin import DEFAULT_TOKEN
from service.settings import Settings

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "config.example.toml"
EXAMPLES_ONLY = {"auth.clients", "esia.consent_types", "esia.systems"}
"""What the example shows but no installation has by default."""


def write(folder: Path, text: str) -> Path:
    path = folder / "config.toml"
    path.write_text(text, "utf-8")
    return path


def problems(folder: Path, text: str = "", **environment: str) -> list[str]:
    """What is wrong with these settings, one a line."""
    with pytest.raises(ConfigError) as caught:
        load_settings(write(folder, text), environment)
    return str(caught.value).splitlines()


def flat(table: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in table.items():
        name = f"{prefix}{key}"
        found |= flat(value, f"{name}.") if isinstance(value, dict) else {name: value}
    return found


def defaults() -> dict[str, Any]:
    """By section."""
    return dataclasses.asdict(Settings(home=Path("var")))


def test_the_example_loads() -> None:
    settings = load_settings(EXAMPLE, {})
    assert [client.client_id for client in settings.auth.clients] == ["moodle"]
    assert settings.uses_standin


def test_the_example_shows_every_key_with_its_default() -> None:
    shown = flat(tomllib.loads(EXAMPLE.read_text("utf-8")))
    known = {name: value for name, value in flat(defaults()).items() if value is not None}
    not_for_the_file = {"home", "auth.password_sign_in", "reports.phase"}
    assert set(known) - set(shown) == not_for_the_file
    for name, value in shown.items():
        if name not in EXAMPLES_ONLY:
            default = known[name]
            assert value == (list(default) if isinstance(default, tuple) else default), name


def test_settings_that_documents_name_exist() -> None:
    known = defaults()
    documents = [*ROOT.glob("*.md"), *ROOT.glob("docs/*.md")]
    assert documents
    for document in documents:
        text = document.read_text("utf-8")
        for section, key in re.findall(r"\[(\w+)\]`? `?([a-z_]+)`? ?=", text):
            if section in known:
                assert key.removesuffix("_file") in known[section], (document.name, section, key)


def test_without_a_file_the_defaults_are_used(tmp_path: Path) -> None:
    settings = load_settings(None, {"SCHOOLBRIDGE_HOME": str(tmp_path)})
    assert settings == Settings(home=tmp_path)
    assert settings.base_url == "http://127.0.0.1:8080"
    assert settings.database_url == f"sqlite:///{tmp_path}/schoolbridge.sqlite"
    assert settings.moodle_target.url == "http://127.0.0.1:8081"
    assert settings.moodle_target.token == DEFAULT_TOKEN


def test_the_data_folder_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert load_settings(None, {}).home == tmp_path / "var"


def test_the_variable_of_the_data_folder_beats_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, 'home = "elsewhere"\n')
    assert load_settings(path, {"SCHOOLBRIDGE_HOME": "/data"}).home == Path("/data")


def test_every_mistake_of_a_file_is_told_at_once(tmp_path: Path) -> None:
    assert len(problems(tmp_path, '[server]\nport = "many"\n[logins]\nscheme = "emoji"\n')) == 2


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[moodle]\nadress = "x"', "moodle.adress: unknown key; known here: batch_size"),
        ("[moodel]", "moodel: unknown key"),
        ('[server]\nport = "many"', "server.port: must be a whole number"),
        ("[server]\nport = 8080.5", "server.port: must be a whole number"),
        ("[server]\nport = true", "server.port: must be a whole number"),
        ("[server]\nport = 70000", "[server] port"),
        ("[server]\nhost = 1", "server.host: must be text"),
        ('[server]\nlanguage = "de"', "server.language: must be one of ru, en"),
        ("server = 5", "[server] must be a table"),
        ("[reading]\nlayout_dirs = 'one'", "reading.layout_dirs: must be a list"),
        ("[auth]\nclients = 3", "auth.clients: must be a list"),
        ("[[auth.clients]]\nclient_id = 'a'\nredirect_uri = 'x'", "redirect_uri: unknown key"),
        ("[[auth.clients]]\nclient_id = 'a'", "redirect_uris"),
        ("[[auth.clients]]\nredirect_uris = ['https://m.example/x']", "client_id"),
        ('[auth]\nissuer = "http://bridge.example.org"', "issuer must be https"),
        ('[server]\ntime_zone = "Mars/Base"', "time_zone"),
        ('[server]\ntime_zone = ""', "time_zone"),
        ('[naming]\nschool_name = "{shcool}"', "[naming]"),
        ('[naming]\nschool_name = "{school_code"', "[naming]"),
        ('[logins]\nemail_domain = "Школа.рф"', "email_domain"),
        ('[mail]\npassword_file = "/no/such"', "mail.password_file: the file cannot be read"),
        (
            '[moodle]\ntoken = "b"\ntoken_file = "/dev/null"',
            "moodle.token_file: give token or its file, not both",
        ),
        ("[server", "not valid TOML"),
        ("port = ", "not valid TOML"),
        ("\x00", "not valid TOML"),
    ],
)
def test_a_mistake_is_named_with_its_file(tmp_path: Path, text: str, words: str) -> None:
    (line,) = problems(tmp_path, text)
    assert words in line
    assert str(tmp_path / "config.toml") in line


def test_a_file_in_another_encoding_is_named(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_bytes('[naming]\ncity_name = "Город"\n'.encode("cp1251"))
    with pytest.raises(ConfigError, match="not valid TOML"):
        load_settings(path, {})


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.toml: cannot be read"):
        load_settings(None, {"SCHOOLBRIDGE_CONFIG": str(tmp_path / "none.toml")})


def test_a_variable_beats_the_file_and_is_read_as_its_type(tmp_path: Path) -> None:
    path = write(tmp_path, '[server]\nport = 1\nhost = "0.0.0.0"\n')
    environment = {
        "SCHOOLBRIDGE_SERVER_PORT": "9000", "SCHOOLBRIDGE_MOODLE_TOKEN": "from the environment",
        "SCHOOLBRIDGE_LIMITS_MAX_SUSPENDED_SHARE": "0.5", "SCHOOLBRIDGE_LANG": "en",
        "PATH": "/bin",
    }  # fmt: skip
    settings = load_settings(path, environment)
    assert (settings.server.port, settings.server.host) == (9000, "0.0.0.0")
    assert settings.moodle.token == "from the environment"
    assert settings.limits.max_suspended_share == 0.5


def test_an_empty_variable_of_a_text_is_an_empty_text(tmp_path: Path) -> None:
    path = write(tmp_path, '[moodle]\nurl = "https://moodle.example.org"\n')
    assert load_settings(path, {"SCHOOLBRIDGE_MOODLE_URL": ""}).uses_standin


@pytest.mark.parametrize("name", ["MOODEL_URL", "MOODLE", "MOODLE_ADRESS", "SERVER_PORT"])
def test_a_variable_that_means_nothing_or_is_wrong_is_named(tmp_path: Path, name: str) -> None:
    (line,) = problems(tmp_path, **{f"SCHOOLBRIDGE_{name}": "many"})
    assert f"SCHOOLBRIDGE_{name}" in line


def test_a_text_can_come_from_a_file(tmp_path: Path) -> None:
    secret = tmp_path / "token"
    secret.write_text("0123456789abcdef\n")
    path = write(
        tmp_path,
        f'[moodle]\ntoken_file = "{secret}"\n'
        f'[[auth.clients]]\nclient_id = "m"\nclient_secret_file = "{secret}"\n'
        'redirect_uris = ["https://moodle.example.org/admin/oauth2callback.php"]\n',
    )
    settings = load_settings(path, {})
    assert settings.moodle.read_token() == "0123456789abcdef"
    assert settings.auth.clients[0].client_secret == "0123456789abcdef"
    from_variable = load_settings(None, {"SCHOOLBRIDGE_MOODLE_TOKEN_FILE": str(secret)})
    assert from_variable.moodle.read_token() == "0123456789abcdef"


def test_secrets_are_in_no_representation_and_no_message(tmp_path: Path) -> None:
    secret = "MostSecretWord"
    text = (
        f'[moodle]\ntoken = "{secret}"\n[database]\nurl = "postgresql://u:{secret}@db/x"\n'
        f'[redis]\nurl = "redis://:{secret}@db/0"\n[[auth.clients]]\nclient_id = "m"\n'
        f'client_secret = "{secret}"\n'
    )
    good = write(tmp_path, text + 'redirect_uris = ["https://moodle.example.org/x"]\n')
    assert secret not in repr(load_settings(good, {}))
    assert secret not in "\n".join(problems(tmp_path, text + "redirect_uris = 3\n"))


def test_every_setting_has_a_type_that_a_file_can_hold() -> None:
    def walk(cls: type[Any]) -> None:
        for hint in typing.get_type_hints(cls).values():
            inner = typing.get_args(hint)[0] if typing.get_origin(hint) is tuple else hint
            if dataclasses.is_dataclass(inner) and isinstance(inner, type):
                walk(inner)
            elif typing.get_origin(inner) is not typing.Literal:
                assert inner in {str, int, float, bool, Path}, (cls, hint)

    walk(Settings)
