"""`avtale token`: an access token, for whoever calls by hand (api-facts 1)."""

from __future__ import annotations

from avtale.cli.control import local
from avtale.cli.merchant import USUAL_MERCHANT, AsMerchant, merchant
from avtale.cli.output import say, say_json


@local
def token(*, who: AsMerchant = USUAL_MERCHANT) -> None:
    """Fetch an access token and print it, and nothing else.

    For example:

        avtale token
        curl -H "Authorization: Bearer $(avtale token)" …
    """
    with merchant(who) as client:
        fetched = client.fetch_token()
    if who.json:
        say_json({"access_token": fetched})
    else:
        say(fetched)
