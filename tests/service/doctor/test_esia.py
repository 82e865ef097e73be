"""The doctor says what checks GOST signatures here, and whose certificate ends soon."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from auth.clients.client import Client
from auth.clients.registered import ClientRow
from auth.esia.models import EsiaRegistration
from auth.esia.protocol.gost import find_gost
from auth.settings import EsiaSettings, EsiaSystem
from provisioning.settings import MoodleSettings
from service.application import Application
from service.db import transaction
from service.doctor import Check, Verdict
from service.doctor.sign_in import (
    examine_esia,
    examine_sign_in,
    moodle_client,
    usable_clients,
)
from tests.auth.esia.signing import Signer
from tests.service.doctor.conftest import NOW, at, with_settings


@pytest.fixture
def served(application: Application) -> Application:
    return at(NOW, application, esia=EsiaSettings(serve=True))


def ending_in(days: int) -> Signer:
    return Signer(begin=NOW - timedelta(days=100), age=timedelta(days=100 + days))


def register(application: Application, *signers: Signer) -> None:
    certificate, following, *_ = (*(one.certificate.der for one in signers), None, None)
    row = EsiaRegistration(
        mnemonic="PORTAL", settings={}, certificate=certificate, next_certificate=following,
        created_at=NOW,
    )  # fmt: skip
    row.touch(NOW)
    with transaction(application.sessions) as db:
        db.add(row)


def about_portal(application: Application) -> list[Check]:
    return [one for one in examine_esia(application) if "PORTAL" in one.subject]


def test_one_line_says_what_checks_gost_signatures(served: Application) -> None:
    (line,) = list(examine_esia(served))
    assert line.verdict == Verdict.OK
    assert ("OpenSSL" if "openssl" in find_gost().name else "gostcrypto") in line.message


def test_a_stand_in_that_is_not_served_is_not_looked_at(application: Application) -> None:
    assert list(examine_esia(application)) == []


@pytest.mark.parametrize(
    ("days", "told"),
    [
        ((40,), ""),
        ((20,), "21.09.2026"),
        ((-1,), "ended"),
        ((), "no certificate"),
        ((5, 300), ""),  # with the next one there is nothing to warn of
    ],
)
def test_a_certificate_about_to_end_is_a_warning(
    served: Application, days: tuple[int, ...], told: str
) -> None:
    register(served, *(ending_in(one) for one in days))
    found = about_portal(served)
    assert len(found) == bool(told)
    for one in found:
        assert one.verdict == Verdict.WARNING
        assert told in one.message
        assert "next certificate" in one.remedy


def test_systems_of_the_settings_file_are_looked_at_too(
    application: Application, tmp_path: Path
) -> None:
    file = tmp_path / "portal.pem"
    file.write_text(ending_in(3).pem)
    system = EsiaSystem(mnemonic="PORTAL", certificate=str(file))
    told = at(NOW, application, esia=EsiaSettings(systems=(system,)))
    assert [one.verdict for one in about_portal(told)] == [Verdict.WARNING]
    file.write_text("no certificate")
    assert any(one.verdict == Verdict.PROBLEM for one in examine_esia(told))


def test_a_moodle_that_is_registered_in_the_console_is_found(application: Application) -> None:
    moodle = MoodleSettings(url="https://moodle.example.org", token="t")
    told = with_settings(application, moodle=moodle)
    client = Client(
        client_id="our-moodle",
        redirect_uris=("https://moodle.example.org/admin/oauth2callback.php",),
    )

    def clients_line() -> Check:
        return next(one for one in examine_sign_in(told) if one.subject.startswith("Clients"))

    assert clients_line().verdict == Verdict.PROBLEM
    with transaction(told.sessions) as db:
        row = ClientRow(client_id="our-moodle", created_at=NOW)
        row.keep(client, NOW)
        db.add(row)
    assert clients_line().message == "our-moodle"
    found = moodle_client(told.settings, usable_clients(told))
    assert found is not None
    assert found.client_id == "our-moodle"
