"""``make demo``: the whole way on an invented city, through the commands an administrator types.

Makes its own data folder anew each time (only one that it made itself), starts ``serve``, loads,
approves, applies, lets a pupil and a teacher sign in, loads again, loads the next month.
"""

from __future__ import annotations

import html
import json
import os
import re
import secrets
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urljoin, urlsplit

import requests
from sqlalchemy import select

from provisioning.passwords import birth_date_password
from provisioning.roster import Role
from service.application import build
from service.config import load_settings
from service.data_folder import StartError
from service.models import KnownUser
from service.processes import WHOLE_START_SECONDS, Child, wait_ready

MARK = ".made-by-demo"
CLIENT_SECRET = "demo-client-secret"  # noqa: S105 - of a client that exists in the demo only
REDIRECT = "https://moodle.invalid/admin/oauth2callback.php"
OWN_PASSWORD = "Sinitsa na sosne 7"  # noqa: S105 - what the invented people choose


class DemoError(Exception):
    """The demo cannot go on. The text is one line for the terminal."""


def main() -> None:
    home = Path(os.environ.get("SCHOOLBRIDGE_HOME", "var")).absolute()
    try:
        _make_home(home)
        _Demo(home).run()
    except DemoError as error:
        sys.exit(f"demo: {error}")


def _make_home(home: Path) -> None:
    if home.exists() and any(home.iterdir()) and not (home / MARK).exists():
        raise DemoError(
            f"{home} holds data that the demo did not make; name another SCHOOLBRIDGE_HOME"
        )
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir(parents=True)
    (home / MARK).touch()


def _argv(arguments: Iterable[object]) -> list[str]:
    return [sys.executable, "-m", "service", *map(str, arguments)]


def _free_port() -> str:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return str(probe.getsockname()[1])


class _Demo:
    def __init__(self, home: Path) -> None:
        self._home = home
        self._samples = home / "samples"
        config = home / "demo.toml"
        config.write_text(
            f'[[auth.clients]]\nclient_id = "moodle"\nclient_secret = "{CLIENT_SECRET}"\n'
            f'redirect_uris = ["{REDIRECT}"]\n'
        )
        os.environ |= {
            "SCHOOLBRIDGE_HOME": str(home),
            "SCHOOLBRIDGE_CONFIG": str(config),
            "SCHOOLBRIDGE_SERVER_PORT": _free_port(),
            "SCHOOLBRIDGE_SERVER_STANDIN_PORT": _free_port(),
        }
        self._settings = load_settings()

    def run(self) -> None:
        """The steps of the demo, in order."""
        operator = self._output("init")
        _say(f"$ schoolbridge init\n{operator.rstrip()}")
        serve = Child(name="serve", command=_argv(["serve"]), log=self._home / "serve.log")
        serve.start()
        try:
            wait_ready(serve, self._is_up, seconds=WHOLE_START_SECONDS)
            _title("A city of three schools, the last one with mistakes in its file")
            self._load()
            _title("A pupil and a teacher sign in for the first time")
            for role in (Role.STUDENT, Role.TEACHER):
                self._sign_in(role)
            _title("The same files again: nothing may change")
            writes = self._writes()
            self._sync(0)
            again = self._writes() - writes
            _say(f"Write calls to Moodle: {again}")
            if again:
                raise DemoError("the second load of the same files changed something in Moodle")
            _title("The next month: arrivals, leavers, a transfer, a renamed class")
            self._sync(1)
            _title("Coverage: who is on the roll, has an account, has signed in")
            self._command("report", "coverage")
        except StartError as error:
            raise DemoError(str(error)) from error
        finally:
            serve.stop()
        _title("To look around in the browser: make serve")
        _say(operator.rstrip())

    def _is_up(self) -> bool:
        try:
            return requests.get(f"{self._settings.base_url}/health/ready", timeout=2).ok
        except requests.RequestException:
            return False

    def _load(self) -> None:
        """Import, look, approve and apply, each with its own command."""
        self._write_sample(0)
        self._command("import", str(self._samples / "0"))
        newest = json.loads(self._output("loads", "--limit", 1, "--json"))[0]
        self._command("approve", newest["load"], "--digest", newest["digest"])
        self._command("apply", newest["load"])

    def _sync(self, month: int) -> None:
        self._write_sample(month)
        self._command("sync", str(self._samples / str(month)), "--yes")

    def _write_sample(self, month: int) -> None:
        out = self._samples / str(month)
        if not out.exists():
            self._command(
                "sample", "--schools", 3, "--people-per-school", 300, "--broken", 1,
                "--month", month, "--out", out,
            )  # fmt: skip

    def _writes(self) -> int:
        """Return how many calls that change something the Moodle stand-in has answered."""
        url = f"{self._settings.moodle_target.url}/standin/counts"
        return sum(requests.get(url, timeout=10).json()["writes"].values())

    def _sign_in(self, role: Role) -> None:
        """Go the way Moodle sends a person: code flow, first password, an own password."""
        with build(self._settings).sessions() as session:
            person = session.scalars(
                select(KnownUser)
                .where(KnownUser.role == role, KnownUser.suspended.is_(False))
                .order_by(KnownUser.username)
            ).first()
        if person is None or person.birth_date is None:
            raise DemoError(f"there is no {role} to sign in")
        visitor = _Visitor(self._settings.base_url)
        password = birth_date_password(person.birth_date)
        page = visitor.submit(visitor.start(), username=person.username, password=password)
        if isinstance(page, str):
            raise DemoError("the first password was taken without asking for an own one")
        new = dict.fromkeys(page.of_kind("password"), OWN_PASSWORD)
        claims = visitor.finish(visitor.submit(page, **new))
        if claims.get("sub") != person.person_id:
            raise DemoError(f"the {role} who signed in is not the one who was meant")
        _say(f"{role}: login {person.username}, first password changed, signed in to Moodle")

    def _command(self, *arguments: object) -> None:
        _say("$ schoolbridge " + " ".join(map(str, arguments)))
        code = subprocess.run(_argv(arguments)).returncode
        if code:
            raise DemoError(f"the command above ended with {code}")

    def _output(self, *arguments: object) -> str:
        return subprocess.check_output(_argv(arguments), text=True)


def _title(text: str) -> None:
    _say(f"\n== {text}")


def _say(text: str) -> None:
    print(text, flush=True)


class _Page:
    """The one form of a page: its address and its inputs."""

    def __init__(self, answer: requests.Response) -> None:
        actions = re.findall(r'<form[^>]* action="([^"]+)"', answer.text)
        self.action = urljoin(answer.url, html.unescape(actions[-1] if actions else ""))
        tags = re.findall(r"<input[^>]*>", answer.text)
        self._inputs = [dict(re.findall(r'([\w-]+)="([^"]*)"', tag)) for tag in tags]

    def of_kind(self, kind: str) -> dict[str, str]:
        """Return names and values of the inputs of this type."""
        found = [one for one in self._inputs if one.get("type") == kind]
        return {one["name"]: html.unescape(one.get("value", "")) for one in found}


class _Visitor:
    """A browser and the Moodle behind it, as far as a sign-in needs them."""

    def __init__(self, issuer: str) -> None:
        self._session = requests.Session()
        known = requests.get(f"{issuer}/.well-known/openid-configuration", timeout=10).json()
        self._endpoints: dict[str, str] = known
        self._state = secrets.token_urlsafe(12)

    def start(self) -> _Page:
        parameters = {
            "response_type": "code", "client_id": "moodle", "redirect_uri": REDIRECT,
            "scope": "openid profile email", "state": self._state,
        }  # fmt: skip
        url = self._endpoints["authorization_endpoint"]
        return _Page(self._session.get(url, params=parameters, timeout=10))

    def submit(self, page: _Page, **typed: str) -> _Page | str:
        """The next page, or the address the person is sent back to Moodle with."""
        answer = self._session.post(
            page.action, data=page.of_kind("hidden") | typed, allow_redirects=False, timeout=10
        )
        while answer.is_redirect:
            target = urljoin(answer.url, answer.headers["Location"])
            if target.startswith(REDIRECT):
                return target
            answer = self._session.get(target, allow_redirects=False, timeout=10)
        return _Page(answer)

    def finish(self, address: _Page | str) -> dict[str, Any]:
        """Redeem the code as Moodle does, and ask who it is."""
        back = parse_qs(urlsplit(address).query) if isinstance(address, str) else {}
        if back.get("state") != [self._state]:
            raise DemoError("the sign-in did not lead back to Moodle")
        asked = {
            "grant_type": "authorization_code", "code": back["code"][0], "redirect_uri": REDIRECT,
            "client_id": "moodle", "client_secret": CLIENT_SECRET,
        }  # fmt: skip
        answer = requests.post(self._endpoints["token_endpoint"], data=asked, timeout=10)
        headers = {"Authorization": f"Bearer {answer.json()['access_token']}"}
        claims: dict[str, Any] = requests.get(
            self._endpoints["userinfo_endpoint"], headers=headers, timeout=10
        ).json()
        return claims


if __name__ == "__main__":
    main()
