"""Random and mutilated requests are answered, never with an internal error or somebody's data."""

from __future__ import annotations

import random
from urllib.parse import quote

import requests

from tests.auth.esia.conftest import EsiaStandin
from tests.soak import SOAK, soak

NASTY = (
    "", " ", "\x00", "\n", "кот", "\U0001f408", "A" * 5000, "%", "+", "<script>", "' OR 1=1 --",
    "-1", "99999999999999999999", "(elements)", "((", "2026.09.01 11:00:00 +0300", "../..", "=",
)  # fmt: skip
PATHS = (
    "/aas/oauth2/ac", "/aas/oauth2/v2/ac", "/aas/oauth2/te", "/aas/oauth2/v3/te", "/login",
    "/login/consent", "/idp/ext/Logout", "/rs/prns/1000000103", "/rs/prns/1000000103/ctts",
    "/rs/prns/1000000103/docs/1", "/rs/prns/1000000104/kids/1/docs", "/rs/orgs/1000000901",
    "/rs/orgs/1000000901/emps", "/rs/orgs/1000000901/emps/1000000109/grps", "/public/esia.zip",
)  # fmt: skip
REQUESTS = 150 * SOAK


@soak
def test_no_request_breaks_the_stand_in(esia: EsiaStandin) -> None:
    chance = random.Random(20260901)
    session = requests.Session()
    for number in range(REQUESTS):
        mnemonic = chance.choice(["SCHOOL01", "SCHOOL01", "GOST01"])
        dialect = 1 if mnemonic == "GOST01" else chance.choice([1, 2])
        parameters = {
            **esia.system(mnemonic, dialect=dialect).parameters(),
            "response_type": "code",
            "grant_type": chance.choice(["authorization_code", "refresh_token", "other"]),
            "request": "x",
            "embed": "(elements)",
            "code": "a.b.c",
            "permissions": "W3sic3lzbmFtZSI6IkEifV0",
            "person_filter": "YWNjX2tpZA==",
            "roles": "CHIEF",
            "obj_type": "LEGAL",
        }
        for name in chance.sample(sorted(parameters), 2):
            parameters[name] = chance.choice(NASTY)
        address = esia.url + chance.choice(PATHS)
        headers = {"Authorization": f"Bearer {quote(chance.choice(NASTY))}"}
        verb = chance.choice(["GET", "POST"])
        place = "params" if verb == "GET" else "data"
        answer = session.request(
            verb, address, headers=headers, allow_redirects=False, timeout=60, **{place: parameters}
        )
        assert answer.status_code < 500, (number, address, parameters)
        assert "Подтверждённый" not in answer.text
    session.close()
