"""The doctor reads every layout of the installation and says what is wrong with each."""

from __future__ import annotations

from pathlib import Path

import pytest

from service.application import Application
from service.doctor import Check, Verdict
from service.doctor.layouts import examine_layouts
from service.settings import ReadingSettings
from tests.service.doctor.conftest import with_settings

OK, WARNING, PROBLEM = Verdict
FLAT = (Path(__file__).parents[2] / "data" / "flat1251" / "layout.toml").read_text("utf-8")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "layouts"
    folder.mkdir()
    return folder


def looked_at(application: Application, *folders: Path) -> list[Check]:
    reading = ReadingSettings(layout_dirs=folders)
    return list(examine_layouts(with_settings(application, reading=reading)))


def test_layouts_in_order_are_named(application: Application, folder: Path) -> None:
    (folder / "flat.toml").write_text(FLAT, "utf-8")
    (check,) = looked_at(application, folder)
    assert (check.verdict, check.message) == (OK, "flat-1")
    (check,) = looked_at(application)
    assert (check.verdict, check.message) == (OK, "those that come with schoolbridge")


def test_each_layout_that_cannot_be_used_is_told_with_its_key(
    application: Application, folder: Path
) -> None:
    (folder / "a.toml").write_text(FLAT.replace('"@ДР"', '"x:ДР"'), "utf-8")
    (folder / "b.toml").write_text(FLAT.replace("source =", "sourse ="), "utf-8")
    (folder / "c.toml").write_text(FLAT, "utf-8")
    one, other = looked_at(application, folder)
    assert (one.verdict, other.verdict) == (PROBLEM, PROBLEM)
    assert one.message.startswith("a.toml: records 2 (student): birth_date: x:ДР: prefix x")
    assert other.message.startswith("b.toml: unknown key sourse")
    assert "new-layout.md" in one.remedy


def test_a_missing_folder_and_layouts_that_hide_others_are_told(
    application: Application, folder: Path
) -> None:
    (folder / "a.toml").write_text(FLAT, "utf-8")
    (folder / "b.toml").write_text(FLAT.replace('"flat-1"', '"flat-2"'), "utf-8")
    (folder / "c.toml").write_text(FLAT.replace('"flat-1"', '"flat-2"'), "utf-8")
    missing, twice, same = looked_at(application, folder / "nowhere", folder)
    assert (missing.verdict, twice.verdict, same.verdict) == (PROBLEM, WARNING, WARNING)
    assert "nowhere" in missing.message
    assert twice.message == "flat-2 is there twice; the one in c.toml counts"
    assert same.message == "flat-1 and flat-2 recognise the same files, by Выгрузка"


def test_a_layout_beside_a_shipped_one_needs_a_version(
    application: Application, folder: Path
) -> None:
    (folder / "a.toml").write_text(FLAT.replace('"Выгрузка"', '"enterprise"'), "utf-8")
    first, last = looked_at(application, folder)
    assert (first.verdict, last.verdict) == (WARNING, OK)
    assert "ims-enterprise-1.1 and flat-1" in first.message
