"""Commands about secrets of the sign-in: keys rotate, client-secret."""

from __future__ import annotations

import secrets

import click

from auth.clients.client import hash_secret
from auth.oidc.keys import ALGORITHMS, PUBLISHED_AHEAD, create_key, load_keys
from service.cli.base import Context, json_option, pass_context, print_json
from service.i18n import gettext as _
from service.signin.provider import provider_settings


@click.group("keys")
def keys() -> None:
    """The group; its commands are below."""


@keys.command("rotate", help=_("Make new signing keys; running processes take them up themselves."))
@json_option
@pass_context
def rotate(context: Context, as_json: bool) -> None:
    folder, now = context.settings.signing_keys, context.now
    kept = provider_settings(context.settings).signature_age
    all_keys = load_keys(folder, now)
    before = {key.kid for key in all_keys.all()}
    for algorithm in ALGORITHMS:
        create_key(folder, algorithm, now)
    removed = all_keys.forget_ended(now, kept)
    made = [key for key in all_keys.all() if key.kid not in before]
    published = all_keys.published(now, kept)
    if as_json:
        print_json({
            "made": [{"kid": key.kid, "alg": key.algorithm} for key in made],
            "signs_from": now + PUBLISHED_AHEAD, "published": [key.kid for key in published],
            "removed": removed,
        })  # fmt: skip
        return
    signs_from = f"{(now + PUBLISHED_AHEAD).astimezone(context.zone):%d.%m.%Y %H:%M:%S}"
    for key in made:
        click.echo(_("New key {kid} ({alg})", kid=key.kid, alg=key.algorithm))
    click.echo(_("Published now, signing from {moment}.", moment=signs_from))
    click.echo(_("Earlier keys stay published until their last tokens end."))
    for kid in removed:
        click.echo(_("Removed {kid}: nothing it signed counts any more.", kid=kid))


@click.command("client-secret")
@json_option
def client_secret(as_json: bool) -> None:
    made = secrets.token_urlsafe(32)
    hashed = hash_secret(made)
    if as_json:
        print_json({"client_secret": made, "client_secret_hash": hashed})
        return
    click.echo(_("For the application (shown once): {secret}", secret=made))
    click.echo(_("For [[auth.clients]]:"))
    click.echo(f'client_secret_hash = "{hashed}"')
