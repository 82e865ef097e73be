"""The doctor says what checks GOST signatures here, and whose certificate ends soon."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
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
from service.doctor.esia import examine_esia
from service.doctor.sign_in import examine_sign_in, moodle_client, usable_clients
from tests.auth.esia.signing import Signer
from tests.service.installation import installation

pytestmark = pytest.mark.usefixtures("english")

NOW = datetime(2026, 9, 1, 8, 0, tzinfo=UTC)


@pytest.fixture
def application(tmp_path: Path) -> Iterator[Application]:
    with installation(tmp_path) as application:
        settings = replace(application.settings, esia=EsiaSettings(serve=True))
        yield replace(application, settings=settings, clock=lambda: NOW)


def ending_in(days: int, number: int = 1) -> Signer:
    begin = NOW - timedelta(days=100)
    return Signer(number=number, begin=begin, age=timedelta(days=100 + days))


def register(application: Application, *signers: Signer) -> None:
    ders = [signer.certificate.der for signer in signers]
    with transaction(application.sessions) as db:
        row = EsiaRegistration(
            mnemonic="PORTAL",
            settings={},
            certificate=ders[0] if ders else None,
            next_certificate=ders[1] if len(ders) > 1 else None,
            created_at=NOW,
        )
        row.touch(NOW)
        db.add(row)


def about_portal(application: Application) -> list[Check]:
    return [one for one in examine_esia(application) if "PORTAL" in one.subject]


def test_one_line_says_what_checks_gost_signatures(application: Application) -> None:
    (line,) = list(examine_esia(application))
    assert line.verdict == Verdict.OK
    name = "OpenSSL" if "openssl" in find_gost().name else "gostcrypto"
    assert name in line.message


def test_a_stand_in_that_is_not_served_is_not_looked_at(application: Application) -> None:
    off = replace(application, settings=replace(application.settings, esia=EsiaSettings()))
    assert list(examine_esia(off)) == []


@pytest.mark.parametrize(
    ("days", "told"), [((40,), ""), ((20,), "21.09.2026"), ((-1,), "ended"), ((), "no certificate")]
)
def test_a_certificate_about_to_end_is_a_warning(
    application: Application, days: tuple[int, ...], told: str
) -> None:
    register(application, *(ending_in(one) for one in days))
    found = about_portal(application)
    assert len(found) == bool(told)
    for one in found:
        assert one.verdict == Verdict.WARNING
        assert told in one.message
        assert "next certificate" in one.remedy


def test_with_the_next_certificate_there_is_nothing_to_warn_of(application: Application) -> None:
    register(application, ending_in(5), ending_in(300, number=2))
    assert about_portal(application) == []


def test_systems_of_the_settings_file_are_looked_at_too(
    application: Application, tmp_path: Path
) -> None:
    file = tmp_path / "portal.pem"
    file.write_text(ending_in(3).pem)
    esia = EsiaSettings(systems=(EsiaSystem(mnemonic="PORTAL", certificate=str(file)),))
    told = replace(application, settings=replace(application.settings, esia=esia))
    assert [one.verdict for one in about_portal(told)] == [Verdict.WARNING]
    file.write_text("no certificate")
    assert any(one.verdict == Verdict.PROBLEM for one in examine_esia(told))


def test_a_moodle_that_is_registered_in_the_console_is_found(application: Application) -> None:
    moodle = MoodleSettings(url="https://moodle.example.org", token="t")
    settings = replace(application.settings, moodle=moodle)
    told = replace(application, settings=settings)
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
    found = moodle_client(settings, usable_clients(told))
    assert found is not None
    assert found.client_id == "our-moodle"
