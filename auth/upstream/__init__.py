"""Signing in at an outside provider: ЕСИА asked directly, or an OpenID Connect gateway to it.

``build`` makes the providers of the settings; ``pages`` sends people there and takes them back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from auth.outside import Upstream
    from auth.upstream.settings import UpstreamSettings


def build(settings: UpstreamSettings) -> tuple[Upstream, ...]:
    """Make the outside providers, in the order of their buttons. None is asked anything yet.

    Raises ``ValueError`` that names the upstream, and the file that cannot be read.
    """
    from auth.esia.protocol.gost import find_gost
    from auth.upstream.esia import Esia
    from auth.upstream.oidc import Oidc

    found: list[Upstream] = []
    if settings.esia:
        gost = find_gost()
        found += [Esia(one, settings, gost) for one in settings.esia]
    return (*found, *(Oidc(one, settings) for one in settings.oidc))
