"""The ЕСИА stand-in: the state provider's own dialect, beside the standard one.

``init_app`` is the only door; it is opened when ``EsiaSettings.is_served``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from auth.settings import EsiaSettings

if TYPE_CHECKING:
    from flask import Flask

    from auth.oidc.context import Context


def init_app(app: Flask, context: Context, settings: EsiaSettings, key_folder: Path) -> None:
    """Give ``app`` the stand-in, kept in ``app.extensions["esia"]``.

    Its own keys are made in ``key_folder`` at the first start. Raises ``ValueError`` for a
    certificate that cannot be read.
    """
    from auth.esia import pages
    from auth.esia.people.people import People
    from auth.esia.protocol import endpoints
    from auth.esia.protocol.gost import find_gost
    from auth.esia.protocol.keys import load_standin_keys
    from auth.esia.registration import Systems
    from auth.esia.standin import Standin, read_systems

    gost = find_gost()
    app.extensions["esia"] = Standin(
        settings=settings,
        base_url=context.settings.issuer,
        registered=Systems(read_systems(settings, gost), context.session_factory, gost).current,
        session_factory=context.session_factory,
        clock=context.clock,
        gost=gost,
        keys=load_standin_keys(key_folder, context.clock()),
        people=People(context.directory, context.session_factory, test_people=settings.test_people),
        context=context,
    )
    app.register_blueprint(endpoints.make_blueprint())
    app.register_blueprint(pages.make_blueprint())
