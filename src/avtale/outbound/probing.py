"""Probing: whether pages that a merchant named answer at all, asked on demand and with the same care as receivers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import Final, NamedTuple

from avtale.outbound.addresses import Policy
from avtale.outbound.sender import Outgoing, Result, Sender
from avtale.webhooks.signing import USER_AGENT

MOST_URLS: Final = 10
SECONDS: Final = 5.0
"""How long a page has for both questions: whether it is there, and if need be for itself."""

_GONE: Final = frozenset({404, 410})
_NOT_TRIED: Final = frozenset({"refused address", "shut down"})
_HEADERS: Final = {"User-Agent": USER_AGENT, "Accept": "*/*"}


class Probed(NamedTuple):
    """What came of one URL: a status or an error in words, and whether that is no page."""

    said: str
    is_dead: bool


async def probe(urls: Iterable[str], policy: Policy) -> dict[str, Probed]:
    """Ask the first few of these URLs, side by side.

    A page that wants a login is a page, and so is one that leads elsewhere, which is not followed.
    Where nothing may be sent to an address, it is not tried, and nothing is known of it.
    """
    asked = list(dict.fromkeys(urls))[:MOST_URLS]
    sender = Sender(policy, seconds=SECONDS)
    try:
        found = await asyncio.gather(*(_probed(sender, url) for url in asked))
    finally:
        await sender.close()
    return dict(zip(asked, found, strict=True))


async def _probed(sender: Sender, url: str) -> Probed:
    # What stands behind # is for the browser alone.
    page = url.partition("#")[0]
    try:
        async with asyncio.timeout(SECONDS):
            result = await _ask(sender, "HEAD", page)
            if result.status is None or result.status >= 400:
                # Not every page answers HEAD as it answers a browser.
                result = await _ask(sender, "GET", page)
    except TimeoutError:
        return Probed("timed out", is_dead=True)
    if result.status is None:
        return Probed(result.error or "", is_dead=result.error not in _NOT_TRIED)
    return Probed(str(result.status), is_dead=result.status in _GONE or result.status >= 500)


async def _ask(sender: Sender, method: str, url: str) -> Result:
    return await sender.send(Outgoing(url, _HEADERS, b"", method))
