"""What pages load is small, is kept by browsers for as long as it is the same, and is nothing else of ours."""

from __future__ import annotations

import re

import pytest

from tests.visitors import Visitor

HEAVIEST_BYTES = 100_000


async def loaded(visitor: Visitor) -> list[str]:
    """What a page asks for."""
    page = await visitor.look("/phone")
    return sorted(set(re.findall(r'(?:href|src)="(/assets/[^"]*)"', page.text)))


async def test_a_page_needs_four_files_that_are_light_together(visitor: Visitor) -> None:
    paths = await loaded(visitor)
    names = [path.partition("?")[0].removeprefix("/assets/") for path in paths]
    assert names == ["htmx.min.js", "mark.svg", "pages.css", "pages.js"]
    answers = [await visitor.look(path) for path in paths]
    assert {answer.status for answer in answers} == {200}
    assert sum(len(answer.text.encode()) for answer in answers) < HEAVIEST_BYTES


async def test_they_are_kept_for_a_year_under_the_name_of_what_they_hold(visitor: Visitor) -> None:
    for path in await loaded(visitor):
        answer = await visitor.look(path)
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert re.fullmatch(r'"[0-9a-f]{12}"', answer.headers["ETag"])
        assert answer.headers["ETag"].strip('"') == path.partition("?")[2]


@pytest.mark.parametrize("query", ["", "?", "?0123456789ab", "?v=1"])
async def test_under_another_name_they_are_asked_for_anew(visitor: Visitor, query: str) -> None:
    answer = await visitor.look(f"/assets/pages.css{query}")
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-cache"


async def test_what_a_browser_has_already_is_not_sent_again(visitor: Visitor) -> None:
    for path in await loaded(visitor):
        etag = (await visitor.look(path)).headers["ETag"]
        again = await visitor.look(path, If_None_Match=etag)
        assert (again.status, again.text) == (304, "")
        assert (await visitor.look(path, If_None_Match='"another"')).status == 200


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("pages.css", "text/css; charset=utf-8"),
        ("pages.js", "text/javascript; charset=utf-8"),
        ("htmx.min.js", "text/javascript; charset=utf-8"),
        ("mark.svg", "image/svg+xml"),
        ("htmx.LICENSE.txt", "text/plain; charset=utf-8"),
    ],
)
async def test_they_say_what_they_are(visitor: Visitor, name: str, kind: str) -> None:
    assert (await visitor.look(f"/assets/{name}")).headers["Content-Type"] == kind


@pytest.mark.parametrize(
    "path",
    [
        "x.css",
        "..%2Flook.py",
        "%2e%2e/look.py",
        "../texts/en.toml",
        "pages.css/x",
        "PAGES.CSS",
    ],
)
async def test_nothing_else_is_an_asset(visitor: Visitor, path: str) -> None:
    assert (await visitor.look(f"/assets/{path}")).status == 404
