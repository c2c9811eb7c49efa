"""One good request for every operation of the API, with everything in place that it needs."""

from __future__ import annotations

from typing import Any, NamedTuple

from tests.support import CHARGE, Reply, Shop


class Request(NamedTuple):
    """A request below `/recurring/v3`; `other` is another good body for the same path."""

    method: str
    path: str
    status: int
    body: Any = None
    other: Any = None

    @property
    def writes(self) -> bool:
        """Whether it changes something, and so needs an idempotency key."""
        return self.method != "GET"


WRITES = ("draft", "update", "accept", "create", "bulk", "cancel", "capture", "refund")
READS = ("list agreements", "fetch agreement", "list charges", "fetch charge", "find charge")
OPERATIONS = (*WRITES, *READS)


async def request_for(shop: Shop, operation: str) -> Request:
    """A good request for an operation; the agreement or charge that it is about is there."""
    if operation in {"draft", "list agreements"}:
        return _without_agreement(shop, operation)
    if operation == "accept":
        agreement = (await shop.draft())["agreementId"]
        body, other = {"phoneNumber": "4791234567"}, {"phoneNumber": "4799999999"}
        return Request("PATCH", f"/agreements/{agreement}/accept", 204, body, other)
    agreement = await shop.agreed()
    if operation in {"capture", "refund"}:
        return await _money_moves(shop, operation, agreement)
    if operation in {"cancel", "fetch charge", "find charge"}:
        return await _about_charge(shop, operation, agreement)
    path = f"/agreements/{agreement}"
    charge = {**CHARGE, "due": await shop.in_days(2)}
    item = {"agreementId": agreement, "orderId": f"order-{agreement[4:]}", **charge}
    cheaper = {"amount": 100_00}
    requests = {
        "update": Request("PATCH", path, 204, {"productName": "A"}, {"productName": "B"}),
        "fetch agreement": Request("GET", path, 200),
        "list charges": Request("GET", f"{path}/charges", 200),
        "create": Request("POST", f"{path}/charges", 201, charge, charge | cheaper),
        "bulk": Request("POST", "/agreements/charges", 202, [item], [item | cheaper]),
    }
    return requests[operation]


def _without_agreement(shop: Shop, operation: str) -> Request:
    if operation == "draft":
        body, other = shop.draft_body(), shop.draft_body(productName="Serie A")
        return Request("POST", "/agreements", 201, body, other)
    return Request("GET", "/agreements", 200)


async def _about_charge(shop: Shop, operation: str, agreement: str) -> Request:
    charge = await shop.charge(agreement, due=await shop.in_days(2))
    path = f"/agreements/{agreement}/charges/{charge}"
    if operation == "cancel":
        return Request("DELETE", path, 204)
    return Request("GET", path if operation == "fetch charge" else f"/charges/{charge}", 200)


async def _money_moves(shop: Shop, operation: str, agreement: str) -> Request:
    kind = "RESERVE_CAPTURE" if operation == "capture" else "DIRECT_CAPTURE"
    due = await shop.in_days(1)
    charge = await shop.charge(agreement, transactionType=kind, due=due)
    await shop.clock.advance(days=2)
    path = f"/agreements/{agreement}/charges/{charge}/{operation}"
    body = {"amount": 100_00, "description": "Half time"}
    return Request("POST", path, 204, body, {**body, "amount": 50_00})


async def send(shop: Shop, request: Request, body: Any = ..., **headers: str | None) -> Reply:
    """Send a request, or the same with another body or other headers."""
    if not request.writes:
        headers.setdefault("Idempotency_Key", None)
    return await shop.send(
        request.method, request.path, request.body if body is ... else body, **headers
    )
