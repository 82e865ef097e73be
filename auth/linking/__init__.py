"""Whose account is it? From an outside identity to one of our people, a question, or a clear no.

``init_app`` gives the provider the pages; ``pages.arrive`` is where a sign-in at an outside
provider comes in.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from auth.linking import models  # noqa: F401 - its tables are part of the schema everywhere

if TYPE_CHECKING:
    from flask import Flask

    from auth.linking.settings import LinkingSettings


def init_app(app: Flask, settings: LinkingSettings) -> None:
    """Give ``app``, which has a provider, the pages of linking."""
    from auth.linking import confirming, parents, requesting  # noqa: F401 - add their pages
    from auth.linking.pages import blueprint

    app.extensions["linking"] = settings
    app.register_blueprint(blueprint)
