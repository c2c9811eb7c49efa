"""`avtale webhooks`: what is wrong with a signature (api-facts 7.5)."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Annotated, Any

import msgspec
from cyclopts import App, Parameter

from avtale.cli import exam, listen, registrations
from avtale.cli.output import Failure, bold, dim, paint, say, say_json
from avtale.webhooks.diagnosis import Diagnosis, diagnose

app = App(
    name="webhooks",
    help="""\
Webhooks: who is told of events, and why a signature is refused.

For example:

    avtale webhooks listen --forward-to http://localhost:3000/hook
    avtale webhooks exam http://localhost:3000/hook --secret S
    avtale webhooks register https://shop.example/hook
    avtale webhooks explain --headers h.txt --body b.json --url URL --secret S
""",
)

for commands in (exam, listen, registrations):
    commands.mount(app)

LIMIT_BYTES = 1024 * 1024
_REQUEST_LINE = re.compile(r"[A-Z]+ \S+( HTTP/[0-9.]+)?")


@app.command(sort_key=0)
def explain(
    *,
    url: Annotated[str, Parameter(help="The URL exactly as it was registered.")],
    secret: Annotated[
        str, Parameter(help="The secret as it was handed out.", allow_leading_hyphen=True)
    ],
    body: Annotated[
        str,
        Parameter(
            help="A file with the body, byte for byte; - for standard input.",
            allow_leading_hyphen=True,
        ),
    ],
    headers: Annotated[
        Path | None, Parameter(help="A file with the headers, one a line, or a JSON object.")
    ] = None,
    header: Annotated[
        tuple[str, ...], Parameter(help="One header, 'Name: value'; may be repeated.", negative="")
    ] = (),
    method: Annotated[str, Parameter(help="How the request came.")] = "POST",
    computed: Annotated[
        str | None, Parameter(help="The signature your own code came to, to be explained too.")
    ] = None,
    as_json: Annotated[bool, Parameter(name="--json", negative="", help="Print JSON.")] = False,
) -> int:
    """Show what was signed, each hash, and which part of a delivery differs and why; exits 1 if one does.

    For example:

        avtale webhooks explain --headers h.txt --body b.json --url URL --secret S
        avtale webhooks explain --header 'x-ms-date: …' --header … --body - …
        avtale webhooks explain … --computed 'agAiSyog…'    what my own code says
    """
    given = [*_read_headers(headers), *map(_read_header, header)]
    if not given:
        raise Failure("Give the headers: --headers FILE, or --header 'Name: value' for each.", 2)
    if not secret:
        raise Failure("The secret is empty.", 2)
    came = _read(body)
    try:
        found = diagnose(came, given, secret, url=url, method=method, computed=computed)
    except ValueError as error:
        raise Failure(f"{url!r} is no URL of a receiver: {error}.", 2) from error
    if as_json:
        say_json(_for_programs(found))
    else:
        _show(found)
    return 0 if found.verifies else 1


def _for_programs(found: Diagnosis) -> dict[str, Any]:
    return {
        "verifies": found.verifies,
        "stringToSign": found.string_to_sign,
        "compared": [
            {**msgspec.to_builtins(each), "agrees": each.agrees} for each in found.compared
        ],
        "findings": msgspec.to_builtins(found.findings),
    }


def _show(found: Diagnosis) -> None:
    say(bold("String to sign"))
    for line in found.string_to_sign.split("\n"):
        say(f"    {_printable(line)}")
    for each in found.compared:
        say()
        verdict = paint("✓", "32") if each.agrees else paint("✗", "31")
        say(f"{verdict} {bold(each.name.capitalize())}")
        say(f"    expected  {each.expected}")
        say(f"    received  {'–' if each.received is None else _printable(each.received)}")
    say()
    if found.verifies:
        say("The delivery is genuine.")
    for finding in found.findings:
        whose = " (computed)" if finding.whose == "computed" else ""
        say(f"{bold(finding.part.capitalize() + whose)}: {_printable(finding.what)}")
        say(dim(f"    {finding.why}"))


def _printable(text: str) -> str:
    """What came from outside must not steer the terminal."""
    return "".join(each if each.isprintable() else f"\\x{ord(each):02x}" for each in text)


def _read(name: str) -> bytes:
    try:
        if name == "-":
            found = sys.stdin.buffer.read(LIMIT_BYTES + 1)
        else:
            with Path(name).open("rb") as file:
                found = file.read(LIMIT_BYTES + 1)
    except OSError as error:
        raise Failure(f"{name} cannot be read: {error.strerror}.", 2) from error
    if len(found) > LIMIT_BYTES:
        raise Failure(f"{name} has more than {LIMIT_BYTES} bytes; no delivery is as long.", 2)
    return found


def _read_headers(file: Path | None) -> list[tuple[str, str]]:
    """The headers in a file: as JSON, or as lines, as curl -v or a proxy prints them."""
    if file is None:
        return []
    text = _read(str(file)).decode("utf-8", "replace").lstrip("\ufeff")
    if text.lstrip().startswith("{"):
        try:
            data = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise Failure(f"{file} is no JSON: {error}.", 2) from error
        return [(name, str(value)) for name, value in data.items()]
    lines = [re.sub(r"^[<>] ", "", line).rstrip() for line in text.splitlines()]
    return [
        _read_header(line)
        for line in lines
        if line not in {"", ">", "<"} and not _REQUEST_LINE.fullmatch(line)
    ]


def _read_header(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not colon or not name.strip():
        raise Failure(f"{line!r} is no header; it reads 'Name: value'.", 2)
    return name.strip(), value.strip()
