"""Uploading files through the console."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest
from redis.exceptions import ConnectionError as RedisConnectionError
from werkzeug.datastructures import FileStorage

from provisioning.settings import ReadLimits
from service.console.uploads import clean_name
from service.models import Load, LoadStatus
from service.settings import ReadingSettings
from tests.service.console_factories import Browser, ConsoleUnderTest, make_console, shows
from tests.service.factories import add_school


@pytest.fixture
def console(console: ConsoleUnderTest) -> ConsoleUnderTest:
    with console.rows() as rows:
        add_school(rows, "78-0243", district="Адмиралтейский")
        add_school(rows, "78-0153")
    return console


def files(*names: str, size: int = 9) -> list[FileStorage]:
    return [FileStorage(BytesIO(b" " * size), filename=name) for name in names]


def test_files_become_a_load_that_a_worker_reads(console: ConsoleUnderTest, city: Browser) -> None:
    uploads = files("ученики.xml", "staff.xml")
    answer = city.post("/console/upload", files=uploads, school="78-0243")
    (load,) = console.all(Load)
    assert answer.location == f"/console/loads/{load.id}"
    assert (load.status, load.created_by, load.expected_school) == ("received", "city", "78-0243")
    home = console.application.settings.home
    assert {file.name for file in (home / load.folder).iterdir()} == {"ученики.xml", "staff.xml"}
    assert not list(home.glob("upload-*")), "nothing is left beside it"
    assert console.queue.planned == [load.id]


def test_an_upload_needs_a_file(console: ConsoleUnderTest, city: Browser) -> None:
    shows(city.post("/console/upload"), "Выберите хотя бы один файл", status=400)
    assert console.queue.planned == []


def test_a_school_operator_loads_their_only_school(console: ConsoleUnderTest) -> None:
    browser = console.client("school")
    assert "Файлы должны быть вашей школы, 78-0243" in browser.get("/console/upload").text
    browser.post("/console/upload", files=files("a.xml"))
    assert [load.expected_school for load in console.all(Load)] == ["78-0243"]


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
    answer = console.client(operator).post("/console/upload", files=files("a.xml"), school=school)
    assert answer.status_code == status


def test_only_an_upload_may_be_large_and_it_has_a_limit_too(tmp_path: Path) -> None:
    limits = ReadLimits(total_bytes=3 * 1024 * 1024)
    reading = ReadingSettings(limits=limits)
    city = make_console(tmp_path, operators=True, reading=reading).client("city")
    for address, megabytes, status in (("signout", 2, 413), ("upload", 2, 302), ("upload", 4, 413)):
        large = files("a.xml", size=megabytes * 1024 * 1024)
        answer = city.post(f"/console/{address}", files=large)
        assert answer.status_code == status, (address, megabytes)
    assert "Файлы слишком большие" in answer.text


def test_a_lost_queue_is_said_and_the_reading_can_be_queued_later(
    console: ConsoleUnderTest, city: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_load_id: int) -> None:
        raise RedisConnectionError

    with monkeypatch.context() as broken:
        broken.setattr(console.queue, "plan_load", refuse)
        answer = city.post("/console/upload", files=files("a.xml"))
    shows(answer, "Очередь заданий не отвечает", status=503)
    (load,) = console.all(Load)
    assert load.status == LoadStatus.RECEIVED
    city.post(f"/console/loads/{load.id}/plan")
    assert console.queue.planned == [load.id]


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
