"""What the control API works with: the parts of a running installation that it looks at and drives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from avtale.api.directory import Directory
from avtale.api.recorder import Recorder
from avtale.engine.engine import Engine
from avtale.keys import Keys
from avtale.outbound.addresses import Policy
from avtale.pages.look import Look
from avtale.pages.streams import Board
from avtale.processing.clocks import Clocks
from avtale.processing.deliveries import Deliveries
from avtale.processing.faults import Faults
from avtale.processing.forecast import Forecasts
from avtale.processing.runs import Runs
from avtale.processing.settlement import Settlement
from avtale.storage.storage import Storage


@dataclass(frozen=True)
class Tools:
    """The parts, joined by the server."""

    storage: Storage
    keys: Keys
    engine: Engine
    settlement: Settlement
    runs: Runs
    clocks: Clocks
    deliveries: Deliveries
    forecasts: Forecasts
    directory: Directory
    recorder: Recorder
    faults: Faults
    look: Look
    board: Board
    receivers: Policy
    """Where requests may be sent that somebody else named."""
    nudge: Callable[[], None]
    """Have the post office look at once for what is to be sent."""
