"""`avtale webhooks register`, `list`, `delete`: who is told of events, as a merchant says it (api-facts 7.1)."""

from __future__ import annotations

from typing import Annotated, Final, get_args

from cyclopts import App, Parameter

from avtale.cli.control import local
from avtale.cli.merchant import USUAL_MERCHANT, AsMerchant, merchant, plain
from avtale.cli.output import bold, dim, say, say_json, table
from avtale.webhooks.catalogue import EventType

EVENTS: Final[tuple[str, ...]] = get_args(EventType)

COLUMNS: Final = {"id": "Webhook", "url": "URL", "events": "Events"}


def mount(app: App) -> None:
    """Put these commands among those of `avtale webhooks`."""
    app.command(register, name="register", sort_key=10)
    app.command(list_webhooks, name="list", sort_key=11)
    app.command(delete, name="delete", sort_key=12)


@local
def register(
    url: Annotated[str, Parameter(help="Where events are sent to.")],
    /,
    *,
    event: Annotated[
        tuple[str, ...],
        Parameter(
            help="An event by its name; all, if none is said.", negative="", show_default=False
        ),
    ] = (),
    who: AsMerchant = USUAL_MERCHANT,
) -> None:
    """Register a receiver, and print its secret, which is shown this once.

    For example:

        avtale webhooks register https://shop.example/hook
        avtale webhooks register https://shop.example/hook --event recurring.charge-failed.v1
    """
    with merchant(who) as client:
        made = client.register_webhook(url=url, events=event or EVENTS)
    if who.json:
        say_json(plain(made))
        return
    say(bold(made.id))
    say(f"secret {made.secret}")
    say(dim("It is shown this once: keep it where your receiver finds it."))


@local
def list_webhooks(*, who: AsMerchant = USUAL_MERCHANT) -> None:
    """List the receivers.

    For example:

        avtale webhooks list
    """
    with merchant(who) as client:
        found = client.list_webhooks()
    if who.json:
        say_json(plain(found))
        return
    rows = [
        {
            "id": each.id,
            "url": each.url,
            "events": "all" if set(each.events) >= set(EVENTS) else ", ".join(each.events),
        }
        for each in found
    ]
    table(rows, COLUMNS, none="Nobody is told of anything.")


@local
def delete(
    webhook_id: Annotated[str, Parameter(help="The webhook, by its id.")],
    /,
    *,
    who: AsMerchant = USUAL_MERCHANT,
) -> None:
    """Send a receiver nothing any more.

    For example:

        avtale webhooks delete 497f6eca-6276-4993-bfeb-53cbbbba6f08
    """
    with merchant(who) as client:
        client.delete_webhook(webhook_id)
    if who.json:
        say_json({"id": webhook_id, "done": "deleted"})
    else:
        say(f"{webhook_id} deleted.")
