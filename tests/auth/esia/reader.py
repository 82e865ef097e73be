"""A system that has a person's token and reads the REST service with it."""

from __future__ import annotations

from typing import Any

import requests

from tests.auth.esia.conftest import SCOPES, EsiaStandin
from tests.auth.esia.system import System, parts_of
from tests.relying_party import Browser


class Reader:
    """One person's token and how it is used."""

    def __init__(self, system: System, browser: Browser, person: str, **asked: str) -> None:
        self.system = system
        answer = system.tokens(system.sign_in(browser, person, **asked))
        self.token = answer["access_token"]
        self.oid = parts_of(self.token)[1]["urn:esia:sbj_id"]

    def get(self, path: str = "", **headers: str) -> requests.Response:
        return self.system.rest(f"prns/{self.oid}{path}", self.token, **headers)

    def json(self, path: str = "") -> dict[str, Any]:
        answer = self.get(path)
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def load(self, path: str) -> list[dict[str, Any]]:
        """The elements of a collection in both its forms, which must be the same."""
        whole: list[dict[str, Any]] = self.json(f"{path}?embed=(elements)")["elements"]
        plain = self.json(path)
        assert plain["size"] == len(whole)
        loaded = [self.system.open(address, self.token).json() for address in plain["elements"]]
        assert loaded == whole
        return whole


def reader(
    esia: EsiaStandin, browser: Browser, person: str = "confirmed", scope: str = SCOPES
) -> Reader:
    """Somebody's token with these scopes, without those of organisations and systems."""
    asked = " ".join(one for one in scope.split() if not one.startswith(("org_", "prm_")))
    return Reader(esia.system(), browser, person, scope=asked)
