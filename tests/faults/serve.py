"""`avtale up`, `api` or `worker` in a process of its own, for tests that kill it.

`python serve.py PART SETTINGS LEASE_SECONDS [DEATH [TAKES_BACK]]`: settings as JSON, how long whoever begins
a payment or sends to a receiver may take, where the process ends itself (`step:nth`, or empty), and that every
so manieth change is taken back before it is committed.
"""

from __future__ import annotations

import importlib
import json
import sys
from datetime import timedelta
from pathlib import Path

from avtale.cli.running import run
from avtale.operations import deliveries, payments


def main(
    part: str, settings: str, lease_seconds: str, death: str = "", takes_back: str = ""
) -> int:
    """Serve until told to stop, or until death."""
    payments.LEASE = deliveries.LEASE = timedelta(seconds=float(lease_seconds))
    if death or takes_back:
        sys.path.insert(0, str(Path(__file__).parents[2]))
        dying = importlib.import_module("tests.faults.dying")

        if death:
            step, _, nth = death.rpartition(":")
            dying.die_at(step, int(nth))
        if takes_back:
            dying.take_back_every(int(takes_back))
    return run(part, json.loads(settings), quiet=True)


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
