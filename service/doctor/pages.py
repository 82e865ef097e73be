"""Where in Moodle's administration a thing is set, in the words of its menu."""

from __future__ import annotations

from service.i18n import gettext as _


def page(name: str) -> str:
    """Return the way through the menu."""
    return {
        "services": _("Site administration > Server > Web services > External services"),
        "tokens": _("Site administration > Server > Web services > Manage tokens"),
        "protocols": _("Site administration > Server > Web services > Manage protocols"),
        "advanced_features": _("Site administration > General > Advanced features"),
        "roles": _("Site administration > Users > Permissions > Define roles"),
        "role_assignments": _(
            "Site administration > Users > Permissions > Define roles > Allow role assignments"
        ),
        "assigned_roles": _("Site administration > Users > Permissions > Assign system roles"),
        "security": _("Site administration > General > Security > Site security settings"),
        "authentication": _(
            "Site administration > Plugins > Authentication > Manage authentication"
        ),
    }[name]
