"""Somebody with a browser that knows no script: opens pages, reads them, fills in forms and presses buttons."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx

from tests.support import House

HERE = "https://avtale.test"
_VOID = frozenset({"input", "img", "link", "meta", "br", "path", "circle"})
_UNSEEN = frozenset({"head", "script", "option"})


@dataclass(eq=False)
class Element:
    """One element of a page."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Element | str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """What can be read in it, with single spaces."""
        return " ".join(" ".join(self._words()).split())

    def _words(self) -> Iterator[str]:
        for child in self.children:
            if isinstance(child, str):
                yield child
            elif child.tag not in _UNSEEN:
                yield child.text

    def all(self, *tags: str) -> Iterator[Element]:
        """Every element in it with one of these tags, or of any; in the page's order."""
        for child in self.children:
            if isinstance(child, Element):
                if not tags or child.tag in tags:
                    yield child
                yield from child.all(*tags)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Element("page")
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs})
        self._open[-1].children.append(element)
        if tag not in _VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open[-1].children.append(
            Element(tag, {name: value or "" for name, value in attrs}),
        )

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID:
            return
        assert self._open[-1].tag == tag, f"</{tag}> closes <{self._open[-1].tag}>"
        self._open.pop()

    def handle_data(self, data: str) -> None:
        self._open[-1].children.append(data)


@dataclass(frozen=True)
class Form:
    """A form as it would be sent, and where."""

    action: str
    fields: dict[str, str]


class Page:
    """What a browser shows."""

    def __init__(self, response: httpx.Response) -> None:
        self.status = response.status_code
        self.headers = response.headers
        self.html = response.text
        self.path = str(response.url).removeprefix(HERE)
        reader = _Reader()
        reader.feed(self.html)
        self.root = reader.root

    @property
    def text(self) -> str:
        """All that can be read on it."""
        return self.root.text

    @property
    def main(self) -> str:
        """What can be read in the middle, where nothing is said that stands on every page."""
        return next(self.root.all("main")).text

    @property
    def told(self) -> str:
        """What the page says of the act before it."""
        return " ".join(each.text for each in self.root.all() if _is(each, "role", "status"))

    @property
    def wrong(self) -> str:
        """What the page says of a field that was filled in wrongly."""
        return " ".join(each.text for each in self.root.all() if _is(each, "role", "alert"))

    def articles(self) -> dict[str, Element]:
        """Requests, notices: each by its heading."""
        return {next(each.all("h2")).text: each for each in self.root.all("article")}

    def links(self) -> dict[str, str]:
        """Where the links lead, by what they say."""
        return {each.text: each.attributes["href"] for each in self.root.all("a")}

    def buttons(self) -> list[str]:
        """What can be pressed."""
        return [each.text for each in self.root.all("button")]

    def form(self, button: str, on: str | None = None) -> Form:
        """The form that a button sends, as it is filled in; `on` names the article in which it is."""
        place = self.root if on is None else self.articles()[on]
        for form in place.all("form"):
            names = [each.text for each in form.all("button")] + [
                each.text
                for each in place.all("button")
                if each.attributes.get("form") == form.attributes.get("id", "none")
            ]
            if button in names:
                assert form.attributes["method"] == "post"
                return Form(form.attributes["action"], dict(_filled(form)))
        raise AssertionError(f"no button {button!r} among {self.buttons()}")


def _filled(form: Element) -> Iterator[tuple[str, str]]:
    for each in form.all("input"):
        if each.attributes["type"] != "radio" or "checked" in each.attributes:
            yield each.attributes["name"], each.attributes.get("value", "")
    for each in form.all("select"):
        options = list(each.all("option"))
        chosen = [option for option in options if "selected" in option.attributes] or options[:1]
        yield each.attributes["name"], chosen[0].attributes["value"]


def _is(element: Element, name: str, value: str) -> bool:
    return element.attributes.get(name) == value


class Browser:
    """A window on one installation."""

    def __init__(self, house: House) -> None:
        self.http = httpx.AsyncClient(
            transport=httpx.ASGITransport(house.app),
            base_url=HERE,
            headers={"Accept": "text/html,*/*;q=0.8", "Accept-Language": "en"},
            follow_redirects=True,
        )

    async def opens(self, path: str, **headers: str) -> Page:
        """Follow a link or write an address."""
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        return Page(await self.http.get(path, headers=sent))

    async def sends(self, form: Form, **fields: str) -> Page:
        """Send a form with these fields filled in."""
        return Page(
            await self.http.post(
                form.action,
                content=urlencode(form.fields | fields),
                headers={
                    "Content-Type": "application/x-www-form-urlencoded",
                    "Origin": HERE,
                    "Sec-Fetch-Site": "same-origin",
                },
            )
        )


class Phone(Browser):
    """A payer's phone, in English."""

    def __init__(self, house: House, phone_number: str) -> None:
        super().__init__(house)
        self.phone_number = phone_number
        self.base = f"/phone/{phone_number}"

    async def shows(self, page: str = "") -> Page:
        """One of the phone's pages: `""` for home, `/agreements`, `/notices`, `/me`."""
        return await self.opens(self.base + page)

    async def presses(
        self, button: str, page: str = "", on: str | None = None, **fields: str
    ) -> Page:
        """Open a page, fill in what is given, and press a button of it."""
        return await self.sends((await self.shows(page)).form(button, on), **fields)

    async def approves(self, name: str = "Premier League", **fields: str) -> Page:
        """Say yes to a request."""
        return await self.presses("Approve", on=name, **fields)

    async def rejects(self, name: str = "Premier League") -> Page:
        """Say no to a request."""
        return await self.presses("Reject", on=name)


def query(path: str) -> dict[str, str]:
    """What an address asks, by name."""
    return dict(parse_qsl(urlsplit(path).query))
