"""Odd texts in every field of every page: an orderly answer, and nothing personal in an address."""

from __future__ import annotations

import logging
import re
from itertools import cycle, product

import pytest

from auth.settings import LinkingSettings
from tests.auth.linking.conftest import PARENT, SNILS, Door

TOKEN = re.compile(r'name="form_token" value="(\w+)"')
PATHS = ("", "choose", "confirm", "school", "withdraw", "children", "other")
FIELDS = ("arrival", "district", "school", "person", "child", "username", "form_token")
ODD = (
    "\0", "a" * 5000, "ёжик", "\ud7ff\u202e", '"><script>alert(1)</script>', "-1", "9" * 40,
    "' OR 1=1 --", "%00%ff", "https://evil.example/",
)  # fmt: skip


def test_odd_texts_are_answered_in_order_and_nobody_is_named_in_the_log(
    door: Door, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    door.record(snils=SNILS)
    door.configure(requests_per_identity=LinkingSettings().requests_per_address)
    stranger = door.come(family_name="Незнакомая", snils="")
    pages = [door.browser.open(f"{stranger.url}&district=Учебный"), door.come(**PARENT)]
    for page, (path, field), odd in zip(
        cycle(pages), product(PATHS, FIELDS), cycle(ODD), strict=False
    ):
        key, (token, *_) = page.parameters["arrival"], TOKEN.findall(page.text)
        address = f"{door.portal.issuer}/auth/linking/{path}"
        typed = {"password": odd, "form_token": token, field: odd}
        asked = {"arrival": key} | ({field: odd} if field in {"arrival", "district"} else {})
        for method in ("GET", "POST"):
            answer = door.browser.session.request(
                method, address, params=asked, data=typed, timeout=60, allow_redirects=False
            )
            assert answer.status_code in {200, 303, 400, 405, 429}, (method, path, field, odd)
            assert "evil.example" not in answer.headers.get("Location", "")
            assert "<script>alert" not in answer.text
    assert door.links() == {}
    for personal in ("Незнакомая", "Проверочный", SNILS, "05.03.2014", "2014-03-05"):
        assert personal not in caplog.text
