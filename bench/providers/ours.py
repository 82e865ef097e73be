"""The whole service of one person, started as an administrator does it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path

import psutil
from argon2 import PasswordHasher

from auth.clients.client import Client
from auth.models import Credential
from bench.flows import BACK, Side
from bench.providers.others import free_port, wait_listening
from service.application import Application, build
from service.config import load_settings
from service.db import transaction
from service.models import Identity, KnownUser, School, SchoolMembership

PASSWORD = "a long password of the bench"
CLIENT = Client(client_id="moodle", client_secret="moodle-secret", redirect_uris=(BACK,))
PERSON = "00000000-0000-4000-8000-000000000001"


@contextmanager
def our_service(folder: Path, core: int) -> Iterator[Side]:
    folder.mkdir()
    port = free_port()
    config = folder / "schoolbridge.toml"
    config.write_text(
        f"[server]\nport = {port}\n"
        '[moodle]\nurl = "http://127.0.0.1:9"\ntoken = "of nobody"\n'
        f'[[auth.clients]]\nclient_id = "{CLIENT.client_id}"\n'
        f'client_secret = "{CLIENT.client_secret}"\n'
        f'redirect_uris = ["{BACK}"]\n'
    )
    environment = {
        **os.environ,
        "SCHOOLBRIDGE_HOME": str(folder),
        "SCHOOLBRIDGE_CONFIG": str(config),
    }
    command = [sys.executable, "-m", "service"]
    with (folder / "serve.log").open("wb") as log:
        subprocess.run([*command, "init"], env=environment, check=True, stdout=log, stderr=log)
        application = build(load_settings(config, {"SCHOOLBRIDGE_HOME": str(folder)}))
        add_person(application)
        application.engine.dispose()
        serve = subprocess.Popen([*command, "serve"], env=environment, stdout=log, stderr=log)
        try:
            wait_listening(port)
            processes = _pin_web(serve.pid, core)
            yield Side(
                port=port,
                authorize="/auth/authorize",
                token="/auth/token",
                userinfo="/auth/userinfo",
                typed={"username": "1234p5678", "password": PASSWORD},
                processes=processes,
            )
        finally:
            serve.terminate()
            serve.wait()


def _pin_web(serve: int, core: int) -> tuple[psutil.Process, ...]:
    """The processes that answer requests; Redis and the worker stay where they are."""
    found = tuple(
        process
        for process in psutil.Process(serve).children(recursive=True)
        if "service.wsgi:application" in process.cmdline()
    )
    for process in found:
        for thread in process.threads():
            psutil.Process(thread.id).cpu_affinity([core])
        process.cpu_affinity([core])
    return found


def add_person(application: Application) -> None:
    """One with a hash that costs next to nothing."""
    now = datetime.now(UTC)
    cheap = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    names = {"family_name": "Примеров", "given_name": "Пример", "birth_date": date(2010, 5, 5)}
    with transaction(application.sessions) as session:
        session.add(School(code="1", name="Школа № 1", short_name="Школа № 1", district="Невский"))
        session.flush()
        session.add_all(
            [
                Identity(
                    person_id=PERSON, username="1234p5678", name_key="примеров пример",
                    school_code="1", reserved_at=now, **names,
                ),
                KnownUser(
                    person_id=PERSON, moodle_id=1, username="1234p5678", firstname="Пример",
                    lastname="Примеров", email="1234p5678@bench.invalid", auth="oauth2",
                    role="student", school_code="1", created_at=now, updated_at=now, **names,
                ),
                SchoolMembership(school_code="1", person_id=PERSON, role="student"),
                Credential(person_id=PERSON, password_hash=cheap.hash(PASSWORD), changed_at=now),
            ]
        )  # fmt: skip
