"""Signing in at an outside provider: ЕСИА asked directly, or an OpenID Connect gateway to it.

``build`` makes the providers of the settings; ``init_app`` puts them to work.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flask import Flask

    from auth.oidc.provider import Provider
    from auth.upstream.offers import Arrive
    from auth.upstream.port import Upstream
    from auth.upstream.settings import UpstreamSettings


def build(settings: UpstreamSettings) -> tuple[Upstream, ...]:
    """The outside providers, in the order of their buttons. Nobody is asked anything yet.

    Raises ``ValueError`` that names the upstream, and the file that cannot be read.
    """
    from auth.esia.protocol.gost import find_gost
    from auth.upstream.esia import make_esia
    from auth.upstream.oidc import Oidc

    found: list[Upstream] = []
    if settings.esia:
        gost = find_gost()
        found += [make_esia(one, settings, gost) for one in settings.esia]
    return (*found, *(Oidc(one, settings) for one in settings.oidc))


def init_app(
    app: Flask,
    provider: Provider,
    upstreams: Sequence[Upstream],
    *,
    age: timedelta,
    arrive: Arrive | None,
) -> None:
    """Give ``app`` the way to the outside providers and back."""
    from auth.linking.pages import arrive as link
    from auth.upstream.offers import Handover
    from auth.upstream.pages import blueprint

    app.extensions["auth_upstream"] = Handover(
        upstreams=tuple(upstreams),
        arrive=arrive or link,
        sign_in_age=age,
        secure=provider.settings.issuer.startswith("https:"),
    )
    app.register_blueprint(blueprint)
