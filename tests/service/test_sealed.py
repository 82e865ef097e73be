"""Encrypted columns: what is stored tells nothing, and reads only where it was written."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography.exceptions import InvalidTag
from sqlalchemy import select, text, update

from provisioning.questions import QuestionKind
from service.application import Application
from service.db import transaction
from service.models import StoredQuestion
from service.sealed import use_key
from tests.service.installation import NOW, installation

SECRET = "Примеров Пример 2012-01-15" * 20


def store(application: Application) -> None:
    with transaction(application.sessions) as session:
        session.add(
            StoredQuestion(
                kind=QuestionKind.MATCH, school_code="SB0001", key="a-1", rows="[]",
                candidates="[]", evidence=SECRET, asked_at=NOW, changed_at=NOW,
            )
        )  # fmt: skip


def read(application: Application) -> str:
    with application.sessions() as session:
        return session.scalars(select(StoredQuestion.evidence)).one()


def test_a_text_comes_back_and_the_table_does_not_show_it(tmp_path: Path) -> None:
    with installation(tmp_path) as application:
        store(application)
        assert read(application) == SECRET
        with application.engine.connect() as connection:
            stored = connection.execute(text("SELECT evidence, rows FROM questions")).one()
    assert "Пример" not in str(stored)
    assert len(stored[0]) < len(SECRET)
    assert stored[1] != "[]"


def test_another_secret_does_not_read_it(tmp_path: Path) -> None:
    with installation(tmp_path) as application:
        store(application)
        use_key(application.engine, lambda: bytes(32))
        with pytest.raises(InvalidTag):
            read(application)


def test_a_text_of_another_column_is_not_taken_for_this_one(tmp_path: Path) -> None:
    with installation(tmp_path) as application:
        store(application)
        with transaction(application.sessions) as session:
            session.execute(text("UPDATE questions SET evidence = rows"))
        with pytest.raises(InvalidTag):
            read(application)


def test_without_the_secret_nothing_is_stored(tmp_path: Path) -> None:
    with installation(tmp_path) as application:
        store(application)
        delattr(application.engine.dialect, "schoolbridge_sealing_key")
        with application.sessions() as session, pytest.raises(Exception, match="secret"):
            session.execute(update(StoredQuestion).values(evidence=SECRET))
