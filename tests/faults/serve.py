"""`avtale up`, `api` or `worker` in a process of its own, for tests that kill it.

`python serve.py PART SETTINGS LEASE_SECONDS`: settings as JSON, and how long whoever begins a payment may take.
"""

from __future__ import annotations

import json
import sys
from datetime import timedelta

from avtale.cli.running import run
from avtale.operations import payments

if __name__ == "__main__":
    part, settings, lease_seconds = sys.argv[1:]
    payments.LEASE = timedelta(seconds=float(lease_seconds))
    raise SystemExit(run(part, json.loads(settings), quiet=True))
