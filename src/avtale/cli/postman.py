"""`avtale postman export`: the guide as a collection for Postman, with its environment (guide-postman)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any, Final

from cyclopts import App, Parameter

from avtale.cli.collection import collection, environment
from avtale.cli.control import local, url_of
from avtale.cli.guide import steps
from avtale.cli.merchant import READY_MADE_KEYS
from avtale.cli.output import Failure, bold, dim, say, say_json

app = App(
    name="postman",
    help="""\
Postman: the guide's requests, ready to be imported, for a sandbox or for the vendor's test environment.

For example:

    avtale postman export ./postman --local
    newman run postman/recurring.postman_collection.json -e postman/recurring.postman_environment.json
""",
)

COLLECTION: Final = "recurring.postman_collection.json"
ENVIRONMENT: Final = "recurring.postman_environment.json"
PUBLIC_PAYER: Final = "4791234567"


@app.command
@local
def export(
    folder: Annotated[Path, Parameter(help="Where the two files are written.")],
    /,
    *,
    for_sandbox: Annotated[
        bool,
        Parameter(
            name="--local", negative="", help="Fill the environment in, for a local sandbox."
        ),
    ] = False,
    url: Annotated[
        str | None,
        Parameter(help="The sandbox, with --local.", env_var="AVTALE_URL", show_default=False),
    ] = None,
    force: Annotated[bool, Parameter(help="Write over files that are there.", negative="")] = False,
    as_json: Annotated[bool, Parameter(name="--json", negative="", help="Print JSON.")] = False,
) -> None:
    """Write a collection and an environment to import into Postman.

    Without --local, the keys are empty: fill them in as current values, which stay on your machine.
    With it, everything is filled in, and the whole collection runs from top to bottom against `avtale up`.

    For example:

        avtale postman export ./postman
        avtale postman export ./postman --local --force
    """
    values: dict[str, str] = {}
    if for_sandbox:
        keys = READY_MADE_KEYS
        values = {
            "base_url": url_of(url),
            "client_id": keys["client_id"],
            "client_secret": keys["client_secret"],
            "Ocp-Apim-Subscription-Key": keys["subscription_key"],
            "merchantSerialNumber": keys["merchant_serial_number"],
            "mobileNumber": PUBLIC_PAYER,
            "webhookUrl": "http://127.0.0.1:3000/hook",
            "sandbox": "true",
        }
    name = "Recurring API, local sandbox" if for_sandbox else "Recurring API"
    files = {COLLECTION: collection(), ENVIRONMENT: environment(name, values)}
    written = [str(_written(folder / file, found, force=force)) for file, found in files.items()]
    if as_json:
        say_json({"files": written, "requests": len(steps())})
        return
    for path in written:
        say(bold(path))
    say(dim("Import both into Postman, and select the environment."))


def _written(path: Path, found: dict[str, Any], *, force: bool) -> Path:
    if path.exists() and not force:
        raise Failure(f"{path} is there already; say --force to write over it.", 2)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n", "utf-8")
    except OSError as error:
        raise Failure(f"{path} cannot be written: {error.strerror}.", 2) from error
    return path
