"""Requests out of the record: unpacked, newest first, those that somebody looks for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Final

from avtale.record import RecordedBatch, RecordedRequest, Seen
from avtale.storage.storage import Storage

AT_ONCE: Final = 100
"""How many batches are read at a time."""
_NO_END: Final = 2**62

Wanted = Callable[[RecordedRequest], bool]


async def recorded(storage: Storage, msn: str, named: str = "") -> AsyncIterator[Seen]:
    """The unit's requests, newest first; where an id is `named`, only what was written down beside it."""
    before = _NO_END
    query = "batches_that_name" if named else "batches_of_unit"
    naming = {"id": named} if named else {}
    while True:
        # Looking for an id reads all that there is, which may be much.
        look = storage.survey_rows_with if named else storage.rows_with
        found = await look(RecordedBatch, query, msn=msn, before=before, most=AT_ONCE, **naming)
        for batch, position in found:
            before = position
            for seen in reversed(batch.opened()):
                yield seen
        if len(found) < AT_ONCE:
            return


async def page(
    storage: Storage, msn: str, wanted: Wanted, *, named: str, skip: int, size: int
) -> list[Seen]:
    """The requests that are wanted, newest first: `size` of them after the first `skip`."""
    page: list[Seen] = []
    async for seen in recorded(storage, msn, named):
        if not wanted(seen.request):
            continue
        if skip:
            skip -= 1
            continue
        page.append(seen)
        if len(page) == size:
            break
    return page


async def about_agreement(storage: Storage, msn: str, agreement_id: str, most: int) -> list[Seen]:
    """The latest requests about an agreement, oldest first."""
    found = await page(
        storage,
        msn,
        lambda request: request.agreement_id == agreement_id,
        named=agreement_id,
        skip=0,
        size=most,
    )
    return found[::-1]
