"""Systems registered and faults switched while the stand-in runs count at the next request."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from auth.clients.problems import Flaw, WrongFields
from auth.clients.stored import to_json
from auth.esia.models import EsiaRegistration, EsiaSwitches
from auth.esia.registration import (
    OWN_COLUMNS,
    Change,
    certificate_change,
    end_what_was_given,
    system_of,
)
from auth.settings import EsiaSystem
from tests.auth.conftest import START
from tests.auth.esia.conftest import SCOPES, EsiaStandin, Start
from tests.auth.esia.signing import Signer
from tests.auth.esia.system import OID, came_back, error_in


def register(esia: EsiaStandin, signer: Signer) -> None:
    system = EsiaSystem(mnemonic="SCHOOL01", redirect_hosts=("journal.example",), scopes=SCOPES)
    row = EsiaRegistration(
        mnemonic="SCHOOL01",
        settings=to_json(system, without=OWN_COLUMNS),
        certificate=signer.certificate.der,
        created_at=START,
    )
    row.touch(START)
    with esia.session_factory.begin() as db:
        db.add(row)


def change(esia: EsiaStandin, **values: Any) -> None:
    """Of the registered system."""
    with esia.session_factory.begin() as db:
        row = db.get_one(EsiaRegistration, "SCHOOL01")
        for name, value in values.items():
            setattr(row, name, value)
        row.touch(START)


def switch_faults(esia: EsiaStandin, faults: list[str] | None) -> None:
    with esia.session_factory.begin() as db:
        switches = db.merge(EsiaSwitches(mnemonic="SCHOOL01"))
        switches.faults = faults
        switches.touch()


@pytest.fixture
def empty(start_esia: Start) -> EsiaStandin:
    """A stand-in that is served although the settings file names no system."""
    return start_esia(systems=(), serve=True)


@pytest.mark.parametrize("kind", ["rsa", "gost"])
def test_the_first_system_of_the_console_works_at_once(empty: EsiaStandin, kind: Any) -> None:
    signer = Signer(kind=kind)
    system = empty.system(signer=signer)
    assert error_in(system.ask(code="x").json())[1] == "007005"
    register(empty, signer)
    assert system.person(system.signed_in())["firstName"]


def test_faults_begin_and_end_at_the_next_request_in_every_process(
    esia: EsiaStandin, start_esia: Start
) -> None:
    switch_faults(esia, ["ac:007007"])
    for process in (esia, start_esia()):
        assert error_in(came_back(process.system().come()))[1] == "007007"
    switch_faults(esia, [])
    assert "/login?" in esia.system().come().url


def test_faults_of_the_settings_file_count_again_when_nothing_else_is_switched(
    start_esia: Start,
) -> None:
    esia = start_esia(system={"faults": ("te:007011",)})
    for faults, in_force in (([], ()), (None, ("te:007011",))):
        switch_faults(esia, faults)
        assert esia.standin.systems["SCHOOL01"].settings.faults == in_force


def test_a_disabled_system_is_unknown_and_its_tokens_are_over(empty: EsiaStandin) -> None:
    register(empty, Signer())
    system = empty.system()
    token = system.signed_in()["access_token"]
    waiting = system.come(scope="openid snils")
    change(empty, disabled_at=START)
    with empty.session_factory.begin() as db:
        end_what_was_given(db, "SCHOOL01")
    assert system.rest(f"prns/{OID}", token).json()["code"] == "ESIA-005011"
    assert empty.browser.open(waiting.url).status == 400
    assert error_in(system.ask(code="x").json())[1] == "007005"


def test_the_next_certificate_counts_beside_the_first_and_after_it(empty: EsiaStandin) -> None:
    first, following = Signer(), Signer(number=2)
    register(empty, first)

    def accepted() -> list[bool]:
        answers = [empty.system(signer=one).ask(code="x").json() for one in (first, following)]
        return [error_in(answer)[1] == "007011" for answer in answers]

    assert accepted() == [True, False]
    change(empty, next_certificate=following.certificate.der)
    assert accepted() == [True, True]


@pytest.mark.parametrize(
    ("days", "state", "until"),
    [
        ([], Change.NONE, None),
        ([(-100, 10)], Change.SINGLE, 10),
        ([(-100, 10), (5, 300)], Change.ANNOUNCED, 5),
        ([(-100, 10), (-1, 300)], Change.OVERLAPPING, 10),
        ([(-100, -1), (-5, 9)], Change.DONE, 9),
        ([(-100, -1)], Change.ENDED, None),
    ],
)
def test_the_dates_tell_how_far_a_change_of_certificates_is(
    days: list[tuple[int, int]], state: Change, until: int | None
) -> None:
    certificates = [
        Signer(begin=START + timedelta(days=begin), age=timedelta(days=end - begin)).certificate
        for begin, end in days
    ]
    found = certificate_change(certificates, START)
    moment = None if until is None else START + timedelta(days=until)
    assert (found.state, found.until) == (state, moment)


def test_fields_of_a_system_are_refused_by_name_and_survive_their_row() -> None:
    with pytest.raises(WrongFields) as caught:
        EsiaSystem(mnemonic="", redirect_hosts=("https://a.example/", "b.example"))
    assert [(one.field, one.flaw, one.value) for one in caught.value.problems] == [
        ("mnemonic", Flaw.MISSING, ""),
        ("redirect_hosts", Flaw.NOT_A_HOST, "https://a.example/"),
    ]
    system = EsiaSystem(
        mnemonic="A", name="Портал", scopes=("openid", "snils"),
        token_algorithm="GOST3410_2012_256", accept_v1_order=True,
    )  # fmt: skip
    row = EsiaRegistration(mnemonic="A", settings=to_json(system, without=OWN_COLUMNS))
    assert system_of(row) == system
