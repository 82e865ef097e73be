"""Two processes exchange the same code at the same moment, a thousand times."""

from __future__ import annotations

import secrets
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

from sqlalchemy import func, select
from sqlalchemy.orm import Session, sessionmaker

from auth.models import AuthorizationCode, Grant, Token, digest
from auth.oidc.keys import load_keys
from tests.auth import exchanging
from tests.auth.exchanging import CLIENT, NOW
from tests.auth.independent import conversation
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


def test_of_two_processes_with_the_same_code_exactly_one_gets_tokens(
    session_factory: sessionmaker[Session], tmp_path: Path
) -> None:
    codes = [secrets.token_urlsafe(32) for _ in range(CODES)]
    with session_factory.begin() as db:
        db.add_all([make_code(code) for code in codes])
    load_keys(tmp_path, NOW)
    url = session_factory.kw["bind"].url.render_as_string(hide_password=False)
    command = [sys.executable, exchanging.__file__, url, str(tmp_path)]
    env = {"PYTHONPATH": str(ROOT)}

    answers = set()
    with (
        conversation(command, tmp_path, env) as one,
        conversation(command, tmp_path, env) as other,
        ThreadPoolExecutor(2) as pool,
    ):
        for code in codes:
            answers.add(tuple(sorted(pool.map(lambda two, c=code: two.ask(c), (one, other)))))

    assert answers == {(200, 400)}
    with session_factory() as db:
        assert db.scalar(select(func.count()).select_from(Token)) == CODES
        # The loser came second with a used code, so what the winner got is revoked.
        assert db.scalar(select(func.count()).select_from(Grant)) == 0
