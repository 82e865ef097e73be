"""Two processes exchange the same code at the same moment, a thousand times."""

from __future__ import annotations

import secrets
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

from sqlalchemy import Engine, func, select
from sqlalchemy.orm import Session, sessionmaker

from auth.models import AuthorizationCode, Grant, Token, digest
from auth.oidc.keys import load_keys
from tests.auth import exchanging
from tests.auth.exchanging import CLIENT, NOW
from tests.auth.people import PUPIL

ROOT = Path(__file__).parents[3]
CODES = 1000


def make_code(code: str) -> AuthorizationCode:
    return AuthorizationCode(
        code_hash=digest(code),
        client_id=CLIENT.client_id,
        person_id=PUPIL,
        redirect_uri=CLIENT.redirect_uris[0],
        scope="openid",
        auth_time=NOW,
        sid="a" * 64,
        expires_at=NOW + timedelta(minutes=1),
    )


def start_process(engine: Engine, keys: Path) -> subprocess.Popen[str]:
    url = engine.url.render_as_string(hide_password=False)
    return subprocess.Popen(
        [sys.executable, exchanging.__file__, url, str(keys)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": str(ROOT)},
    )


def say(process: subprocess.Popen[str], code: str) -> None:
    assert process.stdin
    process.stdin.write(f"{code}\n")
    process.stdin.flush()


def hear(process: subprocess.Popen[str]) -> str:
    assert process.stdout
    return process.stdout.readline().strip()


def test_of_two_processes_with_the_same_code_exactly_one_gets_tokens(
    session_factory: sessionmaker[Session], tmp_path: Path
) -> None:
    codes = [secrets.token_urlsafe(32) for _ in range(CODES)]
    with session_factory.begin() as db:
        db.add_all([make_code(code) for code in codes])
    engine = session_factory.kw["bind"]
    keys = tmp_path / "keys"
    load_keys(keys, NOW)

    answers = set()
    with start_process(engine, keys) as one, start_process(engine, keys) as other:
        for code in codes:
            say(one, code)
            say(other, code)
            answers.add(tuple(sorted((hear(one), hear(other)))))

    assert answers == {("200", "400")}
    with session_factory() as db:
        assert db.scalar(select(func.count()).select_from(Token)) == CODES
        # The loser came second with a used code, so what the winner got is revoked.
        assert db.scalar(select(func.count()).select_from(Grant)) == 0
