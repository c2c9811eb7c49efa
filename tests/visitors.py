"""Whoever looks at avtale's pages, as a browser would ask for them, without a browser."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from urllib.parse import urlencode

import httpx

from tests.support import House

HOST = "https://avtale.test"
BROWSER = {
    "Accept": "text/html,application/xhtml+xml;q=0.9,*/*;q=0.8",
    "Accept-Language": "en",
    "Sec-Fetch-Site": "same-origin",
}


@dataclass(frozen=True)
class Page:
    """What came back."""

    status: int
    text: str
    headers: httpx.Headers

    @property
    def heading(self) -> str:
        """The page's own heading."""
        found = re.search(r"<h1[^>]*>(.*?)</h1>", self.text, re.DOTALL)
        assert found is not None, self.text
        return html.unescape(found[1]).strip(" \n")

    @property
    def words(self) -> str:
        """What can be read on it, without markup."""
        body = self.text.partition("<body")[2]
        return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", body)))

    def form(self, action: str) -> dict[str, str]:
        """The hidden fields of the form that is sent to a path that holds `action`."""
        for found in re.finditer(
            r'<form[^>]*action="([^"]*)"[^>]*>(.*?)</form>', self.text, re.DOTALL
        ):
            if action in html.unescape(found[1]):
                fields = re.findall(r'type="hidden" name="([^"]*)" value="([^"]*)"', found[2])
                return {name: html.unescape(value) for name, value in fields}
        raise AssertionError(f"no form goes to {action}")

    def action(self, part: str) -> str:
        """Where the form goes whose path holds `part`."""
        found = [html.unescape(each) for each in re.findall(r'action="([^"]*)"', self.text)]
        return next(each for each in found if part in each)


class Visitor:
    """Looks at pages and sends their forms."""

    def __init__(self, house: House, host: str = HOST) -> None:
        self._http = httpx.AsyncClient(
            transport=httpx.ASGITransport(house.app), base_url=host, headers=BROWSER
        )

    async def look(self, path: str, **headers: str) -> Page:
        """A page; a redirect is not followed."""
        return await self._page("GET", path, None, headers)

    async def send(self, path: str, fields: dict[str, str], **headers: str) -> Page:
        """A form."""
        sent = {"Content-Type": "application/x-www-form-urlencoded", **headers}
        return await self._page("POST", path, urlencode(fields).encode(), sent)

    async def follow(self, page: Page) -> Page:
        """The page that a form was answered with."""
        assert page.status == 303, (page.status, page.text)
        return await self.look(page.headers["Location"])

    async def raw(self, method: str, path: str, content: bytes = b"", **headers: str) -> Page:
        """Any request."""
        return await self._page(method, path, content, headers)

    async def _page(
        self, method: str, path: str, content: bytes | None, headers: dict[str, str]
    ) -> Page:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = await self._http.request(method, path, content=content, headers=sent)
        return Page(answer.status_code, answer.text, answer.headers)
