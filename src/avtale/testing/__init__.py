"""avtale in tests: a server in the background, and a sales unit of its own for every test (sandbox §10).

With pytest, the fixture `avtale` is there as soon as avtale is installed:

    def test_renewal(avtale):
        unit = avtale.sales_unit()
        agreement = unit.client.draft_agreement(...)
        unit.payer().approve(agreement.agreement_id)
        unit.clock.advance(days=31)

With unittest, `class TestRenewal(AvtaleTestCase)` has the same as `self.avtale`.
"""

from __future__ import annotations

from avtale.testing.case import AvtaleTestCase
from avtale.testing.control import ControlRefused
from avtale.testing.inbox import Inbox
from avtale.testing.sandbox import Avtale
from avtale.testing.units import Payer, Unit, UnitClock

__all__ = [
    "Avtale",
    "AvtaleTestCase",
    "ControlRefused",
    "Inbox",
    "Payer",
    "Unit",
    "UnitClock",
]
