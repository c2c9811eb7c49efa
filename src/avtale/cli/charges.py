"""`avtale charges`: created, looked at, captured, refunded and imported, as a merchant does it (guide-postman)."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import App, Parameter

from avtale.cli.control import local
from avtale.cli.importing import import_charges
from avtale.cli.merchant import (
    USUAL_MERCHANT,
    AsMerchant,
    Key,
    amount_in_words,
    merchant,
    plain,
)
from avtale.cli.output import Failure, bold, dim, say, say_json, table
from avtale.client import answers

app = App(
    name="charges",
    help="""\
Charges, as a merchant handles them: against a sandbox, or with your own keys against the vendor's service.

For example:

    avtale charges create agr_5kSeqz --amount 49900 --due 2026-12-01 --description January
    avtale charges get agr_5kSeqz chr-xvjs
    avtale charges refund agr_5kSeqz chr-xvjs --amount 9900 --description "Half a match"
    avtale charges import charges.csv

Amounts are in minor units: 49900 is 499 kroner.
""",
)

COLUMNS: Final = {
    "id": "Charge",
    "status": "Status",
    "amount": "Amount",
    "due": "Due",
    "type": "Type",
    "summary": "Captured / refunded / cancelled",
    "failure": "Failed because",
}

AgreementId = Annotated[str, Parameter(help="The agreement: agr_….")]
ChargeId = Annotated[str, Parameter(help="The charge: its id, or your order id.")]
Amount = Annotated[int, Parameter(help="In minor units: 49900 is 499 kroner.")]


@app.command(sort_key=0)
@local
def create(  # noqa: PLR0913 -- one option for each member of a charge
    agreement_id: AgreementId,
    /,
    *,
    amount: Amount,
    description: Annotated[str, Parameter(help="What the payer reads.")],
    due: Annotated[str | None, Parameter(help="The day on which it is paid, yyyy-MM-dd.")] = None,
    retry_days: Annotated[int, Parameter(help="How many days it is tried again.")] = 5,
    reserve: Annotated[
        bool, Parameter(help="Only reserve; capture it later.", negative="")
    ] = False,
    once: Annotated[bool, Parameter(help="A single attempt.", negative="")] = False,
    unscheduled: Annotated[
        bool, Parameter(help="At once and without a due day.", negative="")
    ] = False,
    order_id: Annotated[str | None, Parameter(help="Your own id; becomes the charge's.")] = None,
    external_id: Annotated[str | None, Parameter(help="Another id of yours.")] = None,
    key: Key = None,
    who: AsMerchant = USUAL_MERCHANT,
) -> None:
    """Create a charge on an ACTIVE agreement.

    For example:

        avtale charges create agr_5kSeqz --amount 49900 --due 2026-12-01 --description January
        avtale charges create agr_5kSeqz --amount 49900 --unscheduled --description Top-up
    """
    if unscheduled == (due is not None):
        raise Failure("Say when it is due (--due 2026-12-01), or --unscheduled; one of them.", 2)
    with merchant(who) as client:
        created = client.create_charge(
            agreement_id,
            amount=amount,
            description=description,
            due=None if due is None else read_day(due),
            retry_days=None if unscheduled else 0 if once else retry_days,
            transaction_type="RESERVE_CAPTURE" if reserve else "DIRECT_CAPTURE",
            type="UNSCHEDULED" if unscheduled else None,
            processing_mode="SINGLE_ATTEMPT" if once else None,
            order_id=order_id,
            external_id=external_id,
            idempotency_key=key,
        )
    if who.json:
        say_json(plain(created))
    else:
        say(bold(created.charge_id))


@app.command(sort_key=1)
@local
def get(
    agreement_id: AgreementId, charge_id: ChargeId, /, *, who: AsMerchant = USUAL_MERCHANT
) -> None:
    """Show a charge with its history.

    For example:

        avtale charges get agr_5kSeqz chr-xvjs
    """
    with merchant(who) as client:
        _show(client.fetch_charge(agreement_id, charge_id), who)


@app.command(sort_key=2)
@local
def find(charge_id: ChargeId, /, *, who: AsMerchant = USUAL_MERCHANT) -> None:
    """Show a charge, whatever agreement it belongs to.

    For example:

        avtale charges find chr-xvjs
    """
    with merchant(who) as client:
        _show(client.fetch_charge_by_id(charge_id), who)


@app.command(name="list", sort_key=3)
@local
def list_charges(
    agreement_id: AgreementId,
    /,
    *,
    status: Annotated[str | None, Parameter(help="Those that are …, for example CHARGED.")] = None,
    who: AsMerchant = USUAL_MERCHANT,
) -> None:
    """List all charges of an agreement.

    For example:

        avtale charges list agr_5kSeqz
        avtale charges list agr_5kSeqz --status FAILED --json
    """
    with merchant(who) as client:
        found = list(client.charges(agreement_id, status=status))
    if who.json:
        say_json(plain(found))
    else:
        table(list(map(_row, found)), COLUMNS, none="There is no such charge.")


@app.command(sort_key=4)
@local
def cancel(
    agreement_id: AgreementId,
    charge_id: ChargeId,
    /,
    *,
    key: Key = None,
    who: AsMerchant = USUAL_MERCHANT,
) -> None:
    """Call a charge off, or release what is reserved.

    For example:

        avtale charges cancel agr_5kSeqz chr-xvjs
    """
    with merchant(who) as client:
        client.cancel_charge(agreement_id, charge_id, idempotency_key=key)
    _done(who, charge_id, "cancelled")


@app.command(sort_key=5)
@local
def capture(
    agreement_id: AgreementId,
    charge_id: ChargeId,
    /,
    *,
    amount: Amount,
    description: Annotated[str | None, Parameter(help="What for.")] = None,
    key: Key = None,
    who: AsMerchant = USUAL_MERCHANT,
) -> None:
    """Capture a reservation, in full or in part.

    For example:

        avtale charges capture agr_5kSeqz chr-xvjs --amount 49900
    """
    with merchant(who) as client:
        client.capture_charge(
            agreement_id, charge_id, amount=amount, description=description, idempotency_key=key
        )
    _done(who, charge_id, "captured")


@app.command(sort_key=6)
@local
def refund(
    agreement_id: AgreementId,
    charge_id: ChargeId,
    /,
    *,
    amount: Amount,
    description: Annotated[str, Parameter(help="What the payer reads.")],
    key: Key = None,
    who: AsMerchant = USUAL_MERCHANT,
) -> None:
    """Return money, in full or in part.

    For example:

        avtale charges refund agr_5kSeqz chr-xvjs --amount 9900 --description "Half a match"
    """
    with merchant(who) as client:
        client.refund_charge(
            agreement_id, charge_id, amount=amount, description=description, idempotency_key=key
        )
    _done(who, charge_id, "refunded")


@app.command(name="import", sort_key=7)
def import_file(
    file: Annotated[Path, Parameter(help="A CSV file; its first line names the columns.")],
    /,
    *,
    result: Annotated[
        Path | None, Parameter(help="Where to write what became of each row.", show_default=False)
    ] = None,
    check_only: Annotated[
        bool, Parameter(name="--check", help="Look at the rows, and send nothing.", negative="")
    ] = False,
    who: AsMerchant = USUAL_MERCHANT,
) -> int:
    """Create charges from a file: all rows are checked first, and a second run doubles nothing.

    Columns: agreementId, amount, description, due, orderId; and, where wanted, retryDays, transactionType,
    processingMode, externalId. The result is written to charges.result.csv, beside charges.csv.

    For example:

        avtale charges import charges.csv --check
        avtale charges import charges.csv
    """
    return import_charges(file, result, who, check_only=check_only)


def read_day(text: str) -> date:
    """`2026-12-01`; raises Failure."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise Failure(f"{text!r} is no day; say for example 2026-12-01.", 2) from error


def _show(charge: answers.Charge, who: AsMerchant) -> None:
    if who.json:
        say_json(plain(charge))
        return
    table([_row(charge)], COLUMNS, none="")
    say()
    for line in charge.history:
        outcome = "" if line.success else ", refused"
        amount = amount_in_words(line.amount, charge.currency)
        say(dim(f"{line.occurred:%Y-%m-%d %H:%M:%S}  {line.event} {amount}{outcome}"))


def _row(charge: answers.Charge) -> dict[str, Any]:
    summary = charge.summary
    parts = (summary.captured, summary.refunded, summary.cancelled)
    return {
        "id": charge.id,
        "status": charge.status,
        "amount": amount_in_words(charge.amount, charge.currency),
        "due": charge.due and f"{charge.due:%Y-%m-%d}",
        "type": charge.type,
        "summary": " / ".join(amount_in_words(part, None) for part in parts),
        "failure": charge.failure_description or charge.failure_reason,
    }


def _done(who: AsMerchant, charge_id: str, what: str) -> None:
    if who.json:
        say_json({"chargeId": charge_id, "done": what})
    else:
        say(f"{charge_id} {what}.")
