"""The phones on the application."""

from __future__ import annotations

from typing import Any

import falcon.asgi

from avtale.phone.acts import Acts
from avtale.phone.pages import Pages
from avtale.phone.profile import Profile
from avtale.phone.rooms import Rooms

_PHONE = "/phone/{phone_number}"
_REQUEST = _PHONE + "/requests/{msn}/{agreement_id}"
_AGREEMENT = _PHONE + "/agreements/{msn}/{agreement_id}"


def mount(app: falcon.asgi.App[Any, Any], rooms: Rooms) -> None:
    """Add everything below `/phone`; where this is not called, those paths answer 404."""
    pages = Pages(rooms)
    acts, profile = Acts(rooms, pages), Profile(rooms)
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
    for act in ("make", "source", "balance", "outcomes", "persona", "delete"):
        app.add_route(f"{_PHONE}/{act}", profile, suffix=act)
