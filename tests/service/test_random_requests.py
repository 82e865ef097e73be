"""Random and mutated requests at every address of the sign-in: an orderly answer, nobody named.

The addresses are those of the application itself, so one that is added later is asked as well.
"""

from __future__ import annotations

import logging
import random
import re
import shutil
import traceback
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode, urlsplit

import pytest
from sqlalchemy import Engine, select
from werkzeug.exceptions import HTTPException
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from auth.models import Base as AuthBase
from service.db import Base, make_engine
from tests.service import gateway_of_odd_people
from tests.service.database import on_both_databases
from tests.service.factories import NOW
from tests.service.odd_requests import Ask, asks_of, spoil
from tests.service.whole_sign_in import (
    BACK,
    BORN,
    BYE,
    ISSUER,
    NAMES,
    OWN,
    PARENT,
    PASSWORD,
    WholeSignIn,
    make_whole_sign_in,
    private,
)
from tests.soak import SOAK, soak

REQUESTS = {"sqlite": 1500 * SOAK, "postgresql": 500 * SOAK}
"""Most on the quicker one; the other is stricter about what a text or a number may be."""
BLOCK = 100
"""So many requests change the database one after the other, then it is as at the start."""

NOT_THE_SIGN_IN = re.compile(
    r"console\.(changes|findings|registry|registry_figures|registry_imports|reports|loads|slips"
    r"|uploads|questions|by_hand|adopting|years|rehearsals|writing|drifts|exclusions|separating)\.|console\.earlier_address|.*static$"
)
"""Endpoints of the other parts of the console, and files."""

GIVEN_PATHS = {
    "client_id": "portal", "mnemonic": "PORTAL", "key": "gateway", "request_id": "1",
    "number": "1", "oid": "1000000103", "name": "ctts", "element_id": "1", "kid": "1",
    "document": "1", "person": "1000000109",
}  # fmt: skip
"""A good value for each variable part of an address."""

FORCED = {
    "health.ready": {503},  # there is no Redis
    "auth_upstream.start": {503},  # nobody listens at one of the two outside providers
    "auth_upstream.callback": {502, 503},
}
"""Answers from 500 on that are right: somebody else is down, or says what cannot be."""

ALL_NAMES = {*NAMES.values(), PARENT}
TURNED_AWAY = {400, 401, 404, 405, 415, 429}
"""A route that answers nothing else was never really tried."""
MAY_READ: dict[str, set[str]] = {
    "pupil": {NAMES["pupil"]} | private("pupil"),
    "outside": {NAMES["pupil"]} | private("pupil"),
    "fresh": {NAMES["fresh"]} | private("fresh"),
    "lead": {NAMES["pupil"], NAMES["fresh"], NAMES["lead"]} | private("fresh") | private("pupil"),
    # Who came from outside reads what the provider said of them, and a parent the children.
    "traveller": {PARENT, NAMES["pupil"], NAMES["fresh"]} | private("pupil") | private("fresh"),
    "anna": ALL_NAMES - {NAMES["far"]} | private("pupil") | private("fresh"),
    "city": ALL_NAMES,
}
"""Of the people's words those that a visitor may see; everybody else sees none."""
WORDS = ALL_NAMES | {word for person in NAMES for word in private(person)}


@pytest.fixture
def whole(database_url: str, tmp_path: Path, stand_keys: Path) -> Iterator[WholeSignIn]:
    (tmp_path / "keys").mkdir()
    shutil.copytree(stand_keys, tmp_path / "keys" / "esia")
    engine = make_engine(database_url)
    with gateway_of_odd_people.running_gateway(int(NOW.timestamp())) as gateway:
        whole = make_whole_sign_in(tmp_path, engine, gateway)
        whole.secrets |= {gateway_of_odd_people.SECRET, gateway_of_odd_people.TOKEN}
        yield whole
    engine.dispose()


class Snapshot:
    """The rows of all tables, to be put back."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        with engine.connect() as db:
            self._rows = [
                {
                    table: [dict(row) for row in db.execute(select(table)).mappings()]
                    for table in base.metadata.sorted_tables
                }
                for base in (AuthBase, Base)
            ]

    def restore(self) -> None:
        with self._engine.begin() as db:
            for put_back in (False, True):
                for tables in self._rows:
                    # Again before the second: each login event made a row of the service's.
                    for table in reversed(tables):
                        db.execute(table.delete())
                    for table, rows in tables.items() if put_back else ():
                        if rows:
                            db.execute(table.insert(), rows)


def routes_of(whole: WholeSignIn) -> dict[tuple[str, str], Rule]:
    """Address pattern and method of everything that signs people in or administers it."""
    return {
        (rule.rule, method): rule
        for rule in whole.app.url_map.iter_rules()
        if not NOT_THE_SIGN_IN.match(rule.endpoint)
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    }


def rule_of(whole: WholeSignIn, ask: Ask) -> Rule | None:
    """The rule that answers a request; None when none does."""
    routes = whole.app.url_map.bind("127.0.0.1")
    try:
        return routes.match(ask.path, method=ask.method, return_rule=True)[0]
    except HTTPException:
        return None


def route_of(whole: WholeSignIn, ask: Ask) -> tuple[str, str]:
    """The key of ``routes_of``; empty texts when no rule answers."""
    rule = rule_of(whole, ask)
    return (rule.rule, ask.method) if rule else ("", "")


def good_requests(whole: WholeSignIn, snapshot: Snapshot) -> dict[tuple[str, str], list[Ask]]:
    """By route: those made by hand, each page as each visitor, and every form on these pages."""
    pages = list(whole.good)
    routes_by_hand = {route_of(whole, ask) for ask in whole.good}
    for (pattern, method), _ in sorted(routes_of(whole).items()):
        if method == "GET":
            path = re.sub(r"<(?:\w+:)?(\w+)>", lambda found: GIVEN_PATHS[found[1]], pattern)
            pages += [Ask(who=who, method="GET", path=path) for who in whole.visitors]
    found: dict[tuple[str, str], dict[Ask, None]] = defaultdict(dict)
    for number, ask in enumerate(pages):
        by_hand = number < len(whole.good)
        if by_hand or number % BLOCK == 0:
            snapshot.restore()
        if by_hand or route_of(whole, ask) not in routes_by_hand:
            found[route_of(whole, ask)][ask] = None
        if by_hand or ask.method == "GET":
            answer = whole.visitor(ask.who).send(ask)
            address = f"{ask.path}?{urlencode(ask.query)}"
            for sent in asks_of(answer, address, ask.who, typed_at(ask.path)):
                found[route_of(whole, sent)][sent] = None
            answer.close()
    return {route: list(asks) for route, asks in found.items()}


def typed_at(path: str) -> dict[str, str]:
    """What a person fills in on the page at this address."""
    typed = {"username": "48ppupil", "password": OWN, "school": "1", "login": "48ppupil"}
    typed |= {"reason": "проба", "answer": "нет"}
    if path == "/console/clients/new":
        typed |= {"client_id": "new", "redirect_uris": "https://new.example/back"}
    if path == "/console/signin":
        typed |= {"username": "city", "password": PASSWORD}
    elif path == "/auth/linking/confirm":
        typed |= {"username": "48pfresh", "password": f"{BORN['fresh']:%d%m%Y}"}
    return typed


@soak
@on_both_databases
def test_no_request_breaks_the_sign_in_or_names_anybody(
    whole: WholeSignIn, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    engine = whole.console.application.engine
    snapshot = Snapshot(engine)
    routes = routes_of(whole)
    good = good_requests(whole, snapshot)
    caplog.clear()
    assert sorted(route for route in routes if not good.get(route)) == []
    chance = random.Random(9700)
    everything = [ask for asks in good.values() for ask in asks]
    visitors = list(whole.visitors)
    seen: dict[tuple[str, str], set[int]] = defaultdict(set)

    def send(ask: Ask) -> None:
        answer = whole.visitor(ask.who).send(ask)
        complaints = list(complaints_about(whole, ask, answer, caplog))
        assert not complaints, (ask, answer.status_code, complaints)
        seen[route_of(whole, ask)].add(answer.status_code)
        answer.close()

    order = sorted(routes)
    for number in range(REQUESTS[engine.dialect.name]):
        if number % BLOCK == 0:
            snapshot.restore()
        route = order[number % len(order)]
        send(spoil(chance, chance.choice(good[route]), everything, visitors))
    for route in order:
        if seen[route] <= TURNED_AWAY:
            snapshot.restore()
            for ask in good[route]:
                send(ask)
    assert sorted(route for route in routes if seen[route] <= TURNED_AWAY) == []


def complaints_about(
    whole: WholeSignIn, ask: Ask, answer: TestResponse, caplog: pytest.LogCaptureFixture
) -> Iterator[str]:
    """What is wrong with an answer, or with what was logged on the way."""
    rule = rule_of(whole, ask)
    endpoint = rule.endpoint if rule else ""
    forced = FORCED.get(endpoint, set()) | ({503} if endpoint.startswith("esia") else set())
    if answer.status_code >= 500 and answer.status_code not in forced:
        yield "a fault of ours"
    headers = answer.headers
    guards = (headers.get("X-Content-Type-Options"), headers.get("X-Frame-Options"))
    if guards != ("nosniff", "DENY"):
        yield "unguarded"
    if headers.get("Referrer-Policy") not in {"same-origin", "no-referrer"}:
        yield "addresses are told to other sites"
    policy = headers.get("Content-Security-Policy", "")
    if "frame-ancestors 'none'" not in policy or "unsafe" in policy:
        yield "no content policy"
    for name in ("Location", "Refresh"):
        address = headers.get(name, "").removeprefix("0; url=")
        if not leads_home(whole, address, endpoint, dict(ask.headers).get("Host", "localhost")):
            yield f"sent to {headers[name]}"
    body = answer.get_data().decode("utf-8", "replace")
    text = "\n".join([body, headers.get("Location", ""), headers.get("Refresh", "")])
    allowed = MAY_READ.get(ask.who, set())
    if any(secret in ask.may_come_back for secret in whole.secrets):
        allowed = allowed | MAY_READ["pupil"]  # a token or a code of the pupil's
    if endpoint == "console.people.reset":
        allowed = allowed | WORDS  # a slip with the first password
    for word in (WORDS - allowed) | whole.secrets:
        if word in text and word not in ask.may_come_back:
            yield f"shows {word}"
    for record in caplog.records:
        told = [record.getMessage(), repr(vars(record))]
        if record.exc_info and record.exc_info[1]:
            told += traceback.format_exception(record.exc_info[1])
        line = "\n".join(told)
        yield from (f"logs {one}: {line}" for one in WORDS | whole.secrets if one in line)
    caplog.clear()


def leads_home(whole: WholeSignIn, address: str, endpoint: str, host: str) -> bool:
    """Whether an answer sends people to us, asked as ``host``, or to a registered address."""
    if not address or re.match(r"/(?![/\\])", address):
        return True
    if address.startswith((f"{ISSUER}/", f"http://{host}/")):
        return True
    parts = urlsplit(address)
    if endpoint.startswith("esia_pages."):
        return parts.hostname == "journal.example"
    if endpoint in {"auth_upstream.start", "auth_pages.logout"}:
        gateway = whole.console.application.settings.upstream.oidc[0].issuer
        return address.startswith(f"{gateway}/") or address.partition("?")[0] == BYE
    return address.partition("?")[0] in {BACK, BYE} or address.startswith(
        ("https://canteen.example/callback?", "https://phone.example/back?")
    )
