"""``serve`` and what it starts: up together, down together, one clear line when it cannot."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
import requests

from service.config import load_settings
from service.data_folder import locked, run_folder
from service.processes import Child, wait_ready
from service.redis_link import redis_answers
from service.settings import START_SECONDS, Settings
from tests.language import in_language
from tests.service import command_line
from tests.service.command_line import below_a_file, command, free_port, run
from tests.waiting import WAIT_SECONDS, until


@pytest.fixture
def environment(home: Path) -> dict[str, str]:
    """A data folder that init has made, and ports of its own."""
    ports = {"SERVER_PORT": str(free_port()), "SERVER_STANDIN_PORT": str(free_port())}
    return command_line.environment(home, **ports)


def settings_of(environment: dict[str, str]) -> Settings:
    return load_settings(None, environment)


def started(environment: dict[str, str]) -> psutil.Popen:
    pipe = subprocess.PIPE
    return psutil.Popen(command("serve"), env=environment, stdout=pipe, stderr=pipe, text=True)


@contextmanager
def serving(environment: dict[str, str]) -> Iterator[psutil.Popen]:
    """A running ``serve``, ready to be used; ended by force if the test leaves it running."""
    serve = started(environment)
    try:
        assert serve.stdout.readline().startswith("Ready: "), serve.stderr.read()
        yield serve
    finally:
        for process in [serve, *tree(serve)]:
            if process.is_running():
                process.kill()
        serve.communicate()


def tree(process: psutil.Process) -> list[psutil.Process]:
    try:
        return process.children(recursive=True)
    except psutil.NoSuchProcess:
        return []


def refused(environment: dict[str, str], **variables: str) -> str:
    """The one line of a ``serve`` that cannot start; ``variables`` without ``SCHOOLBRIDGE_``."""
    changed = {f"SCHOOLBRIDGE_{name}": value for name, value in variables.items()}
    ended = subprocess.run(
        command("serve"), env=environment | changed, capture_output=True, text=True,
        timeout=WAIT_SECONDS,
    )  # fmt: skip
    assert (ended.returncode, ended.stdout) == (1, "")
    # A slow machine says what it waits for, and what goes wrong meanwhile is in the log.
    lines = [line for line in ended.stderr.splitlines() if not line.startswith(("{", "Waiting"))]
    assert len(lines) == 1, ended.stderr
    return lines[0]


def test_serve_answers_and_one_ctrl_c_ends_all_of_it(environment: dict[str, str]) -> None:
    settings = settings_of(environment)
    with serving(environment) as serve:
        live, ready, counts = (
            requests.get(address, timeout=60)
            for address in (
                f"{settings.base_url}/health/live", f"{settings.base_url}/health/ready",
                f"{settings.moodle_target.url}/standin/counts",
            )
        )  # fmt: skip
        assert (live.status_code, live.json()) == (200, {"status": "ok"})
        assert ready.json() == {"database": "ok", "redis": "ok", "worker": "ok"}
        assert ready.status_code == counts.status_code == 200
        children = tree(serve)
        assert len(children) >= 4
        serve.send_signal(signal.SIGINT)
        assert serve.wait(WAIT_SECONDS) == 0
        assert not [child for child in children if child.is_running()]
        assert serve.stdout.read() == "Ended.\n"
        assert "Traceback" not in serve.stderr.read()


def test_ctrl_c_before_it_is_ready_ends_all_of_it_too(environment: dict[str, str]) -> None:
    serve = started(environment)
    until(lambda: bool(tree(serve)))
    children = tree(serve)
    serve.send_signal(signal.SIGINT)
    out, err = serve.communicate(timeout=WAIT_SECONDS)
    assert (serve.returncode, out) == (0, "Ended.\n")
    assert "Traceback" not in err
    assert not [child for child in children if child.is_running()]


def test_a_killed_serve_leaves_nothing_behind(environment: dict[str, str]) -> None:
    with serving(environment) as serve:
        children = tree(serve)
        serve.kill()
        _gone, alive = psutil.wait_procs(children, WAIT_SECONDS)
        assert not alive
    # And what it left on the disk, its socket among it, is no obstacle.
    with serving(environment) as again:
        again.send_signal(signal.SIGTERM)
        assert again.wait(WAIT_SECONDS) == 0


def test_a_child_that_dies_is_started_again(environment: dict[str, str]) -> None:
    settings = settings_of(environment)

    def is_well() -> bool:
        try:
            requests.get(settings.moodle_target.url + "/standin/counts", timeout=60)
            return requests.get(settings.base_url + "/health/ready", timeout=60).ok
        except requests.RequestException:
            return False

    with serving(environment) as serve:
        for name in ("loads", "upkeep", "moodle-standin", "valkey-server", "granian"):
            (victim,) = [
                child
                for child in serve.children()
                if any(Path(word.partition(" ")[0]).name == name for word in child.cmdline())
            ]
            family = [victim, *victim.children(recursive=True)]
            victim.kill()
            _gone, alive = psutil.wait_procs(family, WAIT_SECONDS)
            assert not alive, "a process that it started goes on without it"
            until(is_well, lambda name=name: name)
            assert victim.pid not in [child.pid for child in serve.children()]


def test_a_stale_socket_of_an_earlier_run_is_no_obstacle(environment: dict[str, str]) -> None:
    path = run_folder(settings_of(environment)) / "redis.sock"
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(str(path))
    assert path.exists()
    with serving(environment):
        assert redis_answers(settings_of(environment))


@pytest.mark.parametrize("variable", ["SERVER_PORT", "SERVER_STANDIN_PORT"])
def test_a_port_in_use_is_one_line(environment: dict[str, str], variable: str) -> None:
    port = environment[f"SCHOOLBRIDGE_{variable}"]
    with socket.create_server(("127.0.0.1", int(port))):
        line = refused(environment)
    assert f"port {port} on 127.0.0.1 is in use" in line
    assert variable.removeprefix("SERVER_").lower() in line


@pytest.mark.parametrize(
    ("variable", "value", "told"),
    [
        ("SERVER_HOST", "192.0.2.1", "cannot listen on 192.0.2.1"),
        ("HOME", "{folder}/a-file/home", "{folder}/a-file/home"),
        ("HOME", "{folder}/new", "schoolbridge init"),
        ("REDIS_URL", "redis://127.0.0.1:9/0", "Redis does not answer"),
    ],
    ids=["address of another machine", "folder that cannot be made", "no init", "no Redis"],
)
def test_what_cannot_be_used_is_one_line(
    environment: dict[str, str], tmp_path: Path, variable: str, value: str, told: str
) -> None:
    below_a_file(tmp_path)
    line = refused(environment, **{variable: value.format(folder=tmp_path)})
    assert told.format(folder=tmp_path) in line


def test_a_second_serve_on_the_same_folder_is_refused(environment: dict[str, str]) -> None:
    with serving(environment) as serve:
        line = refused(environment, SERVER_PORT=str(free_port()))
        assert "another serve is running" in line
        assert serve.is_running()


def test_serve_does_not_start_beside_a_command_at_work(environment: dict[str, str]) -> None:
    with locked(settings_of(environment), "starting"):
        assert "a command is at work" in refused(environment)


def test_a_child_that_starts_too_slowly_ends_it_all(environment: dict[str, str]) -> None:
    line = refused(environment, SERVER_START_SECONDS="0.000001")
    # Redis may be quicker than the first look at the clock; then it is the next child that is late.
    assert re.search(r"\b(redis|moodle-standin) is not ready after 0 s", line)
    assert "[server] start_seconds" in line
    assert not redis_answers(settings_of(environment))


def test_whoever_waits_long_is_told_for_what(environment: dict[str, str]) -> None:
    said: list[str] = []
    child = Child(name="web", command=["sleep", "infinity"], log=Path(os.devnull))
    child.start()
    try:
        with in_language("en"):
            wait_ready(child, lambda: bool(said), seconds=START_SECONDS, say=said.append)
    finally:
        child.stop()
    assert said == [f"Waiting for web to start, up to {round(START_SECONDS)} s"]
    assert settings_of(environment).server.start_seconds == START_SECONDS == 120


def test_import_starts_no_moodle_stand_in(environment: dict[str, str], tmp_path: Path) -> None:
    files, home = tmp_path / "files", Path(environment["SCHOOLBRIDGE_HOME"])
    made = ["sample", "--schools", "1", "--people-per-school", "20", "--out", files]
    assert run(*made, home=home).code == 0
    # The stand-in could not even listen.
    port = int(environment["SCHOOLBRIDGE_SERVER_STANDIN_PORT"])
    with socket.create_server(("127.0.0.1", port)):
        asked = command("import", files)
        ended = subprocess.run(asked, env=environment, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stderr
    assert not (home / "log" / "moodle-standin.log").exists()


def test_a_child_that_cannot_live_is_told_with_its_last_words(environment: dict[str, str]) -> None:
    home = Path(environment["SCHOOLBRIDGE_HOME"])
    (home / "moodle-standin.sqlite").write_text("this is no database")
    line = refused(environment)
    assert "moodle-standin ended at once" in line
    assert not redis_answers(settings_of(environment))
