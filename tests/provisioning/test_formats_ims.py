"""IMS Enterprise as others write it: Moodle's example, PIFU of Norwegian schools, ``fn`` alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from provisioning.formats.formatted_names import split_name
from provisioning.roster import ClassKind, Role
from tests.provisioning.roster_files import read, read_text

PIFU = "http://pifu.no/xsd/pifu-ims_sas/pifu-ims_sas-1.1"


def sourcedid(sourced_id: str) -> str:
    return f"<sourcedid><source>78-0243</source><id>{sourced_id}</id></sourcedid>"


def person(sourced_id: str, name: str, born: str = "2012-02-29") -> str:
    return (
        f"<person>{sourcedid(sourced_id)}<userid>{sourced_id}</userid><name>{name}</name>"
        f"<demographics><bday>{born}</bday></demographics></person>"
    )


def group(sourced_id: str, title: str, kind: str = "") -> str:
    typed = f"<grouptype><scheme>x</scheme><typevalue level='1'>{kind}</typevalue></grouptype>"
    return (
        f"<group>{sourcedid(sourced_id)}{typed if kind else ''}"
        f"<description><short>{title}</short></description></group>"
    )


def member(group_id: str, person_id: str, roletype: str) -> str:
    return (
        f"<membership>{sourcedid(group_id)}<member>{sourcedid(person_id)}<idtype>1</idtype>"
        f"<role roletype='{roletype}'><status>1</status></role></member></membership>"
    )


def enterprise(*parts: str, properties: bool = True, namespace: str = "") -> str:
    head = (
        "<properties><datasource>78-0243</datasource><datetime>2026-10-01</datetime></properties>"
        if properties
        else ""
    )
    xmlns = f' xmlns="{namespace}"' if namespace else ""
    return f"<?xml version='1.0'?>\n<enterprise{xmlns}>{head}{''.join(parts)}</enterprise>"


PARTED = "<fn>Пётр Примеров</fn><n><family>Примеров</family><given>Пётр</given></n>"
TEACHER = "<fn>x</fn><n><family>Образцова</family><given>Проба</given></n>"
USUAL = {"school.no_district"}


def test_a_file_like_moodle_s_example_is_read_without_properties_types_and_roles() -> None:
    text = enterprise(
        group("c-8a", "8А"), person("s-1", PARTED), person("t-1", TEACHER, "1980-02-29"),
        member("c-8a", "s-1", "01"), member("c-8a", "t-1", "02"), properties=False,
    )  # fmt: skip
    result = read_text(text)
    assert set(result.rules) <= USUAL
    roles = {key: one.role for key, one in result.roster.persons.items()}
    assert roles == {"s-1": Role.STUDENT, "t-1": Role.TEACHER}
    assert result.roster.school.code == "78-0243"
    assert [one.title for one in result.roster.classes.values()] == ["8А"]


def test_the_words_of_pifu_are_known() -> None:
    text = enterprise(
        person("s-1", PARTED), person("t-1", TEACHER, "1980-02-29"),
        pifu_group("o", "Школа № 243", "skole", "owner"), pifu_group("k", "8А", "basisgruppe", "o"),
        pifu_group("g", "8А математика", "undervisningsgruppe", "o"),
        pifu_group("y", "8", "trinn", "o"), member("k", "s-1", "Learner"),
        member("g", "s-1", "Learner"), member("g", "t-1", "Instructor"), namespace=PIFU,
    )  # fmt: skip
    result = read_text(text)
    assert result.rules == []
    kinds = {key: one.kind for key, one in result.roster.classes.items()}
    assert kinds == {"k": ClassKind.HOMEROOM, "g": ClassKind.GROUP}
    assert (result.roster.school.code, result.roster.school.number) == ("o", "243")
    assert result.roster.persons["t-1"].role is Role.TEACHER


def test_a_name_in_one_text_is_split_or_told() -> None:
    names = ("Пётр Пробович Примеров", "Тестова Алёна", "Алекс Ким")
    people = [person(f"s-{n}", f"<fn>{name}</fn>") for n, name in enumerate(names)]
    members = [member("c", f"s-{n}", "01") for n in range(len(names))]
    result = read_text(enterprise(*people, group("c", "8А"), *members))
    found = {key: one.full_name for key, one in result.roster.persons.items()}
    assert found == {"s-0": "Примеров Пётр Пробович", "s-1": "Тестова Алёна"}
    assert result.roster.set_aside == {"s-2"}
    assert "field.missing" in result.rules


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Примеров Пётр Пробович", ("Примеров", "Пётр", "Пробович")),
        ("Пётр Пробович Примеров", ("Примеров", "Пётр", "Пробович")),
        ("Анна Ильинична Шевченко", ("Шевченко", "Анна", "Ильинична")),
        ("Алиев Рашид Вагиф оглы", ("Алиев", "Рашид", "Вагиф оглы")),
        ("Ирина Петрова", ("Петрова", "Ирина", "")),
        ("Петрова Ирина", ("Петрова", "Ирина", "")),
        ("Юрий Достоевский", ("Достоевский", "Юрий", "")),
        ("Ким Чен", ("", "", "")),
        ("Марина Марина", ("", "", "")),
        ("Абрамович Роман", ("Абрамович", "Роман", "")),
        ("Анна Мария Лопес", ("", "", "")),
        ("Пётр", ("", "", "")),
        ("", ("", "", "")),
    ],
)
def test_a_name_is_split_where_its_order_is_certain(text: str, parts: tuple[str, str, str]) -> None:
    assert split_name(text) == parts


def pifu_group(sourced_id: str, title: str, kind: str, parent: str, number: str = "") -> str:
    """A group as PIFU-IMS 1.1 writes it; an own organisation number makes it a school's code."""
    scheme = "pifu-ims-go-org" if kind in ("skole", "skoleeier") else "pifu-ims-go-grp"
    own = (
        f"<extension><pifu_id type='organizationNumber'><pifu_value>{number}</pifu_value></pifu_id>"
        "</extension>"
        if number
        else ""
    )
    return (
        f"<group>{sourcedid(sourced_id)}<grouptype><scheme>{scheme}</scheme>"
        f"<typevalue level='1'>{kind}</typevalue></grouptype>"
        f"<description><short>{title}</short></description>"
        f"<relationship relation='1'>{sourcedid(parent)}<label>Примерный</label></relationship>"
        f"{own}</group>"
    )


def two_schools() -> str:
    return enterprise(
        person("s-1", PARTED),
        person("s-2", "<fn>x</fn><n><family>Тестова</family><given>Алёна</given></n>"),
        person("t-1", TEACHER, "1980-02-29"),
        person("g-1", "<fn>x</fn><n><family>Родителев</family><given>Пётр</given></n>"),
        pifu_group("owner", "Муниципалитет", "skoleeier", "owner"),
        pifu_group("o-1", "Школа № 1", "skole", "owner", "999000111"),
        pifu_group("o-2", "Школа № 2", "skole", "owner"),
        pifu_group("k-1", "Basisgruppe 7A", "basisgruppe", "o-1"),
        pifu_group("k-2", "8A", "basisgruppe", "o-2"),
        pifu_group("m-2", "8A Matematikk", "undervisningsgruppe", "o-2"),
        pifu_group("y", "8", "trinn", "o-2"),
        member("k-1", "s-1", "01"), member("k-2", "s-2", "Learner"),
        member("k-1", "t-1", "02"), member("m-2", "t-1", "Instructor"),
        namespace=PIFU,
    )  # fmt: skip


def test_a_pifu_file_of_two_schools_is_read_school_by_school(tmp_path: Path) -> None:
    path = tmp_path / "pifu.xml"
    path.write_text(two_schools(), "utf-8")
    result = read([path])
    rosters = {one.school.code: one for one in result.rosters}
    assert set(rosters) == {"999000111", "o-2"}
    first, second = rosters["999000111"], rosters["o-2"]
    assert (first.school.short_name, second.school.short_name) == ("Школа № 1", "Школа № 2")
    assert set(first.persons) == {"s-1", "t-1"}
    assert set(second.persons) == {"s-2", "t-1"}
    assert {key: (one.grade, one.kind) for key, one in first.classes.items()} == {
        "k-1": (7, ClassKind.HOMEROOM)
    }
    assert set(second.classes) == {"k-2", "m-2"}
    assert first.persons["t-1"].role is second.persons["t-1"].role is Role.TEACHER
    assert "row.no_school" in result.rules  # the guardian
