"""Somebody at the dashboard, with a browser that knows no script."""

from __future__ import annotations

from avtale.accounts import Role
from avtale.dashboard.doorkeeper import Doorkeeper
from avtale.engine import clock
from tests.support import House, Shop
from tests.visitors import HOST, Page, Visitor

LOCAL = "http://127.0.0.1:8080"
PASSWORD = "correct horse battery"


class Looking(Visitor):
    """Looks at one unit's pages, and does things there."""

    def __init__(self, house: House, shop: Shop, host: str = LOCAL) -> None:
        super().__init__(house, host)
        self.house = house
        self.base = f"/units/{shop.msn}"

    async def at(self, path: str = "") -> Page:
        """A page of the unit, which is there."""
        page = await self.look(self.base + path)
        assert page.status == 200, (path, page.status, page.text)
        return page

    async def do(self, path: str, **fields: str) -> Page:
        """Send the form of a page that goes back to it; the page that it led to."""
        page = await self.at(path)
        action = self.base + path.partition("?")[0]
        sent = await self.send(action, page.form(action) | fields)
        return await self.follow(sent)


async def signed_in(
    house: House, shop: Shop, name: str = "kari", role: Role = "developer"
) -> Looking:
    """Somebody with an account of that role, who has signed in."""
    looking = Looking(house, shop, HOST)
    await add_account(house, name, role)
    page = await sign_in(looking, name)
    assert page.status == 303, page.text
    return looking


async def sign_in(looking: Looking, name: str, password: str = PASSWORD, to: str = "/") -> Page:
    """What a try to sign in is answered."""
    page = await looking.look(f"/sign-in?to={to}")
    fields = page.form("/sign-in") | {"name": name, "password": password}
    return await looking.send("/sign-in", fields)


async def add_account(house: House, name: str, role: Role) -> None:
    """Make an account, as the command does."""
    await keeper_of(house).add(name, role, PASSWORD)


def keeper_of(house: House) -> Doorkeeper:
    """The doorkeeper of an installation that others can reach."""
    parts = house.parts
    return Doorkeeper(parts.storage, parts.keys, clock.real_now, is_open=False, is_secure=True)
