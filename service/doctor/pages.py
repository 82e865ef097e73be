"""Where in Moodle's administration a thing is set, in the words of its menu."""

from __future__ import annotations

from service.i18n import gettext as _


def services() -> str:
    return _("Site administration > Server > Web services > External services")


def tokens() -> str:
    return _("Site administration > Server > Web services > Manage tokens")


def protocols() -> str:
    return _("Site administration > Server > Web services > Manage protocols")


def advanced_features() -> str:
    return _("Site administration > General > Advanced features")


def roles() -> str:
    return _("Site administration > Users > Permissions > Define roles")


def role_assignments() -> str:
    return _("Site administration > Users > Permissions > Define roles > Allow role assignments")


def assigned_roles() -> str:
    return _("Site administration > Users > Permissions > Assign system roles")


def security() -> str:
    return _("Site administration > General > Security > Site security settings")


def authentication() -> str:
    return _("Site administration > Plugins > Authentication > Manage authentication")
