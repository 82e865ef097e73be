"""The function that tells a client where it is, who it is and what it may call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.moodle_standin.settings import RELEASE, VERSION
from service.moodle_standin.site import Function, Site, require

_FEATURES = {
    "usecomments": 1, "usetags": 1, "enablenotes": 1, "messaging": 1, "enableblogs": 1,
    "enablecompletion": 1, "enablebadges": 1, "messagingallusers": 0, "enablecustomreports": 1,
    "enableglobalsearch": 0, "mnet_dispatcher_mode": 0, "enablecompetencies": 1,
}  # fmt: skip


def get_site_info(site: Site, _given: Mapping[str, Any]) -> dict[str, Any]:
    row = require(site, "user", site.caller_id)
    return {
        "sitename": site.settings.site_name,
        "username": row["username"],
        "firstname": row["firstname"],
        "lastname": row["lastname"],
        "fullname": f"{row['firstname']} {row['lastname']}",
        "lang": site.settings.languages[0],
        "userid": row["id"],
        "siteurl": site.base_url,
        "userpictureurl": f"{site.base_url}/theme/image.php/boost/core/1/u/f1",
        "functions": [{"name": name, "version": VERSION} for name in sorted(site.functions)],
        "downloadfiles": 0,
        "uploadfiles": 0,
        "release": RELEASE,
        "version": VERSION,
        "mobilecssurl": "",
        "advancedfeatures": [{"name": name, "value": _FEATURES[name]} for name in _FEATURES],
        "usercanmanageownfiles": True,
        "userquota": 104857600,
        "usermaxuploadfilesize": 2097152,
        "userhomepage": 1,
        "userprivateaccesskey": "0" * 32,
        "siteid": 1,
        "sitecalendartype": "gregorian",
        "usercalendartype": "gregorian",
        "userissiteadmin": False,
        "theme": "boost",
        "limitconcurrentlogins": 0,
        "policyagreed": 0,
    }


FUNCTIONS: dict[str, Function] = {"core_webservice_get_site_info": get_site_info}
