"""Published client libraries in environments of their own, how a test talks to them, and the
browser whose person comes back to them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

from tests.waiting import WAIT_SECONDS

INSTALL_SECONDS = 900
Command = tuple[list[str], Path]


def install(command: list[str], what: str, folder: Path) -> None:
    """Skips with one line when the package index is not there."""
    done = subprocess.run(
        command, cwd=folder, capture_output=True, timeout=INSTALL_SECONDS, check=False
    )
    if done.returncode:
        pytest.skip(f"{what} could not be installed: is the package index reachable?")


def by_pip(packages: list[str], program: Path, folder: Path) -> Command:
    """The program with the interpreter of a new environment that has these packages."""
    install([sys.executable, "-m", "venv", "venv"], "a Python environment", folder)
    install([str(folder / "venv/bin/pip"), "install", "--quiet", *packages], packages[0], folder)
    return [str(folder / "venv/bin/python"), str(program)], folder


def by_npm(package: str, program: Path, folder: Path) -> Command:
    """The program beside the package that it imports."""
    if shutil.which("npm") is None:
        pytest.skip("node and npm are not here")
    install(["npm", "install", "--silent", "--no-audit", package], package, folder)
    shutil.copy(program, folder)
    return ["node", program.name], folder


class Conversation:
    """A program that reads lines of JSON and answers each with one."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ask(self, question: Any) -> Any:
        assert self._process.stdin
        assert self._process.stdout
        self._process.stdin.write(json.dumps(question) + "\n")
        self._process.stdin.flush()
        answer = self._process.stdout.readline()
        if not answer:
            _, complaint = self._process.communicate(timeout=WAIT_SECONDS)
            pytest.fail(f"the program gave up: {complaint[-2000:]}")
        return json.loads(answer)


@contextmanager
def conversation(
    command: list[str], folder: Path, env: dict[str, str] | None = None
) -> Iterator[Conversation]:
    with subprocess.Popen(
        command, cwd=folder, env=env, text=True,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    ) as process:  # fmt: skip
        try:
            yield Conversation(process)
        finally:
            process.kill()


@contextmanager
def journey(chromium: Browser, callback: str) -> Iterator[tuple[Page, list[str]]]:
    """A page of a new browser, and the addresses at ``callback`` that it came back to. Nothing is
    there: the test answers "back" in the application's place."""
    came_back: list[str] = []
    with chromium.new_context(locale="ru-RU") as context:
        page = context.new_page()
        page.on(
            "request",
            lambda asked: came_back.append(asked.url) if asked.url.startswith(callback) else None,
        )
        page.route(f"{callback}**", lambda route: route.fulfill(body="back"))
        yield page, came_back
