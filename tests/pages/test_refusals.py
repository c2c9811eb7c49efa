"""Whoever asks for a page is answered with one, also where there is nothing to show; all others get the problem."""

from __future__ import annotations

from pathlib import Path

import pytest

from avtale.engine.engine import StorageDown
from avtale.pages.words import LANGUAGES, Language, words_of
from tests.support import House, installation
from tests.visitors import HOST, Visitor


@pytest.mark.parametrize("path", ["/landing/nowhere", "/phone/nobody/x/y", "/assets/none.css"])
async def test_unknown_paths_are_a_page_for_browsers_and_a_problem_for_others(
    visitor: Visitor, path: str
) -> None:
    page = await visitor.look(path)
    assert (page.status, page.heading) == (404, "There is nothing here")
    assert "no real money moves" in page.words
    assert page.headers["Cache-Control"] == "no-store"
    assert "frame-ancestors 'none'" in page.headers["Content-Security-Policy"]
    problem = await visitor.look(path, Accept="application/json")
    assert problem.status == 404
    assert problem.headers["Content-Type"] == "application/problem+json"


async def test_what_a_merchant_asks_for_is_never_a_page(visitor: Visitor) -> None:
    for path in ("/recurring/v3/agreements", "/sandbox/nowhere", "/nowhere"):
        answer = await visitor.look(path)
        assert "html" not in answer.headers["Content-Type"], path


async def test_a_page_that_takes_no_such_method_says_which_it_takes(visitor: Visitor) -> None:
    answer = await visitor.raw("PUT", "/landing")
    assert answer.status == 405
    assert "GET" in answer.headers["Allow"]
    assert answer.heading == "That did not work"


async def test_a_database_that_is_gone_asks_for_a_moment(tmp_path: Path) -> None:
    path = tmp_path / "avtale.db"
    async with installation(str(path)) as house:
        visitor = Visitor(house)
        away = path.rename(tmp_path / "elsewhere.db")
        # Where something is read, the file is looked for twenty times a second; this looks at once.
        with pytest.raises(StorageDown):
            await house.parts.storage.check()
        for asked in ("/phone/4791234567", "/phone"):
            page = await visitor.look(asked)
            assert (page.status, page.heading) == (503, "A moment, please")
            assert int(page.headers["Retry-After"]) >= 1
            assert str(tmp_path) not in page.text
        away.rename(path)
        assert (await visitor.look("/phone")).status == 200


@pytest.mark.parametrize("language", LANGUAGES)
async def test_what_nobody_foresaw_is_a_kind_page_that_tells_nothing(
    house: House, visitor: Visitor, monkeypatch: pytest.MonkeyPatch, language: Language
) -> None:
    shop = await house.public_shop()
    link = (await shop.draft())["vippsConfirmationUrl"].removeprefix(HOST)

    def broken(*_arguments: object) -> None:
        raise RuntimeError("a secret of ours")

    monkeypatch.setattr("avtale.landing.page.request_closes_at", broken)
    page = await visitor.look(f"{link}&lang={language}")
    assert page.status == 500
    assert page.heading == words_of(language)("error.title_500")
    assert "secret" not in page.text
    assert page.headers["Cache-Control"] == "no-store"
    assert "X-Request-Id" in page.headers
