"""Run inside its own environment: PyPI's esia-connector begins a sign-in, and completes it."""

import json
import sys
import warnings

warnings.simplefilter("ignore")

from esia_connector.client import EsiaAuth, EsiaSettings  # noqa: E402

for line in sys.stdin:
    asked = json.loads(line)
    settings = EsiaSettings(
        esia_client_id="SCHOOL01",
        redirect_uri="https://journal.example/esia",
        certificate_file=asked["certificate_file"],
        private_key_file=asked["key_file"],
        esia_service_url=asked["url"],
        esia_scope=asked["scope"],
        esia_token_check_key=asked["token_key_file"],
    )
    if "code" in asked:
        person = EsiaAuth(settings).complete_authorization(asked["code"], asked["state"])
        answer = {
            "person": person.get_person_main_info(),
            "contacts": person.get_person_contacts(),
        }
    else:
        answer = {"url": EsiaAuth(settings).get_auth_url()}
    print(json.dumps(answer), flush=True)
