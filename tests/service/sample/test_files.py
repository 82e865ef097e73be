"""The files of the sample city: the same bytes, valid, complete in every layout and encoding."""

from __future__ import annotations

import hashlib
import re
from importlib import resources
from pathlib import Path

import pytest
from lxml import etree

from service.sample import ENCODINGS, LAYOUTS, City, make_city, write_sample

CITY = City(schools=3, people_per_school=60, broken=1)


def digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*.xml")
    }


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_same_numbers_write_the_same_bytes(tmp_path: Path, layout: str) -> None:
    for name in ("first", "second"):
        write_sample(tmp_path / name, CITY, layout=layout, month=1)
    assert digests(tmp_path / "first") == digests(tmp_path / "second") != {}


def test_the_bytes_are_the_same_on_any_machine(tmp_path: Path) -> None:
    write_sample(tmp_path, City(schools=1, people_per_school=20), layout="roster-1")
    [digest] = digests(tmp_path).values()
    assert digest == "52d188fdb33d688b6cd2ebdfebecbd4bf06e782e3707ee4b50ac66b69a9eae75"


@pytest.mark.parametrize("layout", LAYOUTS)
def test_every_school_has_its_own_files(tmp_path: Path, layout: str) -> None:
    people = write_sample(tmp_path, CITY, layout=layout)
    assert {path.stem for path in tmp_path.iterdir()} == {"SB0001", "SB0002", "SB0003"}
    assert people == sum(len(school.rows) for school in make_city(CITY))


def test_sound_samples_of_our_own_layout_are_valid(tmp_path: Path) -> None:
    xsd = resources.files("provisioning.formats.layouts").joinpath("roster-1.xsd")
    schema = etree.XMLSchema(etree.fromstring(xsd.read_bytes()))
    write_sample(tmp_path, City(schools=3, people_per_school=300), layout="roster-1", month=3)
    for path in tmp_path.iterdir():
        schema.assertValid(etree.parse(path))


@pytest.mark.parametrize("encoding", ENCODINGS)
@pytest.mark.parametrize("layout", LAYOUTS)
def test_files_are_in_the_encoding_that_they_declare(
    tmp_path: Path, layout: str, encoding: str
) -> None:
    write_sample(tmp_path, CITY, layout=layout, encoding=encoding)
    for path in tmp_path.rglob("*.xml"):
        assert path.read_bytes().startswith(
            b'<?xml version="1.0" encoding="%s"?>' % encoding.encode()
        )
        path.read_text(encoding)
        etree.parse(path)


def test_letters_outside_windows_1251_survive_as_references(tmp_path: Path) -> None:
    city = City(schools=3, people_per_school=300)
    names = {row.person.family_name for school in make_city(city) for row in school.rows}
    write_sample(tmp_path, city, layout="paragraf-flat")
    read = {
        element.text
        for path in tmp_path.rglob("st*.xml")
        for element in etree.parse(path).iter("Фамилия")
    }
    assert any(not name.isascii() and re.search("[A-Za-z]", name) for name in names)
    assert names == read


def test_an_unknown_layout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(KeyError):
        write_sample(tmp_path, CITY, layout="roster-9")
