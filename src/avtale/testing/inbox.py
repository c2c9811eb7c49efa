"""The inbox of a unit in a test: what its merchant is told of, whether a webhook is registered or not."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from avtale.testing.control import Control
from avtale.wire.deliveries import DeliveryAnswer, EventAnswer, SentAnswer

PAGE_ITEMS: Final = 500


class Inbox:
    """Events as they are sent; and, for receivers of your own, the deliveries of them."""

    def __init__(self, control: Control, msn: str) -> None:
        self._control = control
        self._msn = msn

    def events(self, about: str | None = None) -> list[str]:
        """The types of all events, oldest first; only those about an agreement or a charge, by its id."""
        return [
            event.event_type
            for event in self.all()
            if about is None or about in {event.agreement_id, event.charge_id}
        ]

    def bodies(self, event_type: str) -> list[dict[str, Any]]:
        """The bodies of all events of a type, oldest first."""
        return [
            msgspec.json.decode(event.body)
            for event in self.all()
            if event.event_type == event_type
        ]

    def all(self) -> list[EventAnswer]:
        """All events, oldest first."""
        found: list[EventAnswer] = []
        while True:
            number = len(found) // PAGE_ITEMS + 1
            params = {"pageNumber": number, "pageSize": PAGE_ITEMS}
            page = self._control.ask(
                list[EventAnswer], "GET", "sales-units", self._msn, "events", params=params
            )
            found += page
            if len(page) < PAGE_ITEMS:
                return found

    def deliveries(self) -> list[DeliveryAnswer]:
        """What was sent to registered receivers, newest first, with every attempt."""
        return self._control.ask(
            list[DeliveryAnswer], "GET", "sales-units", self._msn, "deliveries"
        )

    def send(
        self, event_type: str, *, agreement_id: str | None = None, charge_id: str | None = None
    ) -> tuple[str, ...]:
        """Have an event sent that did not happen, as it would look; answers with the deliveries' ids."""
        given = {"eventType": event_type, "agreementId": agreement_id, "chargeId": charge_id}
        body = {name: value for name, value in given.items() if value is not None}
        path = ("sales-units", self._msn, "events")
        return self._control.ask(SentAnswer, "POST", *path, json=body).delivery_ids

    def replay(self, since: str) -> tuple[str, ...]:
        """Have everything sent again that was made since an instant, `yyyy-MM-ddTHH:mm:ssZ`."""
        path = ("sales-units", self._msn, "deliveries", "replay")
        return self._control.ask(SentAnswer, "POST", *path, json={"since": since}).delivery_ids
