"""`avtale payers`: people with a phone and money or not, and what they do with an agreement (sandbox §5)."""

from __future__ import annotations

from typing import Annotated, Any, Final, Literal

from cyclopts import App, Parameter

from avtale.cli.control import USUAL_PLACE, Where, control_of, local
from avtale.cli.output import Failure, bold, dim, say, say_json, table

app = App(
    name="payers",
    help="""\
Payers: people with a phone, and money or not. One who is not known is made on first use.

For example:

    avtale payers list
    avtale payers set 4791234567 --balance 50000
    avtale payers set 4791234567 --outcome insufficient_funds --outcome ok
    avtale payers approve agr_5kSeqz8
""",
)

COLUMNS: Final = {
    "phoneNumber": "Phone",
    "name": "Name",
    "birthDate": "Born",
    "balance": "Balance",
    "source": "Pays by",
    "outcomes": "Next attempts",
}
ENOUGH: Final = "enough"

Outcome = Literal[
    "ok",
    "insufficient_funds",
    "card_expired",
    "card_blocked",
    "refused",
    "technical_error",
    "timeout",
]
Agreement = Annotated[str, Parameter(help="The agreement's id: agr_…")]


@app.command(name="list", sort_key=0)
@local
def list_payers(*, where: Where = USUAL_PLACE) -> None:
    """List the payers.

    For example:

        avtale payers list
    """
    found = control_of(where).all("/sandbox/payers")
    if where.json:
        say_json(found)
    else:
        table([_row(payer) for payer in found], COLUMNS, none="There are no payers.")


@app.command(name="set", sort_key=1)
@local
def set_payer(  # noqa: PLR0913 -- what one may say of a payer
    phone: Annotated[str, Parameter(help="The phone number: digits, with the country's.")],
    /,
    *,
    name: Annotated[str | None, Parameter(help="Given and family name.")] = None,
    email: str | None = None,
    birth_date: Annotated[str | None, Parameter(help="yyyy-MM-dd.")] = None,
    nin: Annotated[str | None, Parameter(help="National id.")] = None,
    balance: Annotated[
        str | None, Parameter(help="Money there is, in minor units, or `enough`.")
    ] = None,
    kind: Annotated[Literal["CARD", "ACCOUNT"] | None, Parameter(help="Pays by.")] = None,
    status: Annotated[
        Literal["OK", "EXPIRED", "BLOCKED", "REMOVED"] | None,
        Parameter(help="Of what the payer pays by."),
    ] = None,
    expires: Annotated[str | None, Parameter(help="The card's last month: yyyy-MM.")] = None,
    outcome: Annotated[
        tuple[Outcome, ...],
        Parameter(
            help="What the next attempts meet, first one first.", negative=(), show_default=False
        ),
    ] = (),
    where: Where = USUAL_PLACE,
) -> None:
    """Say what shall be so of a payer; what is not said stays, or is made up.

    For example:

        avtale payers set 4791234567 --balance 50000
        avtale payers set 4791234567 --status EXPIRED
        avtale payers set 4791234567 --outcome insufficient_funds --outcome ok
    """
    source = {"kind": kind, "status": status, "expires": expires}
    body: dict[str, Any] = {
        "name": name,
        "email": email,
        "birthDate": birth_date,
        "nin": nin,
        "source": _said(source) or None,
        "outcomes": list(outcome) or None,
    }
    body = _said(body)
    if balance is not None:
        body["balance"] = _balance(balance)
    payer = control_of(where).put(f"/sandbox/payers/{phone}", body)
    if where.json:
        say_json(payer)
    else:
        table([_row(payer)], COLUMNS, none="")


@app.command(sort_key=2)
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
    _act("approve", agreement, _said({"phoneNumber": phone, "maxAmount": max_amount}), where)


@app.command(sort_key=3)
@local
def reject(agreement: Agreement, /, *, where: Where = USUAL_PLACE) -> None:
    """Say no to an agreement, as its payer.

    For example:

        avtale payers reject agr_5kSeqz8
    """
    _act("reject", agreement, {}, where)


@app.command(sort_key=4)
@local
def stop(agreement: Agreement, /, *, where: Where = USUAL_PLACE) -> None:
    """Stop an agreement in the app, as its payer.

    For example:

        avtale payers stop agr_5kSeqz8
    """
    _act("stop", agreement, {}, where)


def _act(act: str, agreement: str, body: dict[str, Any], where: Where) -> None:
    done = control_of(where).post(f"/sandbox/agreements/{agreement}/{act}", body)
    if where.json:
        say_json(done)
        return
    say(f"{bold(done['agreementId'])} is {done['status']}.")
    for fact in done["happened"]:
        say(f"  {dim(fact['what'])}  {fact['detail']}")


def _said(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _balance(text: str) -> int | None:
    if text == ENOUGH:
        return None
    if not (text.isascii() and text.isdigit()):
        raise Failure(f"{text!r} is no balance; say it in minor units (50000), or `enough`.", 2)
    return int(text)


def _row(payer: dict[str, Any]) -> dict[str, Any]:
    source = payer["source"]
    until = f", until {source['expires']}" if source["expires"] else ""
    balance = payer["balance"]
    return payer | {
        "balance": ENOUGH if balance is None else f"{balance // 100}.{balance % 100:02}",
        "source": f"{source['kind']} {source['status']}{until}",
        "outcomes": ", ".join(payer["outcomes"]),
    }
