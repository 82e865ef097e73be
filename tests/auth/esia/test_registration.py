"""Systems registered and faults switched while the stand-in runs count at the next request."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy.orm import Session, sessionmaker

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
from tests.auth.esia.conftest import SCOPES, EsiaStandin
from tests.auth.esia.signing import Signer
from tests.auth.esia.system import came_back
from tests.relying_party import Browser

Start = Callable[..., EsiaStandin]
Browse = Callable[[EsiaStandin], Browser]


def register(
    sessions: sessionmaker[Session], signer: Signer, mnemonic: str = "SCHOOL01", **changes: Any
) -> None:
    values = {"redirect_hosts": ("journal.example",), "scopes": tuple(SCOPES.split())} | changes
    system = EsiaSystem(mnemonic=mnemonic, **values)
    with sessions.begin() as db:
        row = EsiaRegistration(
            mnemonic=mnemonic,
            settings=to_json(system, without=OWN_COLUMNS),
            certificate=signer.certificate.der,
            created_at=START,
        )
        row.touch(START)
        db.add(row)


def switch(sessions: sessionmaker[Session], mnemonic: str, **values: Any) -> None:
    with sessions.begin() as db:
        switches = db.get(EsiaSwitches, mnemonic)
        if switches is None:
            switches = EsiaSwitches(mnemonic=mnemonic, diagnostics_hash="", recording_key="")
            db.add(switches)
        for name, value in values.items():
            setattr(switches, name, value)
        switches.touch()


@pytest.fixture
def empty(start_esia: Start) -> EsiaStandin:
    """A stand-in that is served although the settings file names no system."""
    return start_esia(systems=(), serve=True)


@pytest.mark.parametrize("kind", ["rsa", "gost"])
def test_the_first_system_of_the_console_works_at_once(
    empty: EsiaStandin, browse: Browse, kind: Any
) -> None:
    signer = Signer(kind=kind)
    system = empty.system(signer=signer)
    assert system.ask(code="x").json()["error_description"].startswith("ESIA-007005")
    register(empty.session_factory, signer)
    tokens = system.tokens(system.sign_in(browse(empty)))
    assert system.rest("prns/1000000103", tokens["access_token"]).status_code == 200


def test_faults_begin_and_end_at_the_next_request_in_every_process(
    esia: EsiaStandin, start_esia: Start, browser: Browser, browse: Browse
) -> None:
    other = start_esia()
    url = esia.system().authorize_url
    switch(esia.session_factory, "SCHOOL01", faults=["ac:007007"])
    assert came_back(browser.open(url()))["error_description"].startswith("ESIA-007007")
    back = came_back(browse(other).open(other.system().authorize_url()))
    assert back["error_description"].startswith("ESIA-007007")
    switch(esia.session_factory, "SCHOOL01", faults=[])
    assert "/login?" in browser.open(url()).url


def test_faults_of_the_settings_file_count_again_when_nothing_else_is_switched(
    start_esia: Start,
) -> None:
    esia = start_esia(system={"faults": ("te:007011",)})
    switch(esia.session_factory, "SCHOOL01", faults=[])
    assert esia.standin.systems["SCHOOL01"].settings.faults == ()
    switch(esia.session_factory, "SCHOOL01", faults=None)
    assert esia.standin.systems["SCHOOL01"].settings.faults == ("te:007011",)


def test_a_disabled_system_is_unknown_and_its_tokens_are_over(
    empty: EsiaStandin, browse: Browse
) -> None:
    signer = Signer()
    register(empty.session_factory, signer)
    system, browser = empty.system(signer=signer), browse(empty)
    token = system.tokens(system.sign_in(browser))["access_token"]
    waiting = browser.open(system.authorize_url(scope="openid snils"))
    with empty.session_factory.begin() as db:
        row = db.get_one(EsiaRegistration, "SCHOOL01")
        row.disabled_at = START
        row.touch(START)
        end_what_was_given(db, "SCHOOL01")
    assert system.rest("prns/1000000103", token).json()["code"] == "ESIA-005011"
    assert browser.open(waiting.url).status == 400
    assert system.ask(code="x").json()["error_description"].startswith("ESIA-007005")


def test_the_next_certificate_counts_beside_the_first_and_after_it(empty: EsiaStandin) -> None:
    first, following = Signer(), Signer(number=2)
    register(empty.session_factory, first)

    def accepted(signer: Signer) -> bool:
        answer = empty.system(signer=signer).ask(code="x").json()
        return bool(answer["error_description"].startswith("ESIA-007011"))

    assert [accepted(first), accepted(following)] == [True, False]
    with empty.session_factory.begin() as db:
        row = db.get_one(EsiaRegistration, "SCHOOL01")
        row.next_certificate = following.certificate.der
        row.touch(START)
    assert [accepted(first), accepted(following)] == [True, True]


def test_the_dates_tell_how_far_a_change_of_certificates_is() -> None:
    now = START

    def signer(number: int, begin: int, end: int) -> Any:
        span = timedelta(days=end - begin)
        return Signer(number=number, begin=now + timedelta(days=begin), age=span).certificate

    current = signer(1, -100, 10)
    assert certificate_change((), now).state is Change.NONE
    assert certificate_change((current,), now).state is Change.SINGLE
    announced = certificate_change((current, signer(2, 5, 300)), now)
    assert (announced.state, announced.until) == (Change.ANNOUNCED, now + timedelta(days=5))
    overlap = certificate_change((current, signer(2, -1, 300)), now)
    assert (overlap.state, overlap.until) == (Change.OVERLAPPING, now + timedelta(days=10))
    assert certificate_change((signer(1, -100, -1), signer(2, -5, 9)), now).state is Change.DONE
    assert certificate_change((signer(1, -100, -1),), now).state is Change.ENDED


def test_fields_of_a_system_are_refused_by_name_and_survive_their_row() -> None:
    with pytest.raises(WrongFields) as caught:
        EsiaSystem(mnemonic="", redirect_hosts=("https://a.example/", "b.example"))
    assert [(one.field, one.flaw, one.value) for one in caught.value.problems] == [
        ("mnemonic", Flaw.MISSING, ""),
        ("redirect_hosts", Flaw.NOT_A_HOST, "https://a.example/"),
    ]
    system = EsiaSystem(
        mnemonic="A",
        name="Портал",
        scopes=("openid", "snils"),
        token_algorithm="GOST3410_2012_256",
        accept_v1_order=True,
    )
    row = EsiaRegistration(mnemonic="A", settings=to_json(system, without=OWN_COLUMNS))
    assert system_of(row) == system
