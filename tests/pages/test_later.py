"""Resources that are loaded with the first request for them: none of their responders is forgotten."""

from __future__ import annotations

from importlib import import_module
from typing import Any

import falcon.asgi
import pytest

from avtale.dashboard.application import PLACES
from avtale.landing import application as landing
from avtale.landing.page import Landing
from avtale.pages.later import Later, responder
from avtale.phone.acts import Acts
from avtale.phone.application import mount
from avtale.phone.pages import Pages
from avtale.phone.profile import Profile


def responders(of: type) -> set[str]:
    return {name for name in dir(of) if name.startswith("on_")}


class Noting(falcon.asgi.App):
    """Notes what is put behind its routes."""

    def __init__(self) -> None:
        super().__init__()
        self.responders: set[str] = set()

    def add_route(self, uri_template: str, resource: object, **kwargs: Any) -> None:
        self.responders |= {name for name in vars(resource) if name.startswith("on_")}
        super().add_route(uri_template, resource, **kwargs)


def test_every_responder_of_the_landing_page_is_named() -> None:
    assert set(landing._RESPONDERS) == responders(Landing)


def test_every_responder_of_the_phone_is_mounted() -> None:
    app = Noting()
    mount(app, lambda: pytest.fail("nobody has asked for a phone"))
    assert app.responders == responders(Pages) | responders(Acts) | responders(Profile)


def test_every_responder_of_the_dashboard_is_named() -> None:
    by_class: dict[tuple[str, str], set[str]] = {}
    for each in PLACES:
        names = {responder(method, each.suffix) for method in each.methods}
        by_class.setdefault((each.module, each.name), set()).update(names)
    for (module, name), named in by_class.items():
        assert named == responders(getattr(import_module(f"avtale.dashboard.{module}"), name))


async def test_it_is_made_once_and_not_before_it_is_asked_for() -> None:
    made: list[int] = []

    class Hello:
        async def on_get(self, _req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
            resp.text = "hello"

    def make() -> Hello:
        made.append(1)
        return Hello()

    later = Later(make, ["on_get"])
    assert made == []
    for _ in range(2):
        answer = falcon.asgi.Response()
        await later.on_get(None, answer)  # type: ignore[attr-defined]
        assert answer.text == "hello"
    assert made == [1]
