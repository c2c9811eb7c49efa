"""`avtale payers`: people with a phone and money or not, and what they do with an agreement (sandbox §5)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Any, Final, Literal

from cyclopts import App, Parameter

from avtale.cli.acts import ACTS
from avtale.cli.control import USUAL_PLACE, Where, control_of, local
from avtale.cli.output import Failure, bold, dim, say, say_json, table
from avtale.payers import Outcome

app = App(
    name="payers",
    help="""\
Payers: people with a phone, and money or not. One who is not known is made on first use.

For example:

    avtale payers list
    avtale payers set 4791234567 --balance 50000
    avtale payers set 4791234567 --outcome insufficient_funds --outcome ok
    avtale payers set 4791234567 --persona payday
    avtale payers show 4791234567
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
REQUEST_COLUMNS: Final = {
    "agreementId": "Agreement",
    "productName": "Product",
    "merchantSerialNumber": "Sales unit",
    "expires": "Until",
}
AGREEMENT_COLUMNS: Final = {
    "agreementId": "Agreement",
    "productName": "Product",
    "merchantSerialNumber": "Sales unit",
    "status": "Status",
}
PAYMENT_COLUMNS: Final = {
    "asked": "When",
    "kind": "What",
    "money": "Amount",
    "chargeId": "Charge",
    "status": "Came of it",
    "reason": "Why",
}
NOTIFICATION_COLUMNS: Final = {
    "occurred": "When",
    "kind": "What",
    "money": "Amount",
    "chargeId": "Charge",
    "reason": "Why",
    "nextAttempt": "Again",
}
MOST_SHOWN: Final = 10
ENOUGH: Final = "enough"

Phone = Annotated[str, Parameter(help="The phone number: digits, with the country's.")]
NOBODY: Final = "none"


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


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Description:
    """What may be said of a payer; None where it is not said."""

    name: Annotated[str | None, Parameter(help="Given and family name.")] = None
    email: str | None = None
    birth_date: Annotated[str | None, Parameter(help="yyyy-MM-dd.")] = None
    nin: Annotated[str | None, Parameter(help="National id.")] = None
    balance: Annotated[
        str | None, Parameter(help="Money there is, in minor units, or `enough`.")
    ] = None
    kind: Annotated[Literal["CARD", "ACCOUNT"] | None, Parameter(help="Pays by.")] = None
    status: Annotated[
        Literal["OK", "EXPIRED", "BLOCKED", "REMOVED"] | None,
        Parameter(help="Of what the payer pays by."),
    ] = None
    expires: Annotated[str | None, Parameter(help="The card's last month: yyyy-MM.")] = None
    outcome: Annotated[
        tuple[Outcome, ...],
        Parameter(
            help="What the next attempts meet, first one first.", negative=(), show_default=False
        ),
    ] = ()
    persona: Annotated[
        str | None,
        Parameter(
            help="What the payer does by itself: a name of `avtale payers personas`, a file, or `none`."
        ),
    ] = None

    def body(self) -> dict[str, Any]:
        """As the control API takes it; raises Failure."""
        source = {"kind": self.kind, "status": self.status, "expires": self.expires}
        body = _said(
            {
                "name": self.name,
                "email": self.email,
                "birthDate": self.birth_date,
                "nin": self.nin,
                "source": _said(source) or None,
                "outcomes": list(self.outcome) or None,
            }
        )
        if self.balance is not None:
            body["balance"] = _balance(self.balance)
        if self.persona is not None:
            body["persona"] = _persona(self.persona)
        return body


NOTHING: Final = Description()


@app.command(name="set", sort_key=1)
@local
def set_payer(phone: Phone, /, *, said: Description = NOTHING, where: Where = USUAL_PLACE) -> None:
    """Say what shall be so of a payer; what is not said stays, or is made up.

    For example:

        avtale payers set 4791234567 --balance 50000
        avtale payers set 4791234567 --status EXPIRED
        avtale payers set 4791234567 --outcome insufficient_funds --outcome ok
        avtale payers set 4791234567 --persona leaves-on-day-12
        avtale payers set 4791234567 --persona ./my-persona.toml
    """
    payer = control_of(where).put(f"/sandbox/payers/{phone}", said.body())
    if where.json:
        say_json(payer)
    else:
        table([_row(payer)], COLUMNS, none="")


@app.command(sort_key=2)
@local
def show(phone: Phone, /, *, where: Where = USUAL_PLACE) -> None:
    """Show one payer, and what lies on the phone: requests, agreements, payments, notifications.

    For example:

        avtale payers show 4791234567
    """
    found = control_of(where).get(f"/sandbox/payers/{phone}")
    if where.json:
        say_json(found)
        return
    table([_row(found)], COLUMNS, none="")
    for heading, name, columns in (
        ("Requests", "requests", REQUEST_COLUMNS),
        ("Agreements", "agreements", AGREEMENT_COLUMNS),
        ("Payments", "payments", PAYMENT_COLUMNS),
        ("Notifications", "notifications", NOTIFICATION_COLUMNS),
    ):
        say()
        say(bold(heading))
        table([_with_money(each) for each in found[name][:MOST_SHOWN]], columns, none="  none")
        if len(found[name]) > MOST_SHOWN:
            say(dim(f"  and {len(found[name]) - MOST_SHOWN} older ones (--json shows them)"))


@app.command(sort_key=3)
@local
def delete(phone: Phone, /, *, where: Where = USUAL_PLACE) -> None:
    """Delete the profile, as its payer: agreements are stopped, requests rejected.

    For example:

        avtale payers delete 4791234567
    """
    control_of(where).delete(f"/sandbox/payers/{phone}")
    if where.json:
        say_json({"phoneNumber": phone, "deleted": True})
    else:
        say(f"The profile of {bold(phone)} is deleted; the agreements are stopped.")


@app.command(sort_key=4)
@local
def personas(*, where: Where = USUAL_PLACE) -> None:
    """List the personas that come along; any other is a file like theirs.

    For example:

        avtale payers personas
    """
    found = control_of(where).get("/sandbox/personas")
    if where.json:
        say_json(found)
        return
    rows = [{"called": name, **persona} for name, persona in found.items()]
    table(rows, {"called": "Called", "about": "What it does"}, none="There are none.")


for _place, _act in enumerate(ACTS, 5):
    app.command(_act, sort_key=_place)


def _said(members: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _balance(text: str) -> int | None:
    if text == ENOUGH:
        return None
    if not (text.isascii() and text.isdigit()):
        raise Failure(f"{text!r} is no balance; say it in minor units (50000), or `enough`.", 2)
    return int(text)


def _persona(text: str) -> Any:
    """What the control API takes: a name, nobody, or what a file describes. Raises Failure."""
    if text == NOBODY:
        return None
    if not (text.endswith(".toml") or "/" in text):
        return text
    import tomllib
    from pathlib import Path

    try:
        return tomllib.loads(Path(text).read_text("utf-8"))
    except OSError as error:
        raise Failure(f"{text} cannot be read ({error.strerror}).", 2) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise Failure(f"{text} is no TOML: {error}.", 2) from error


def _with_money(item: dict[str, Any]) -> dict[str, Any]:
    amount = item.get("amount")
    if amount is None:
        return item
    money = f"{amount // 100}.{amount % 100:02}"
    return item | {"money": f"{money} {item['currency']}" if "currency" in item else money}


def _row(payer: dict[str, Any]) -> dict[str, Any]:
    source = payer["source"]
    until = f", until {source['expires']}" if source["expires"] else ""
    balance = payer["balance"]
    return payer | {
        "balance": ENOUGH if balance is None else f"{balance // 100}.{balance % 100:02}",
        "source": f"{source['kind']} {source['status']}{until}",
        "outcomes": ", ".join(payer["outcomes"]),
    }
