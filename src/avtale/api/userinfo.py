"""Userinfo over HTTP: the profile that a payer shared with a sales unit (api-facts 9, rulings §10)."""

from __future__ import annotations

from datetime import timedelta

import falcon.asgi

from avtale.agreements.agreement import Agreement
from avtale.api.answers import send_json
from avtale.api.directory import Directory
from avtale.api.gate import Gate
from avtale.engine.engine import Engine
from avtale.payers import Payer
from avtale.problems import ResourceNotFound
from avtale.storage.storage import Storage
from avtale.wire.userinfo import userinfo_answer


class Userinfo:
    """`/vipps-userinfo-api/userinfo/{sub}`."""

    def __init__(self, gate: Gate, storage: Storage, directory: Directory, engine: Engine) -> None:
        self._gate = gate
        self._storage = storage
        self._directory = directory
        self._engine = engine

    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, sub: str) -> None:
        """The consented members as the profile is now, for the published hours after consent."""
        caller = await self._gate.admit_by_token(req, "fetch_userinfo", sub=sub)
        shared = await self._storage.rows(Agreement, "agreements_sharing", msn=caller.msn, sub=sub)
        if not shared:
            raise ResourceNotFound("There is no profile under this sub.")
        unit = await self._directory.sales_unit(caller.msn)
        window = timedelta(hours=unit.rulebook(self._engine.environment).userinfo_hours)
        now = unit.now(self._engine.real_now())
        open_ones = [a for a in shared if a.consented is not None and now < a.consented + window]
        scope = _joined(open_ones or shared)
        payer = None
        if open_ones:
            found = await self._storage.rows(
                Payer, "payer_by_phone", phone_number=open_ones[0].payer or ""
            )
            payer = found[0] if found and found[0].deleted is None else None
        send_json(resp, userinfo_answer(sub, scope, payer))
        resp.set_header("Cache-Control", "no-store")


def _joined(shared: list[Agreement]) -> str:
    """All words that were consented to, each once, in order."""
    words = [word for agreement in shared for word in (agreement.scope or "").split()]
    return " ".join(dict.fromkeys(words))
