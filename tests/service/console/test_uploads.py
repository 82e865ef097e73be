"""Uploading files through the console."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from sqlalchemy import select
from werkzeug.datastructures import FileStorage

from provisioning.settings import ReadLimits
from service.console.uploads import clean_name
from service.models import Load, LoadStatus
from service.settings import ReadingSettings
from tests.service.console_factories import (
    ConsoleUnderTest,
    add_operators,
    add_school,
    make_console,
)


def console_with_operators(home: Path, **settings: Any) -> ConsoleUnderTest:
    console = make_console(home, **settings)
    with console.rows() as rows:
        add_school(rows, "78-0243", district="Адмиралтейский")
        add_school(rows, "78-0153", district="Невский")
        add_operators(rows)
    return console


@pytest.fixture
def console(tmp_path: Path) -> ConsoleUnderTest:
    return console_with_operators(tmp_path)


def files(*names: str, size: int = 9) -> list[FileStorage]:
    return [FileStorage(BytesIO(b" " * size), filename=name) for name in names]


def only_run(console: ConsoleUnderTest) -> Load:
    with console.rows() as rows:
        return rows.scalars(select(Load)).one()


def test_uploaded_files_become_a_run_that_the_worker_reads(console: ConsoleUnderTest) -> None:
    uploads = files("ученики.xml", "staff.xml")
    answer = console.client("city").post("/console/upload", files=uploads, school="78-0243")
    run = only_run(console)
    assert answer.location == f"/console/loads/{run.id}"
    assert (run.status, run.created_by, run.expected_school) == ("received", "city", "78-0243")
    folder = console.application.settings.home / run.folder
    assert {file.name for file in folder.iterdir()} == {"ученики.xml", "staff.xml"}
    assert console.queue.planned == [run.id]


def test_nothing_of_the_upload_is_left_beside_the_run(console: ConsoleUnderTest) -> None:
    console.client("city").post("/console/upload", files=files("a.xml"))
    home = console.application.settings.home
    assert not list(home.glob("upload-*"))


def test_an_upload_needs_a_file(console: ConsoleUnderTest) -> None:
    answer = console.client("city").post("/console/upload")
    assert answer.status_code == 400
    assert "Выберите хотя бы один файл" in answer.text
    assert console.queue.planned == []


def test_a_school_operator_loads_their_only_school(console: ConsoleUnderTest) -> None:
    browser = console.client("school")
    assert "Файлы должны быть вашей школы, 78-0243" in browser.get("/console/upload").text
    browser.post("/console/upload", files=files("a.xml"))
    assert only_run(console).expected_school == "78-0243"


@pytest.mark.parametrize(
    ("operator", "school", "status"),
    [
        ("school", "78-0243", 302),
        ("school", "78-0153", 400),
        ("district", "78-0153", 302),
        ("district", "78-0243", 400),
        ("district", "78-9999", 400),
        ("city", "78-9999", 302),
    ],
)
def test_the_named_school_must_be_among_the_operators_own(
    console: ConsoleUnderTest, operator: str, school: str, status: int
) -> None:
    browser = console.client(operator)
    answer = browser.post("/console/upload", files=files("a.xml"), school=school)
    assert answer.status_code == status


def test_only_an_upload_may_be_large_and_it_has_a_limit_too(tmp_path: Path) -> None:
    limits = ReadLimits(total_bytes=3 * 1024 * 1024)
    console = console_with_operators(tmp_path, reading=ReadingSettings(limits=limits))
    browser = console.client("city")
    large, too_large = 2 * 1024 * 1024, 4 * 1024 * 1024
    answer = browser.post("/console/signout", files=files("a.xml", size=large))
    assert answer.status_code == 413
    answer = browser.post("/console/upload", files=files("a.xml", size=large))
    assert answer.status_code == 302
    answer = browser.post("/console/upload", files=files("a.xml", size=too_large))
    assert answer.status_code == 413
    assert "Файлы слишком большие" in answer.text


def test_a_lost_queue_is_said_and_the_reading_can_be_queued_later(
    console: ConsoleUnderTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = console.client("city")

    def refuse(_load_id: int) -> None:
        raise RedisConnectionError

    with monkeypatch.context() as broken:
        broken.setattr(console.queue, "plan_load", refuse)
        answer = browser.post("/console/upload", files=files("a.xml"))
    assert answer.status_code == 503
    assert "Очередь заданий не отвечает" in answer.text
    run = only_run(console)
    assert run.status == LoadStatus.RECEIVED
    browser.post(f"/console/loads/{run.id}/plan")
    assert console.queue.planned == [run.id]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ("students.xml", "students.xml"),
        ("C:\\Параграф\\выгрузка.xml", "выгрузка.xml"),
        ("../../etc/passwd", "passwd"),
        ("..", "file.xml"),
        ("a\x00b\n.xml", "ab.xml"),
        ("д" * 300 + ".xml", "д" * 116 + ".xml"),
    ],
)
def test_file_names_are_cleaned(sent: str, kept: str) -> None:
    assert clean_name(sent) == kept
