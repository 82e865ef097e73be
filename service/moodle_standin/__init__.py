"""A Moodle to rehearse against: the web service protocol of Moodle 4.5 as it was recorded."""

from service.moodle_standin.app import DEFAULT_TOKEN, create_standin, running, serve
from service.moodle_standin.faults import Fault, FaultKind
from service.moodle_standin.settings import CustomReport, PasswordPolicy, ServiceToken, SiteSettings
from service.moodle_standin.snapshot import Snapshot, snapshot

__all__ = [
    "DEFAULT_TOKEN",
    "CustomReport",
    "Fault",
    "FaultKind",
    "PasswordPolicy",
    "ServiceToken",
    "SiteSettings",
    "Snapshot",
    "create_standin",
    "running",
    "serve",
    "snapshot",
]
