"""The phones on the application."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache
from typing import TYPE_CHECKING, Any, Final

import falcon.asgi

from avtale.pages.later import Later, responder

if TYPE_CHECKING:
    from avtale.phone.pages import Pages
    from avtale.phone.rooms import Rooms

_PHONE: Final = "/phone/{phone_number}"
_REQUEST: Final = _PHONE + "/requests/{msn}/{agreement_id}"
_AGREEMENT: Final = _PHONE + "/agreements/{msn}/{agreement_id}"
_SHOWN: Final = ("one", "agreements", "agreement", "notices", "me", "stream")
_ACTS: Final = ("approve", "reject", "stop", "maximum", "notifies")
_PROFILE: Final = ("make", "source", "balance", "outcomes", "persona", "delete")


def mount(app: falcon.asgi.App[Any, Any], make_rooms: Callable[[], Rooms]) -> None:
    """Add everything below `/phone`; where this is not called, those paths answer 404."""
    rooms = cache(make_rooms)

    @cache
    def make_pages() -> Pages:
        from avtale.phone.pages import Pages  # noqa: PLC0415

        return Pages(rooms())

    def make_acts() -> object:
        from avtale.phone.acts import Acts  # noqa: PLC0415

        return Acts(rooms(), make_pages())

    def make_profile() -> object:
        from avtale.phone.profile import Profile  # noqa: PLC0415

        return Profile(rooms())

    shown = ["on_get", "on_post", "on_post_open", *_named("get", _SHOWN)]
    pages = Later(make_pages, shown)
    acts = Later(make_acts, _named("post", _ACTS))
    profile = Later(make_profile, _named("post", _PROFILE))
    app.add_route("/phone", pages)
    app.add_route("/phone/open", pages, suffix="open")
    app.add_route(_PHONE, pages, suffix="one")
    for page in ("agreements", "notices", "me", "stream"):
        app.add_route(f"{_PHONE}/{page}", pages, suffix=page)
    app.add_route(_AGREEMENT, pages, suffix="agreement")
    for act in ("approve", "reject"):
        app.add_route(f"{_REQUEST}/{act}", acts, suffix=act)
    for act in ("stop", "maximum", "notifies"):
        app.add_route(f"{_AGREEMENT}/{act}", acts, suffix=act)
    for act in _PROFILE:
        app.add_route(f"{_PHONE}/{act}", profile, suffix=act)


def _named(method: str, suffixes: Iterable[str]) -> list[str]:
    return [responder(method, suffix) for suffix in suffixes]
