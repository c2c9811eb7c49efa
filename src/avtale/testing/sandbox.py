"""The sandbox of a test: sales units on a server that is shared, reported on when the test fails."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from avtale.rulebook import MarketCode
from avtale.testing.background import Background
from avtale.testing.control import Control
from avtale.testing.units import Unit, described_unit
from avtale.wire.control import SalesUnitAnswer

URL_VARIABLE: Final = "AVTALE_URL"

_starting = threading.Lock()
_background: list[Background] = []


class Avtale:
    """A place for sales units: on the server that `url` or AVTALE_URL names, or on one in the background.

    The one in the background is started once in a process, keeps its data in memory and goes with it.
    Raises ServerMissing where avtale is installed without its server.
    """

    def __init__(self, url: str | None = None) -> None:
        named = url or os.environ.get(URL_VARIABLE)
        self.is_shared = named is not None
        """Whether others may use the same server."""
        self.url = (named or _in_background()).rstrip("/")
        self.control = Control(self.url)
        self.units: list[Unit] = []
        """The units that were made here, oldest first."""

    def sales_unit(
        self,
        *,
        name: str | None = None,
        market: MarketCode = "NO",
        at: datetime | None = None,
        rules: Mapping[str, int | None] | None = None,
        **features: bool,
    ) -> Unit:
        """A tenant of this test's own, clock included.

        Its clock runs, or stands still `at` a later instant. `rules` as the control API names them
        (`{"leadDays": 1}`), `features` as in `sales_unit(unscheduled=True)` (sandbox §3).
        """
        body: dict[str, Any] = described_unit(name=name, rules=rules, features=features)
        body["market"] = market
        answer = self.control.ask(SalesUnitAnswer, "POST", "sales-units", json=body)
        unit = Unit(self.control, answer)
        self.units.append(unit)
        if at is not None:
            unit.clock.freeze(at)
        return unit

    def report(self) -> str:
        """What became of each unit, for whoever reads of a failure: its agreements, charges, events."""
        return "\n\n".join(unit.report() for unit in self.units)

    def close(self, *, keep_units: bool = False) -> None:
        """Let go of the server; on a shared one the units are erased, unless somebody wants to look at them."""
        try:
            for unit in self.units:
                unit.close()
                if self.is_shared and not keep_units:
                    unit.delete()
        finally:
            self.control.close()


def _in_background() -> str:
    """The URL of this process's own server, which is started with the first test that asks."""
    with _starting:
        if not _background:
            started = Background()
            atexit.register(started.stop)
            _background.append(started)
        return _background[0].url
