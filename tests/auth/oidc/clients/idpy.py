"""The library idpyoidc as an application would use it. Speaks lines of JSON like openid_client.mjs.

Runs in an environment of its own, with the library's own pins.
"""

import json
import sys
from urllib.parse import parse_qsl, urlsplit

from idpyoidc.client.rp_handler import RPHandler


def read():
    return json.loads(sys.stdin.readline())


def say(value):
    print(json.dumps(value), flush=True)


asked = read()
handler = RPHandler(
    base_url=asked["redirect_uri"],
    client_configs={
        "provider": {
            "issuer": asked["issuer"],
            "client_id": asked["client_id"],
            "client_secret": asked["client_secret"],
            "client_type": "oidc",
            "redirect_uris": [asked["redirect_uri"]],
            "response_types_supported": ["code"],
            "scopes_supported": asked["scope"].split(),
            "token_endpoint_auth_methods_supported": ["client_secret_basic"],
            "add_ons": {
                "pkce": {
                    "function": "idpyoidc.client.oauth2.add_on.pkce.add_support",
                    "kwargs": {"code_challenge_length": 64, "code_challenge_method": "S256"},
                }
            },
        }
    },
)
say({"url": handler.begin("provider", req_args={"scope": asked["scope"].split()})})
answer = dict(parse_qsl(urlsplit(read()["back"]).query))
done = handler.finalize(handler.state2issuer(answer["state"]), answer)
if "error" in done:
    raise SystemExit(str(done["error"]))
say({"claims": done["id_token"].to_dict(), "userinfo": done["userinfo"].to_dict()})
