"""A browser that travels between our portal and an outside provider, as people do."""

from __future__ import annotations

from urllib.parse import urljoin

import lxml.html

from tests.relying_party import TIMEOUT, Browser, Page


class Traveller(Browser):
    """Follows redirects and pages that go on by themselves inside several sites."""

    def __init__(self, *sites: str) -> None:
        super().__init__(sites[0])
        self._sites = sites
        self.seen: list[str] = []
        """Every address that was opened, in order."""

    def press(self, page: Page, part: str, **typed: str) -> Page:
        """Send that form of the page whose address holds ``part``."""
        forms = lxml.html.fromstring(page.text).forms
        (form,) = [one for one in forms if part in (one.action or "")]
        hidden = {name: value or "" for name, value in form.form_values()}
        return self._follow("POST", urljoin(page.url, form.action), hidden | typed)

    def _follow(self, verb: str, url: str, form: dict[str, str] | None) -> Page:
        for _ in range(20):
            self.seen.append(url)
            if not url.startswith(tuple(f"{site}/" for site in self._sites)):
                return Page(url=url)
            answer = self.session.request(
                verb, url, data=form, allow_redirects=False, timeout=TIMEOUT
            )
            onward = answer.headers.get("Location") if answer.is_redirect else None
            if refresh := answer.headers.get("Refresh"):
                onward = refresh.removeprefix("0; url=")
            if not onward:
                return Page(
                    url=url, status=answer.status_code, text=answer.text, headers=answer.headers
                )
            url, verb, form = urljoin(url, onward), "GET", None
        raise AssertionError("sent in a circle")
