"""An installation with every face of the sign-in on, and who uses it; all of them invented."""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from argon2 import PasswordHasher
from flask import Flask
from sqlalchemy import Engine
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from auth.clients.client import Client
from auth.linking.pending_identities import keep
from auth.outside import OutsideChild, OutsideIdentity
from auth.settings import AuthSettings, EsiaSettings, EsiaSystem
from auth.signin.phases import Phase
from auth.upstream.settings import ClaimNames, EsiaUpstream, OidcUpstream, UpstreamSettings
from provisioning.matching import normalised_name
from service.models import ClassTeacher, Identity, OperatorRole, PhaseExemption, PhaseRule
from service.signin.clients import Clients, client_fields
from service.signin.esia_systems import Systems, system_fields
from tests.auth.esia.signing import Signer
from tests.auth.esia.system import System, parts_of
from tests.service import gateway_of_odd_people
from tests.service.console_factories import ConsoleUnderTest, make_console
from tests.service.factories import (
    CITY,
    NOW,
    PASSWORD,
    add,
    add_known_person,
    add_operator,
    add_request,
    add_school,
    choose_own_password,
    link,
)
from tests.service.odd_requests import Ask, Visitor

ISSUER = "http://127.0.0.1:8080"
OWN, CLIENT_SECRET = "зимний жираф", "diary-secret-of-the-tests"
BACK, BYE = "https://diary.example/callback", "https://diary.example/bye"
SCOPE = "openid profile email school offline_access"
NOBODY = "http://127.0.0.1:1"  # where nobody listens

NAMES = {"pupil": "Ученикова", "fresh": "Новичков", "lead": "Руководителева", "far": "Дальнева"}
BORN = {"pupil": date(2012, 3, 4), "fresh": date(2011, 6, 7), "lead": date(1980, 12, 11),
        "far": date(2013, 5, 9)}  # fmt: skip
SNILS = {"pupil": "11223344595", "fresh": "", "lead": "08765430300", "far": ""}
PARENT = "Незнакомцева"  # came through an outside provider


def private(person: str) -> set[str]:
    """How birth date and СНИЛС of a person are written."""
    born, snils = BORN[person], SNILS[person]
    dates = {f"{born:%d.%m.%Y}", f"{born:%Y-%m-%d}", f"{born:%d%m%Y}"}
    spelled = f"{snils[:3]}-{snils[3:6]}-{snils[6:9]} {snils[9:]}"
    return dates | ({snils, spelled} if snils else set())


@dataclass(kw_only=True)
class WholeSignIn:
    """The installation, who uses it, and good requests of theirs."""

    console: ConsoleUnderTest
    visitors: dict[str, Visitor] = field(default_factory=dict)
    good: list[Ask] = field(default_factory=list)
    secrets: set[str] = field(default_factory=lambda: {OWN, PASSWORD, CLIENT_SECRET})
    """What stands in no answer to anybody who did not send it, and in no log."""

    @property
    def app(self) -> Flask:
        return self.console.app

    def visitor(self, name: str) -> Visitor:
        return self.visitors.setdefault(name, Visitor(self.app, name))

    def ask(self, who: str, method: str, path: str, **values: dict[str, str]) -> None:
        """Remember a good request."""
        pairs = {name: tuple(given.items()) for name, given in values.items()}
        self.good.append(Ask(who=who, method=method, path=path, **pairs))


def make_whole_sign_in(home: Path, engine: Engine, gateway: str) -> WholeSignIn:
    """With people signed in everywhere, tokens given, and somebody on every page."""
    signer = Signer()
    (home / "system.pem").write_text(signer.pem)
    (home / "system.key").write_bytes(signer.key_pem)
    console = make_console(home, engine=engine, **_settings(home, gateway))
    stand = console.app.extensions["esia"]
    # Somebody may switch the fault on that waits for half a minute.
    console.app.extensions["esia"] = replace(stand, sleep=lambda _seconds: None)
    whole = WholeSignIn(console=console)
    with console.rows() as rows:
        _add_people(rows)
    for name in ("stranger", "traveller"):
        whole.visitor(name).visit("/auth/login")
        whole.visitor(name).visit("/console/signin")
    for name, password in (("pupil", OWN), ("lead", OWN), ("fresh", f"{BORN['fresh']:%d%m%Y}")):
        answer = whole.visitor(name).submit("/auth/login", username=f"48p{name}", password=password)
        assert answer.status_code == 303, name
    for name in ("city", "anna"):
        answer = whole.visitor(name).submit("/console/signin", username=name, password=PASSWORD)
        assert answer.status_code == 302, name
    _ask_as_application(whole)
    _ask_as_system(whole, signer)
    _travel(whole, gateway)
    _register(whole, signer)
    for visitor in whole.visitors.values():
        for name, value in visitor.cookies.items():
            if name not in {"language", "signed_in_at"}:
                whole.secrets.add(value)
    return whole


def _settings(home: Path, gateway: str) -> dict[str, Any]:
    certificate = str(home / "system.pem")
    return {
        "auth": AuthSettings(
            phase="both",
            class_teacher_resets=True,
            clients=(
                Client(
                    client_id="diary",
                    client_secret=CLIENT_SECRET,
                    redirect_uris=(BACK,),
                    post_logout_redirect_uris=(BYE,),
                    backchannel_logout_uri="https://diary.example/signed-out",
                    scopes=tuple(SCOPE.split()),
                ),
                Client(
                    client_id="canteen",
                    client_secret="canteen-secret",
                    redirect_uris=("https://canteen.example/callback",),
                    ask_consent=True,
                ),
                Client(client_id="phone", redirect_uris=("https://phone.example/back",)),
            ),
        ),
        "esia": EsiaSettings(
            systems=(
                EsiaSystem(
                    mnemonic="SCHOOL01",
                    certificate=certificate,
                    redirect_hosts=("journal.example",),
                    scopes=("openid", "fullname", "birthdate", "snils", "kid_fullname", "usr_org"),
                ),
            ),
            test_people=True,
        ),
        "upstream": UpstreamSettings(
            esia=(
                EsiaUpstream(
                    mnemonic="SCHOOL01",
                    base_url=NOBODY,
                    certificate=certificate,
                    signing_key=str(home / "system.key"),
                    token_certificates=(certificate,),
                ),
            ),
            oidc=(
                OidcUpstream(
                    key="gateway",
                    issuer=gateway,
                    client_id="portal",
                    client_secret=gateway_of_odd_people.SECRET,
                    claims=ClaimNames(subject="oid", children="kids", child="child"),
                ),
            ),
            timeout_seconds=60,
        ),
    }


def _add_people(rows: Session) -> None:
    for code in ("1", "2"):
        add_school(rows, code, district="Адмиралтейский")
    for name, family_name in NAMES.items():
        add_known_person(
            rows,
            name,
            "2" if name == "far" else "1",
            role="teacher" if name == "lead" else "student",
            family_name=family_name,
            lastname=family_name,
            given_name="Проба",
            middle_name="Образцовна",
            birth_date=BORN[name],
            snils=SNILS[name],
        )
        identity = rows.get_one(Identity, name)
        identity.middle_name, identity.snils = "Образцовна", SNILS[name]
        identity.name_key = normalised_name(family_name, "Проба", "Образцовна")
    hashed = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(OWN)
    for name in ("pupil", "lead", "far"):
        choose_own_password(rows, name, password_hash=hashed)
    rows.add(ClassTeacher(school_code="1", class_id="c-8a", person_id="lead"))
    add_operator(rows)
    add_operator(rows, "anna", OperatorRole.SCHOOL, ["1"])
    add_request(rows, "1", family_name=PARENT, birth_date=BORN["pupil"], snils=SNILS["pupil"])
    link(rows, "lead", "43", "1")
    day = NOW.date() + timedelta(days=9)
    add(rows, PhaseRule, phase=Phase.ESIA_ONLY, starts_on=day, school_code="1")
    add(rows, PhaseExemption, school_code="1")


def _ask_as_application(whole: WholeSignIn) -> None:
    """The requests of one that signs the pupil in, with what it was given."""
    ask = {
        "client_id": "diary", "redirect_uri": BACK, "response_type": "code", "scope": SCOPE,
        "state": "s", "nonce": "n",
    }  # fmt: skip
    client = {"client_id": "diary", "client_secret": CLIENT_SECRET}
    redeem = client | {"grant_type": "authorization_code", "redirect_uri": BACK}
    pupil = whole.visitor("pupil")
    codes = [_back_from(pupil.visit(f"/auth/authorize?{urlencode(ask)}")) for _ in "12"]
    answer = whole.visitor("stranger").visit("/auth/token", (redeem | {"code": codes[0]}).items())
    assert answer.json
    tokens = answer.json
    whole.secrets |= {codes[1], tokens["access_token"], tokens["refresh_token"]}
    whole.secrets.add(tokens["id_token"])
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    hint = {"id_token_hint": tokens["id_token"], "state": "s"}
    ways = ({}, {"prompt": "none", "max_age": "0"} | hint, {"prompt": "login consent"})
    for way in ways:
        for who in ("pupil", "stranger", "fresh"):
            for method, place in (("GET", "query"), ("POST", "form")):
                whole.ask(who, method, "/auth/authorize", **{place: ask | way})
    canteen = ask | {"client_id": "canteen", "redirect_uri": "https://canteen.example/callback"}
    whole.ask("pupil", "GET", "/auth/consent", query=canteen)
    public = ask | {"client_id": "phone", "redirect_uri": "https://phone.example/back"}
    challenge = {"code_challenge": "c" * 43, "code_challenge_method": "S256"}
    whole.ask("pupil", "GET", "/auth/authorize", query=public | challenge)
    whole.ask("stranger", "GET", "/auth/login", query=ask)
    whole.ask("pupil", "GET", "/auth/logout", query=hint | {"post_logout_redirect_uri": BYE})
    whole.ask("pupil", "POST", "/auth/logout", form=hint | {"post_logout_redirect_uri": BYE})
    whole.ask("app", "POST", "/auth/token", form=redeem | {"code": codes[1]})
    refresh = client | {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    whole.ask("app", "POST", "/auth/token", form=refresh)
    for path in ("/auth/revoke", "/auth/introspect"):
        whole.ask("app", "POST", path, form=client | {"token": tokens["access_token"]})
    for method in ("GET", "POST"):
        whole.ask("app", method, "/auth/userinfo", headers=bearer)


def _ask_as_system(whole: WholeSignIn, signer: Signer) -> None:
    """The same at the ЕСИА face, where the traveller signs in as the pupil."""
    system = System(url="", mnemonic="SCHOOL01", signer=signer, clock=lambda: NOW)
    system.scope = "openid fullname birthdate snils"
    old = replace(system, dialect=1)
    wants = {"response_type": "code", "access_type": "offline"}
    traveller = whole.visitor("traveller")
    page = traveller.visit(system.authorize_url())
    traveller.submit(page.location, username="48ppupil", password=OWN)
    traveller.submit(page.location.replace("/login", "/login/consent"), decision="allow")
    codes = [_back_from(_follow(traveller, system.authorize_url())) for _ in range(2)]
    fixed = {"token_type": "Bearer", "grant_type": "authorization_code"}
    answer = whole.visitor("stranger").visit(
        "/aas/oauth2/v3/te", system.parameters(**fixed, code=codes[0]).items()
    )
    tokens: dict[str, Any] = answer.json or {}
    whole.secrets |= {codes[1], tokens["access_token"], tokens["refresh_token"]}
    whole.ask("traveller", "GET", "/aas/oauth2/ac", query=old.parameters(**wants))
    whole.ask("traveller", "GET", "/aas/oauth2/v2/ac", query=system.parameters(**wants))
    rare = {"roles": "CHIEF", "obj_type": "LEGAL", "person_filter": "YWNjX2tpZA=="}
    rare["permissions"] = "W3sic3lzbmFtZSI6IkEifV0"
    whole.ask("traveller", "GET", "/aas/oauth2/v2/ac", query=system.parameters(**wants, **rare))
    for who in ("traveller", "stranger"):
        ending = {"client_id": "SCHOOL01", "redirect_url": "https://journal.example/out"}
        whole.ask(who, "GET", "/idp/ext/Logout", query=ending)
    form = system.parameters(**fixed, code=codes[1])
    whole.ask("app", "POST", "/aas/oauth2/v3/te", form=form)
    whole.ask("app", "POST", "/aas/oauth2/te", form=old.parameters(**fixed, code=codes[1]))
    again = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    whole.ask("app", "POST", "/aas/oauth2/v3/te", form=system.parameters(**again))
    own = system.parameters(grant_type="client_credentials", scope="openid")
    whole.ask("app", "POST", "/aas/oauth2/v3/te", form=own)
    oid = parts_of(tokens["access_token"])[1]["urn:esia:sbj_id"]
    bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
    collections = ("", "/ctts", "/docs", "/kids", "/kids/1/docs")
    groups = ("", "/emps", "/emps/1000000109/grps")
    places = [f"/rs/prns/{oid}{one}" for one in (*collections, "/docs/1", "/kids/1/docs/1")]
    places += [f"/rs/orgs/1000000901{one}" for one in (*groups, "/emps/1000000109")]
    for path in (*places, *(f"{one}/" for one in places)):
        whole.ask("app", "GET", path, headers=bearer, query={"embed": "(elements)"})
    # A new request waits on each of the two pages.
    persona = whole.visitor("persona")
    waiting = persona.visit(system.authorize_url()).location
    agreeing = traveller.visit(system.authorize_url(scope="openid usr_org")).location
    for who, address in (("persona", waiting), ("traveller", agreeing)):
        parts = urlsplit(address)
        whole.ask(who, "GET", parts.path, query=dict(parse_qsl(parts.query)))


def _travel(whole: WholeSignIn, gateway: str) -> None:
    """Attempts at the outside providers, and identities that arrived from there."""
    traveller = whole.visitor("traveller")
    query = {"client_id": "diary", "redirect_uri": BACK, "response_type": "code"}
    for key in ("gateway", "esia"):
        whole.ask("pupil", "GET", f"/auth/upstream/{key}/callback", query={"state": "s"})
        whole.ask("traveller", "GET", f"/auth/upstream/{key}/signed-out", query={"state": "s"})

    def depart(visitor: Visitor) -> dict[str, str]:
        """Go to the gateway; what will come back from there."""
        token = _form_token(visitor.visit("/auth/login"))
        page = visitor.visit("/auth/upstream/gateway/start", [("form_token", token)])
        address = page.headers["Refresh"].partition("url=")[2]
        assert address.startswith(gateway)
        sent = dict(parse_qsl(urlsplit(address).query))
        return {"state": sent["state"], "code": sent["nonce"]}

    for _ in range(3):
        came = depart(traveller)
        whole.secrets.add(came["code"])
        whole.ask("traveller", "GET", "/auth/upstream/gateway/callback", query=came)
    outside = whole.visitor("outside")
    home = outside.visit(f"/auth/upstream/gateway/callback?{urlencode(depart(outside))}")
    assert home.location == "/auth/", (home.status_code, home.location, home.text)
    child = OutsideChild(snils=SNILS["pupil"], given_name="Проба")
    stranger = OutsideIdentity(
        provider="esia", subject="91", family_name=PARENT, given_name="Проба",
        birth_date=date(1979, 2, 1), confirmed=True,
    )  # fmt: skip
    likely = replace(
        stranger, subject="92", family_name=NAMES["fresh"], middle_name="Образцовна",
        birth_date=BORN["fresh"],
    )  # fmt: skip
    context, browser = whole.app.extensions["auth"].context, traveller.cookies["signin"]
    for identity, pages in (
        (stranger, ("school",)),
        (replace(stranger, subject="93", children=(child,)), ("children", "school")),
        (replace(stranger, subject="94", confirmed=False), ("",)),
        (likely, ("confirm", "school")),
        (replace(stranger, subject="43", children=(child,)), ("",)),  # two accounts to choose from
        (replace(stranger, subject="1000299353"), ("school",)),  # a request to withdraw
    ):
        arrival = keep(context, identity, query=urlencode(query), browser=browser)
        for page in pages:
            asked = {"arrival": arrival, "district": "Адмиралтейский"}
            whole.ask("traveller", "GET", f"/auth/linking/{page}", query=asked)


def _register(whole: WholeSignIn, signer: Signer) -> None:
    """Clients and systems of the console, with a key for a system's developer."""
    application = whole.console.application
    with whole.console.rows() as rows:
        systems = Systems(
            db=rows, settings=application.settings.esia,
            gost=whole.app.extensions["esia"].gost, scope=CITY, now=NOW,
        )  # fmt: skip
        clients = Clients(db=rows, settings=application.settings.auth, scope=CITY, now=NOW)
        for name in ("PORTAL", "OFF"):
            values = {one.name: one.default for one in system_fields()}
            values |= {"redirect_hosts": ("portal.example",)}
            systems.create(name, values, signer.pem.encode())
            addresses = {"redirect_uris": (f"https://{name.lower()}.example/back",)}
            values = {one.name: one.default for one in client_fields()} | addresses
            clients.create(name.lower(), values, public=False)
        systems.put_certificate("PORTAL", Signer(number=2).pem.encode(), following=True)
        systems.switch("OFF", on=False)
        clients.switch("off", on=False)
        key = systems.new_key("PORTAL")
    whole.secrets.add(key)
    opened = whole.visitor("developer").submit("/esia/diagnostics", key=key)
    assert opened.status_code == 303
    whole.ask("developer", "POST", "/esia/diagnostics", form={"key": key})
    for page in ("clients/off", "systems/OFF", "links/1"):
        whole.ask("city", "GET", f"/console/{page}")
    city = whole.visitor("city")
    typed = {"login": "48plead", "form_token": _form_token(city.visit("/console/"))}
    whole.ask("city", "POST", "/console/people", form=typed)
    whole.ask("city", "POST", "/console/links/person", form=typed)


def _follow(visitor: Visitor, address: str) -> TestResponse:
    """As far as the redirects stay with us."""
    answer = visitor.visit(address)
    while answer.location.startswith("/"):
        answer = visitor.visit(answer.location)
    return answer


def _back_from(answer: TestResponse) -> str:
    return dict(parse_qsl(urlsplit(answer.location).query))["code"]


def _form_token(page: TestResponse) -> str:
    found = re.search(r'name="form_token" value="([^"]+)"', page.text)
    assert found
    return found[1]
