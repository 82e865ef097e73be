"""A stand-in for Moodle over HTTP, a client for it, and a ledger for what it answers."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from provisioning.moodle import MoodleClient
from provisioning.settings import MoodleSettings
from service.moodle_standin import DEFAULT_TOKEN, running_standin
from tests.provisioning.apply_city import Ledger, Site


@pytest.fixture
def moodle_settings(tmp_path: Path) -> Iterator[MoodleSettings]:
    with running_standin(tmp_path / "moodle.sqlite") as url:
        yield MoodleSettings(url=url, token=DEFAULT_TOKEN, batch_size=5)


@pytest.fixture
def moodle(moodle_settings: MoodleSettings) -> Iterator[MoodleClient]:
    with MoodleClient(moodle_settings) as client:
        yield client


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
def site(moodle: MoodleClient, moodle_settings: MoodleSettings, ledger: Ledger) -> Site:
    return Site(settings=moodle_settings, moodle=moodle, ledger=ledger)
