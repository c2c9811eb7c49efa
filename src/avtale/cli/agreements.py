"""`avtale agreements`: drafted, looked at, changed and stopped, as a merchant does it (guide-postman)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from cyclopts import App, Parameter

from avtale.cli.control import local
from avtale.cli.merchant import (
    USUAL_MERCHANT,
    AsMerchant,
    Key,
    amount_in_words,
    merchant,
    one_of,
    plain,
)
from avtale.cli.output import Failure, bold, dim, say, say_json, table
from avtale.client import (
    FlexiblePricing,
    InitialCharge,
    Interval,
    LegacyPricing,
    VariablePricing,
    answers,
)

app = App(
    name="agreements",
    help="""\
Agreements, as a merchant handles them: against a sandbox, or with your own keys against the vendor's service.

For example:

    avtale agreements draft "Premier League" --price 49900 --every month
        --redirect-url https://a.example/x --agreement-url https://a.example/y
    avtale agreements list
    avtale agreements stop agr_5kSeqz

Amounts are in minor units: 49900 is 499 kroner.
""",
)

_INTERVAL: Final = re.compile(r"(?:(\d{1,2})\s*)?(day|week|month|year)s?", re.IGNORECASE)

COLUMNS: Final = {
    "id": "Agreement",
    "status": "Status",
    "product": "Product",
    "price": "Price",
    "every": "Every",
    "start": "Since",
}

AgreementId = Annotated[str, Parameter(help="The agreement: agr_….")]
Currency = Literal["NOK", "DKK", "EUR"]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Cost:
    """What an agreement costs, in one of three ways."""

    price: Annotated[int | None, Parameter(help="A fixed price, in minor units.")] = None
    max_amount: Annotated[
        int | None, Parameter(help="A price that varies, up to this suggestion.")
    ] = None
    flexible: Annotated[bool, Parameter(help="No price at all.", negative="")] = False
    currency: Annotated[Currency, Parameter(help="That of the sales unit's market.")] = "NOK"

    @property
    def pricing(self) -> LegacyPricing | VariablePricing | FlexiblePricing:
        """The same, as the client takes it; raises Failure where it is not one of them."""
        match one_of(
            {"--price": self.price, "--max-amount": self.max_amount, "--flexible": self.flexible}
        ):
            case "--price":
                return LegacyPricing(self.price or 0, self.currency)
            case "--max-amount":
                return VariablePricing(self.max_amount or 0, self.currency)
            case _:
                return FlexiblePricing(self.currency)


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class First:
    """What is paid at approval, if anything is."""

    initial: Annotated[int | None, Parameter(help="An initial charge, in minor units.")] = None
    initial_description: Annotated[str, Parameter(help="What the initial charge is for.")] = (
        "First payment"
    )
    reserve: Annotated[bool, Parameter(help="Only reserve the initial charge.", negative="")] = (
        False
    )

    @property
    def charge(self) -> InitialCharge | None:
        """The same, as the client takes it."""
        if self.initial is None:
            return None
        return InitialCharge(
            amount=self.initial,
            description=self.initial_description,
            transaction_type="RESERVE_CAPTURE" if self.reserve else "DIRECT_CAPTURE",
        )


NO_COST: Final = Cost()
NOTHING_FIRST: Final = First()


@app.command(sort_key=0)
@local
def draft(  # noqa: PLR0913 -- one option for each member of a draft
    product_name: Annotated[str, Parameter(help="What the payer reads.")],
    /,
    *,
    redirect_url: Annotated[str, Parameter(help="Where the payer comes back to.")],
    agreement_url: Annotated[
        str | None, Parameter(help="Where the payer manages the subscription.")
    ] = None,
    cost: Cost = NO_COST,
    every: Annotated[str | None, Parameter(help="The interval: month, '2 weeks', year.")] = None,
    description: Annotated[str | None, Parameter(help="More about the product.")] = None,
    phone: Annotated[str | None, Parameter(help="The payer's number, filled in.")] = None,
    first: First = NOTHING_FIRST,
    scope: Annotated[str | None, Parameter(help="The profile to ask for: 'name email'.")] = None,
    skip_landing_page: Annotated[
        bool, Parameter(help="Send the request straight to the phone.", negative="")
    ] = False,
    external_id: Annotated[str | None, Parameter(help="Your own id for it.")] = None,
    key: Key = None,
    who: AsMerchant = USUAL_MERCHANT,
) -> None:
    """Draft an agreement, and say where to send the payer.

    For example:

        avtale agreements draft "Premier League" --price 49900 --every month
            --redirect-url https://a.example/x --agreement-url https://a.example/y
    """
    with merchant(who) as client:
        drafted = client.draft_agreement(
            product_name=product_name,
            pricing=cost.pricing,
            merchant_redirect_url=redirect_url,
            merchant_agreement_url=agreement_url,
            interval=None if every is None else read_interval(every),
            product_description=description,
            phone_number=phone,
            initial_charge=first.charge,
            scope=scope,
            skip_landing_page=skip_landing_page or None,
            external_id=external_id,
            idempotency_key=key,
        )
    _drafted(drafted, who)


@app.command(sort_key=1)
@local
def get(agreement_id: AgreementId, /, *, who: AsMerchant = USUAL_MERCHANT) -> None:
    """Show an agreement with its history.

    For example:

        avtale agreements get agr_5kSeqz
    """
    with merchant(who) as client:
        found = client.fetch_agreement(agreement_id)
    if who.json:
        say_json(plain(found))
        return
    table([_row(found)], COLUMNS, none="")
    say()
    for line in found.history:
        by = f" by {line.actor}" if line.actor else ""
        say(dim(f"{line.occurred:%Y-%m-%d %H:%M:%S}  {line.event}{by}"))


@app.command(name="list", sort_key=2)
@local
def list_agreements(
    *,
    status: Annotated[
        Literal["PENDING", "ACTIVE", "STOPPED", "EXPIRED"], Parameter(help="Those that are …")
    ] = "ACTIVE",
    who: AsMerchant = USUAL_MERCHANT,
) -> None:
    """List all agreements with a status.

    For example:

        avtale agreements list
        avtale agreements list --status STOPPED --json
    """
    with merchant(who) as client:
        found = list(client.agreements(status=status))
    if who.json:
        say_json(plain(found))
    else:
        table(list(map(_row, found)), COLUMNS, none=f"No agreement is {status}.")


@app.command(sort_key=3)
@local
def update(  # noqa: PLR0913 -- one option for each member that can be changed
    agreement_id: AgreementId,
    /,
    *,
    product_name: Annotated[str | None, Parameter(help="Another name.")] = None,
    description: Annotated[str | None, Parameter(help="Another description.")] = None,
    agreement_url: Annotated[str | None, Parameter(help="Another page.")] = None,
    price: Annotated[int | None, Parameter(help="Another price, in minor units.")] = None,
    max_amount: Annotated[int | None, Parameter(help="Another suggested maximum.")] = None,
    every: Annotated[str | None, Parameter(help="Another interval: '2 weeks'.")] = None,
    external_id: Annotated[str | None, Parameter(help="Another id of yours.")] = None,
    key: Key = None,
    who: AsMerchant = USUAL_MERCHANT,
) -> None:
    """Change what is said, and nothing else.

    For example:

        avtale agreements update agr_5kSeqz --price 59900
    """
    with merchant(who) as client:
        client.update_agreement(
            agreement_id,
            product_name=product_name,
            product_description=description,
            merchant_agreement_url=agreement_url,
            external_id=external_id,
            price=price,
            suggested_max_amount=max_amount,
            interval=None if every is None else read_interval(every),
            idempotency_key=key,
        )
    _done(who, agreement_id, "changed")


@app.command(sort_key=4)
@local
def stop(
    agreement_id: AgreementId, /, *, key: Key = None, who: AsMerchant = USUAL_MERCHANT
) -> None:
    """Stop an agreement; nothing is charged on it any more.

    For example:

        avtale agreements stop agr_5kSeqz
    """
    with merchant(who) as client:
        client.stop_agreement(agreement_id, idempotency_key=key)
    _done(who, agreement_id, "stopped")


@app.command(sort_key=5)
@local
def accept(
    agreement_id: AgreementId,
    /,
    *,
    phone: Annotated[str, Parameter(help="Whose phone says yes.")],
    key: Key = None,
    who: AsMerchant = USUAL_MERCHANT,
) -> None:
    """Say yes for a payer: the force accept of test environments.

    For example:

        avtale agreements accept agr_5kSeqz --phone 4791234567
    """
    with merchant(who) as client:
        client.accept_agreement(agreement_id, phone_number=phone, idempotency_key=key)
    _done(who, agreement_id, "accepted")


@app.command(sort_key=6)
@local
def userinfo(
    sub: Annotated[str, Parameter(help="The payer's id, `sub`, or the agreement that has one.")],
    /,
    *,
    who: AsMerchant = USUAL_MERCHANT,
) -> None:
    """Show the profile that a payer shared, as far as it was consented to.

    For example:

        avtale agreements userinfo agr_5kSeqz
        avtale agreements userinfo c06c4afe-d9e1-4c5d-939a-177d752a0944
    """
    with merchant(who) as client:
        if sub.startswith("agr_"):
            found = client.fetch_agreement(sub).sub
            if found is None:
                raise Failure(f"No profile is shared with {sub}; draft it with --scope.")
            sub = found
        shared = plain(client.fetch_userinfo(sub))
    if who.json:
        say_json(shared)
        return
    for name, value in shared.items():
        if value not in (None, []):
            say(f"{name}  {value}")


def read_interval(text: str) -> Interval:
    """`month`, `2 weeks`, `1year`; raises Failure."""
    found = _INTERVAL.fullmatch(text.strip())
    if found is None:
        raise Failure(f"{text!r} is no interval; say for example month, '2 weeks' or year.", 2)
    unit: Any = found[2].upper()
    try:
        return Interval(unit, int(found[1] or 1))
    except ValueError as error:
        raise Failure(str(error), 2) from error


def _row(agreement: answers.Agreement) -> dict[str, Any]:
    pricing = agreement.pricing or answers.Pricing()
    price = amount_in_words(pricing.amount, pricing.currency)
    if pricing.type == "VARIABLE":
        price = f"up to {amount_in_words(pricing.suggested_max_amount, pricing.currency)}"
        if pricing.max_amount is not None:
            price += f", the payer's limit {amount_in_words(pricing.max_amount, None)}"
    return {
        "id": agreement.id,
        "status": agreement.status,
        "product": agreement.product_name,
        "price": price or pricing.type.lower(),
        "every": agreement.interval and (agreement.interval.text or agreement.interval.unit),
        "start": agreement.start and f"{agreement.start:%Y-%m-%d}",
    }


def _drafted(drafted: answers.DraftedAgreement, who: AsMerchant) -> None:
    if who.json:
        say_json(plain(drafted))
        return
    say(bold(drafted.agreement_id))
    if drafted.charge_id is not None:
        say(f"initial charge {drafted.charge_id}")
    say(drafted.vipps_confirmation_url or "")


def _done(who: AsMerchant, agreement_id: str, what: str) -> None:
    if who.json:
        say_json({"agreementId": agreement_id, "done": what})
    else:
        say(f"{agreement_id} {what}.")
