"""The doctor's look at accounts: what ours may do in Moodle, what Moodle refuses of people, and
which of our people have none there."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Set
from datetime import date
from typing import Any

from sqlalchemy import func, select

from provisioning.changes import Kind
from provisioning.moodle import Function, MoodleClient, MoodleError
from provisioning.moodle.connection import Connection
from provisioning.moodle.errors import WEAK_PASSWORD
from provisioning.moodle.probing import TOO_LONG, OurAccount
from provisioning.passwords import PasswordPolicy, first_password, moodle_policy_refusals
from service.application import Application
from service.doctor.check import About, Check, page
from service.i18n import gettext as _
from service.models import KnownObject, KnownUser, SchoolMembership
from service.words import loads as wording

SAMPLE = 100
"""The number of accounts looked at in Moodle, chosen by chance: it takes half a second."""

HIDDEN_COURSES = "moodle/course:viewhiddencourses"

SOME_BIRTH_DATE = date(2015, 9, 1)
"""Every birth date is eight digits, so one stands for all before a password policy."""


def examine_account(
    application: Application, connection: Connection, info: Mapping[str, Any], present: Set[str]
) -> Iterator[Check]:
    """Check our account, by Moodle's site information and the functions that we may call."""
    try:
        account = OurAccount.of(connection, info)
        yield from _rights(application, account)
        if Function.CREATE_USERS in present:
            yield from _accounts(application, account)
    except MoodleError as error:
        yield About(_("Connection to Moodle")).problem(
            _("no usable answer ({what})", what=error.code),
            _("Run schoolbridge doctor again."),
        )


def _rights(application: Application, account: OurAccount) -> Iterator[Check]:
    about = About(_("Capabilities of our account"))
    found = account.permissions(_any_course(application))
    granted = [capability for capability, has in found.items() if has]
    counted = _("{n} of {all} are there", n=len(granted), all=len(found))
    if granted and False in found.values():
        yield about.warning(counted, _("Allow what is missing, named below."))
    elif granted:
        yield about.ok(counted)
    else:
        yield about.problem(
            _("none of {all} was found", all=len(found)),
            _("Give our account its role at system level: {page}", page=page("assigned_roles")),
        )
    for capability, has in found.items():
        if has is False:
            yield about.problem(
                _("{capability} is missing", capability=capability),
                _("Allow it in the role of our account: {page}", page=page("roles")),
            )
    unknown = [capability for capability, has in found.items() if has is None]
    if unknown:
        yield about.warning(
            _("not checked: {capabilities}", capabilities=", ".join([*unknown, HIDDEN_COURSES])),
            _("Some show only once there is a course of ours: run schoolbridge doctor again "
              "after the first load. Until then see that the role allows them: {page}",
              page=page("roles")),
        )  # fmt: skip
    if "moodle/role:assign" in granted:
        yield from _role_matrix(application, account)


def _any_course(application: Application) -> int | None:
    """Return Moodle's number of some course that we have made, or None."""
    with application.sessions() as session:
        return session.scalars(
            select(KnownObject.moodle_id).where(KnownObject.kind == Kind.COURSE).limit(1)
        ).first()


def _role_matrix(application: Application, account: OurAccount) -> Iterator[Check]:
    about = About(_("Roles that our account may give"))
    for name, number in application.settings.moodle.role_ids.items():
        role = _("{name} (number {number})", name=name, number=number)
        may = account.may_assign(number)
        if may:
            yield about.ok(role)
        elif may is None:
            yield about.warning(
                _("{role}: not checked", role=role),
                _("See that our role may assign it: {page}", page=page("role_assignments")),
            )
        else:
            yield about.problem(
                _("{role}: not allowed, so every enrolment would fail", role=role),
                _("Tick it in the row of our role: {page}. If Moodle gives this role another "
                  "number, set it in [moodle].", page=page("role_assignments")),
            )  # fmt: skip


def _accounts(application: Application, account: OurAccount) -> Iterator[Check]:
    """Check that Moodle would take an account as we make them."""
    settings = application.settings
    auth = settings.passwords.moodle_auth
    password = ""
    if settings.passwords.kept_in == "moodle":
        password = first_password(
            settings.passwords,
            person_id="",
            birth_date=SOME_BIRTH_DATE,
            secret=application.secret,
            generation=0,
        )
    address = f"schoolbridge-doctor@{settings.logins.email_domain}"
    code = account.try_account(email=address, auth=auth, password=password)
    yield _address_check(code, settings.logins.email_domain)
    if settings.passwords.kept_in == "moodle":
        yield _password_check(code, password)
    if code in {TOO_LONG, WEAK_PASSWORD}:
        yield from _same_address(account, auth, password, accepted=code)


def _address_check(code: str, domain: str) -> Check:
    about = About(_("E-mail addresses of our accounts"))
    if code in {TOO_LONG, WEAK_PASSWORD}:
        # Neither list is looked at when a web service makes an account; both are at a sign-in
        # through a provider and when a person's form is saved, and no web service tells them.
        return about.ok(
            _("Moodle takes …@{domain}. No web service tells its lists of allowed and denied "
              "domains: if they are in use, this one must pass: {page}",
              domain=domain, page=page("authentication"))
        )  # fmt: skip
    if code == "invalidparameter":
        return about.problem(
            _("Moodle refuses …@{domain}, or our kind of accounts", domain=domain),
            _("Set [logins] email_domain to a domain with a dot, in Latin letters; see that the "
              "authentication method of our accounts is installed: {page}",
              page=page("authentication")),
        )  # fmt: skip
    return about.not_checked(code or "?")


def _password_check(code: str, password: str) -> Check:
    about = About(_("Password policy of Moodle"))
    if code == TOO_LONG:
        return about.ok(_("it accepts our first passwords"))
    if code != WEAK_PASSWORD:
        return about.not_checked(code or "?")
    # Moodle names the rules in words of its language only; by its default policy they are these.
    rules = moodle_policy_refusals(password, PasswordPolicy())
    return about.problem(
        _("it refuses our first passwords, so no account would be made"),
        _('Set {rules} to 0, or take [passwords] first = "random" or kept_in = "provider": '
          "{page}. The policy holds for the whole site, for its staff too.",
          rules=", ".join(rules) or "minpasswordlength", page=page("security")),
    )  # fmt: skip


def _same_address(
    account: OurAccount, auth: str, password: str, *, accepted: str
) -> Iterator[Check]:
    """Try an address that is taken: by our own account, which sees itself whatever its role."""
    arguments = {"field": "id", "values": [account.own_id]}
    rows = account.connection.call(Function.GET_USERS_BY_FIELD, arguments, reads=True)
    address = rows[0].get("email") if rows else None
    if not address:
        return
    code = account.try_account(email=address, auth=auth, password=password)
    about = About(_("Speed of making accounts"))
    if code == accepted:
        yield about.ok(_("Moodle does not compare addresses (allowaccountssameemail is on)"))
    elif code == "invalidparameter":
        yield about.warning(
            _("Moodle compares each new address with all others; from some 10,000 accounts on "
              "this makes a load several times slower"),
            _("Turn on allowaccountssameemail: {page}. Our addresses are unique anyway.",
              page=page("authentication")),
        )  # fmt: skip


def examine_accounts(application: Application, present: Set[str]) -> Iterator[Check]:
    """Check the accounts; ``present`` are the functions of Moodle that we may call."""
    yield from _without_account(application)
    if Function.GET_USERS_BY_FIELD in present:
        yield from _looked_up(application)


def _without_account(application: Application) -> Iterator[Check]:
    """Warn of people on a roll whose account could not be made, or was deleted."""
    on_a_roll = KnownUser.person_id.in_(select(SchoolMembership.person_id))
    found = (
        select(KnownUser.problem, func.count())
        .where(KnownUser.moodle_id.is_(None), on_a_roll)
        .group_by(KnownUser.problem)
        .order_by(KnownUser.problem)
    )
    about = About(_("People without an account"))
    with application.sessions() as session:
        rows = session.execute(found).all()
    for code, count in rows:
        yield about.warning(f"{count}: {wording.outcome(code)}", wording.outcome_remedy(code))


def _looked_up(application: Application) -> Iterator[Check]:
    """Ask Moodle for some of the accounts that our people have."""
    with_account = (KnownUser.moodle_id.is_not(None), ~KnownUser.suspended)
    some = select(KnownUser.moodle_id).where(*with_account).order_by(func.random()).limit(SAMPLE)
    with application.sessions() as session:
        numbers = [number for number in session.scalars(some) if number is not None]
    if not numbers:
        return
    about = About(_("Accounts of our people"))
    client = MoodleClient(application.settings.moodle_target, sleep=lambda _seconds: None)
    try:
        with client:
            deleted = client.deleted(numbers)
    except MoodleError as error:
        yield about.not_checked(error.code)
        return
    if deleted:
        yield about.warning(
            _("{n} of {all} that were looked at are deleted in Moodle",
              n=len(deleted), all=len(numbers)),
            _("Load the newest files again: what fails for such an account is said there, and "
              "“Plan again” makes it anew."),
        )  # fmt: skip
    else:
        yield about.ok(_("{n} looked at, all are in Moodle", n=len(numbers)))
