"""Children of a parent: their records, documents, and the one join to a login of their own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.auth.esia.conftest import EsiaStandin
from tests.auth.esia.reader import reader
from tests.auth.esia.system import came_back, parts_of
from tests.auth.people import PUPIL, TEACHER
from tests.relying_party import Browser

ON_SQLITE = True

CHILD = "00000070105"
"""СНИЛС of the made-up parent's first child."""


def test_a_parents_children_are_joined_to_their_logins_by_snils_alone(
    esia: EsiaStandin, browser: Browser
) -> None:
    kids = reader(esia, browser, "parent").json("/kids?embed=(elements)")["elements"]
    assert [kid["firstName"] for kid in kids] == ["Малыш", "Дочь"]
    assert all("oid" not in kid for kid in kids)
    assert kids[0]["documents"]["elements"][0]["type"] == "RF_BRTH_CERT"
    browser.open(f"{esia.url}/idp/ext/Logout")
    child = reader(esia, browser, "child")
    assert child.json()["snils"] == kids[0]["snils"]
    assert child.json()["kidAccCreatedByParent"] is True
    assert child.load("/ctts") == []


def test_child_fields_need_their_own_scopes(esia: EsiaStandin, browser: Browser) -> None:
    (kid, _) = reader(esia, browser, "parent", "kid_fullname").json("/kids?embed=(elements)")[
        "elements"
    ]
    assert set(kid) == {"stateFacts", "id", "firstName", "lastName", "middleName", "eTag"}


def test_a_childs_documents_are_a_collection_of_their_own(
    esia: EsiaStandin, browser: Browser
) -> None:
    read = reader(esia, browser, "parent")
    kids = read.load("/kids")
    types = [["RF_BRTH_CERT", "MDCL_PLCY"], ["RF_BRTH_CERT"]]
    ids = []
    for kid, expected in zip(kids, types, strict=True):
        documents = read.load(f"/kids/{kid['id']}/docs")
        assert documents == kid["documents"]["elements"]
        assert [one["type"] for one in documents] == expected
        assert documents[0]["vrfStu"] == "VERIFIED"
        ids += [one["id"] for one in documents]
    assert len(set(ids)) == 3
    assert read.get(f"/kids/{kids[0]['id']}/docs/{ids[2]}").status_code == 404
    assert read.get("/kids/1/docs").status_code == 404


def test_children_can_be_embedded_in_the_parent(esia: EsiaStandin, browser: Browser) -> None:
    read = reader(esia, browser, "parent")
    assert read.json("?embed=(kids.elements)")["kids"]["elements"] == read.load("/kids")
    narrow = reader(esia, browser, "parent", "openid fullname")
    assert "kids" not in narrow.json("?embed=(kids.elements)")


def test_a_childs_documents_need_their_own_scope(esia: EsiaStandin, browser: Browser) -> None:
    read = reader(esia, browser, "parent", "kid_fullname")
    (kid, _) = read.load("/kids")
    answer = read.get(f"/kids/{kid['id']}/docs")
    assert (answer.status_code, answer.json()["code"]) == (403, "ESIA-005029")


def test_a_provisioned_pupil_with_the_childs_snils_is_the_child(
    esia: EsiaStandin, browser: Browser
) -> None:
    esia.people.add(replace(esia.people.accounts[PUPIL], snils=CHILD))
    kid = reader(esia, browser, "parent").load("/kids")[0]
    assert (kid["firstName"], kid["lastName"], kid["snils"]) == (
        "Ученик",
        "Проверочный",
        "000-000-701 05",
    )
    assert kid["birthDate"] == "05.03.2014"
    assert "gender" not in kid
    assert kid["documents"]["elements"] == []


@pytest.mark.parametrize("reason", ["suspended", "mistyped twice"])
def test_a_pupil_who_is_not_surely_the_child_is_not_shown(
    esia: EsiaStandin, browser: Browser, reason: str
) -> None:
    pupil = replace(esia.people.accounts[PUPIL], snils=CHILD, suspended=reason == "suspended")
    esia.people.add(pupil)
    if reason == "mistyped twice":
        esia.people.add(replace(esia.people.accounts[TEACHER], snils=CHILD))
    assert reader(esia, browser, "parent").load("/kids")[0]["firstName"] == "Малыш"


@pytest.mark.parametrize(
    ("snils", "shown"), [("11223344595", "112-233-445 95"), ("", None), ("112", None)]
)
def test_a_provisioned_person_has_the_snils_of_the_school_record(
    esia: EsiaStandin, browser: Browser, snils: str, shown: str | None
) -> None:
    esia.people.add(replace(esia.people.accounts[PUPIL], snils=snils))
    esia.give_password()
    system = esia.system(scope="openid fullname snils id_doc")
    token = system.tokens(came_back(system.enter_with_password(browser))["code"])
    oid = parts_of(token["id_token"])[1]["sub"]
    person = system.rest(f"prns/{oid}", token["access_token"]).json()
    assert person.get("snils") == shown
    assert "citizenship" not in person  # the school record does not tell it
