"""`avtale payers` and an agreement or charge: approve, reject, stop, choose a maximum, script, attempt (sandbox §5)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Final

from cyclopts import Parameter

from avtale.cli.control import USUAL_PLACE, Where, control_of, local
from avtale.cli.output import bold, dim, say, say_json
from avtale.payers import Outcome

Agreement = Annotated[str, Parameter(help="The agreement's id: agr_…")]
Charge = Annotated[str, Parameter(help="The charge's id: chr-… or the order id.")]


@local
def approve(
    agreement: Agreement,
    /,
    *,
    phone: Annotated[str | None, Parameter(help="Who says yes; else whom the draft named.")] = None,
    max_amount: Annotated[
        int | None, Parameter(help="Up to how much a VARIABLE agreement may charge, minor units.")
    ] = None,
    where: Where = USUAL_PLACE,
) -> None:
    """Say yes to an agreement, as its payer.

    For example:

        avtale payers approve agr_5kSeqz8
    """
    said = {"phoneNumber": phone, "maxAmount": max_amount}
    body = {name: value for name, value in said.items() if value is not None}
    _on_agreement("approve", agreement, body, where)


@local
def reject(agreement: Agreement, /, *, where: Where = USUAL_PLACE) -> None:
    """Say no to an agreement, as its payer.

    For example:

        avtale payers reject agr_5kSeqz8
    """
    _on_agreement("reject", agreement, {}, where)


@local
def stop(agreement: Agreement, /, *, where: Where = USUAL_PLACE) -> None:
    """Stop an agreement in the app, as its payer.

    For example:

        avtale payers stop agr_5kSeqz8
    """
    _on_agreement("stop", agreement, {}, where)


@local
def max_amount(
    agreement: Agreement,
    amount: Annotated[int, Parameter(help="The new maximum, in minor units.")],
    /,
    *,
    where: Where = USUAL_PLACE,
) -> None:
    """Raise or lower the maximum of a VARIABLE agreement, as its payer.

    For example:

        avtale payers max-amount agr_5kSeqz8 50000
    """
    _on_agreement("max-amount", agreement, {"maxAmount": amount}, where)


@local
def outcomes(charge: Charge, /, *outcome: Outcome, where: Where = USUAL_PLACE) -> None:
    """Say what the next attempts on a charge will meet, first one first; none: whatever comes.

    For example:

        avtale payers outcomes chr-WCVbcA1 insufficient_funds timeout ok
    """
    done = control_of(where).post(f"/sandbox/charges/{charge}/outcomes", {"outcomes": outcome})
    if where.json:
        say_json(done)
        return
    rest = ", ".join(done["outcomes"]) or "whatever comes"
    say(f"{bold(done['chargeId'])} is {done['status']}; its next attempts meet: {rest}.")


@local
def process(charge: Charge, /, *, where: Where = USUAL_PLACE) -> None:
    """Attempt a charge now, without waiting for its run.

    For example:

        avtale payers process chr-WCVbcA1
    """
    _tell(control_of(where).post(f"/sandbox/charges/{charge}/process"), "chargeId", where)


ACTS: Final[tuple[Callable[..., int], ...]] = (
    approve,
    reject,
    stop,
    max_amount,
    outcomes,
    process,
)
"""The commands, in the order in which they are listed."""


def _on_agreement(act: str, agreement: str, body: dict[str, Any], where: Where) -> None:
    done = control_of(where).post(f"/sandbox/agreements/{agreement}/{act}", body)
    _tell(done, "agreementId", where)


def _tell(done: Any, named: str, where: Where) -> None:
    """What has become of it, and what happened on the way."""
    if where.json:
        say_json(done)
        return
    say(f"{bold(done[named])} is {done['status']}.")
    for fact in done["happened"]:
        say(f"  {dim(fact['what'])}  {fact['detail']}")
