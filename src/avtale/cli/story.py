"""The demo's story: the guide from token to refund, told over HTTP, day by day."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any, Final

from avtale.cli.telling import Narrator
from avtale.money import Money

AGREEMENTS: Final = "/recurring/v3/agreements"
PRICE: Final = 499_00
"""Minor units."""


class Story:
    """One merchant, one payer, and what passes between them."""

    def __init__(self, narrator: Narrator) -> None:
        self._n = narrator
        self._agreement = ""
        self._charge = ""

    def tell(self) -> None:
        """All of it, in the guide's order; raises Failure where it does not go as told."""
        self.clock()
        chapters: tuple[Callable[[], None], ...] = (
            self.token,
            self.minimal_agreement,
            self.initial_charge,
            self.list_agreements,
            self.update_agreement,
            self.create_charge,
            self.retried_charge,
            self.reserved_charge,
            self.cancel_charge,
            self.refund_charge,
            self.stop_agreement,
        )
        for chapter in chapters:
            chapter()

    def clock(self) -> None:
        """Before the first run of a day, wherever the sun stands."""
        self._n.step("Take the clock in hand", "It moves when it is told to, and only then.")
        tomorrow = self._n.now() + timedelta(days=1)
        self._n.freeze(tomorrow.replace(hour=6, minute=0, second=0, microsecond=0))

    # ── Agreements ──

    def token(self) -> None:
        """Every call carries one."""
        self._n.step("Get an access token")
        self._n.fetch_token()

    def minimal_agreement(self) -> None:
        """Draft, yes, ACTIVE."""
        self._n.step("Create a minimal agreement", "The payer says yes on the phone.")
        self._agreement, _ = self._drafted_and_approved()

    def initial_charge(self) -> None:
        """What is paid at approval, captured at once."""
        self._n.step("Create an agreement with an initial charge", "It is captured at approval.")
        agreement, charge = self._drafted_and_approved(
            productName="Nordic Fitness", initialCharge=_initial("DIRECT_CAPTURE", 199_00)
        )
        self._status_of(agreement, charge, "CHARGED")

    def list_agreements(self) -> None:
        """Those that are ACTIVE."""
        self._n.step("Get a list of agreements")
        active = self._n.ask("GET", f"{AGREEMENTS}?status=ACTIVE", tell=_products)
        self._n.expect("the number of ACTIVE agreements", len(active), 2)

    def update_agreement(self) -> None:
        """Another price."""
        self._n.step("Update an agreement")
        price = PRICE + 50_00
        self._n.ask("PATCH", self._path, {"pricing": {"amount": price}})
        changed = self._n.ask("GET", self._path, tell=_agreement)
        self._n.expect("the price", changed["pricing"]["amount"], price)

    def stop_agreement(self) -> None:
        """The end."""
        self._n.step("Stop an agreement")
        self._n.ask("PATCH", self._path, {"status": "STOPPED"})
        stopped = self._n.ask("GET", self._path, tell=_agreement)
        self._n.expect("the agreement", stopped["status"], "STOPPED")

    # ── Charges ──

    def create_charge(self) -> None:
        """PENDING until its day, then CHARGED."""
        self._n.step("Create a charge", "It is PENDING until its day, and then paid by itself.")
        self._charge = self._created("This month", "DIRECT_CAPTURE", days=1)
        self._status("PENDING")
        self._n.advance(days=2)
        self._status("CHARGED")

    def retried_charge(self) -> None:
        """Two attempts fail; the third is paid."""
        self._n.step(
            "A charge that fails twice, and then is paid",
            "No money in the morning, none in the evening: it is tried again the next day.",
        )
        charge = self._created("Next month", "DIRECT_CAPTURE", days=1, retry_days=3)
        self._n.payer(
            f"/charges/{charge}/outcomes",
            {"outcomes": ["insufficient_funds", "insufficient_funds", "ok"]},
            tell=lambda script: f"its attempts will meet {', '.join(script['outcomes'])}",
        )
        self._n.advance(days=1)
        self._n.advance(days=1)
        self._n.step("Get a list of charges for an agreement", "What failed is still DUE.")
        due = self._n.ask("GET", f"{self._path}/charges?chargeStatus=DUE", tell=_charges)
        self._n.expect("the list of DUE charges", [each["id"] for each in due], [charge])
        self._n.step("The next day")
        self._n.advance(days=1)
        self._status_of(self._agreement, charge, "CHARGED")

    def reserved_charge(self) -> None:
        """Reserved at approval; captured in two parts."""
        self._n.step("Create an agreement with a reserve capture", "A phone, paid when it ships.")
        agreement, charge = self._drafted_and_approved(
            productName="Phone and data", initialCharge=_initial("RESERVE_CAPTURE", 3990_00)
        )
        self._status_of(agreement, charge, "RESERVED")
        self._n.step("Capture reserved charge", "First a part, then the rest.")
        path = f"{AGREEMENTS}/{agreement}/charges/{charge}"
        self._n.ask("POST", f"{path}/capture", {"amount": 1000_00, "description": "The cover"})
        self._status_of(agreement, charge, "PARTIALLY_CAPTURED")
        self._n.ask("POST", f"{path}/capture", {"amount": 2990_00, "description": "The phone"})
        self._status_of(agreement, charge, "CHARGED")

    def cancel_charge(self) -> None:
        """Before the payer is charged."""
        self._n.step("Cancel a charge", "Before the payer is charged.")
        charge = self._created("January", "RESERVE_CAPTURE", days=30)
        self._n.ask("DELETE", f"{self._path}/charges/{charge}")
        self._status_of(self._agreement, charge, "CANCELLED")

    def refund_charge(self) -> None:
        """In part, then in full."""
        self._n.step("Refund a charge", "In part, then in full.")
        path = f"{self._path}/charges/{self._charge}/refund"
        self._n.ask("POST", path, {"amount": 100_00, "description": "One match was cancelled"})
        self._status("PARTIALLY_REFUNDED")
        self._n.ask("POST", path, {"amount": 399_00, "description": "All of them were"})
        self._status("REFUNDED")

    # ── What happens in more than one chapter ──

    @property
    def _path(self) -> str:
        return f"{AGREEMENTS}/{self._agreement}"

    def _drafted_and_approved(self, **members: Any) -> tuple[str, str]:
        """The ids of an ACTIVE agreement and of its initial charge, if it has one."""
        body = {
            "productName": "Premier League",
            "pricing": {"amount": PRICE, "currency": "NOK"},
            "interval": {"unit": "MONTH", "count": 1},
            "merchantRedirectUrl": "https://example.com/welcome",
            "merchantAgreementUrl": "https://example.com/agreement",
            **members,
        }
        draft = self._n.ask("POST", AGREEMENTS, body, tell=_draft)
        agreement: str = draft["agreementId"]
        self._n.payer(f"/agreements/{agreement}/approve", tell=_happened)
        approved = self._n.ask("GET", f"{AGREEMENTS}/{agreement}", tell=_agreement)
        self._n.expect("the agreement", approved["status"], "ACTIVE")
        return agreement, draft["chargeId"] or ""

    def _created(self, description: str, transaction: str, days: int, retry_days: int = 0) -> str:
        body = {
            "amount": PRICE,
            "transactionType": transaction,
            "description": description,
            "due": f"{self._n.now().date() + timedelta(days=days)}",
            "retryDays": retry_days,
        }
        created = self._n.ask("POST", f"{self._path}/charges", body, tell=_charge_id)
        charge: str = created["chargeId"]
        return charge

    def _status(self, wanted: str) -> None:
        self._status_of(self._agreement, self._charge, wanted)

    def _status_of(self, agreement: str, charge: str, wanted: str) -> None:
        found = self._n.ask("GET", f"{AGREEMENTS}/{agreement}/charges/{charge}", tell=_charge)
        self._n.expect("the charge", found["status"], wanted)


def _initial(transaction: str, amount: int) -> dict[str, Any]:
    return {"amount": amount, "transactionType": transaction, "description": "To begin with"}


def _draft(draft: dict[str, Any]) -> str:
    return f"{draft['agreementId']}; the payer is asked at {draft['vippsConfirmationUrl'][:40]}…"


def _agreement(agreement: dict[str, Any]) -> str:
    pricing = agreement["pricing"]
    price = Money(pricing["amount"], pricing["currency"]).in_words()
    return f"{agreement['productName']} is {agreement['status']}, {price} a month"


def _products(agreements: list[dict[str, Any]]) -> str:
    return ", ".join(each["productName"] for each in agreements)


def _charge_id(created: dict[str, Any]) -> str:
    return f"{created['chargeId']}"


def _charge(charge: dict[str, Any]) -> str:
    summary = charge["summary"]
    sums = ", ".join(
        f"{name} {Money(summary[name], charge['currency']).in_words()}"
        for name in ("captured", "refunded", "cancelled")
        if summary[name]
    )
    amount = Money(charge["amount"], charge["currency"]).in_words()
    return f"{amount} is {charge['status']}{f': {sums}' if sums else ''}"


def _charges(charges: list[dict[str, Any]]) -> str:
    return ", ".join(f"{each['id']} is {each['status']}" for each in charges) or "none"


def _happened(done: dict[str, Any]) -> str:
    return ", then ".join(fact["what"] for fact in done["happened"]) or done["status"]
