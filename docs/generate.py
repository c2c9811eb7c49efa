"""Writes the pages of the reference that are made from the code: `make docs`; a test compares them."""

from __future__ import annotations

import inspect
import typing
from pathlib import Path

import msgspec

from avtale.agreements import lifecycle as agreement_lifecycle
from avtale.agreements.lifecycle import AgreementHappening, AgreementStatus
from avtale.api.problem_responses import STATUSES
from avtale.charges import lifecycle as charge_lifecycle
from avtale.charges.lifecycle import ChargeStatus, Happening
from avtale.client import Client
from avtale.client.answers import (
    Agreement,
    Bulk,
    Charge,
    CreatedCharge,
    DraftedAgreement,
    RegisteredWebhook,
    Userinfo,
    Webhook,
)
from avtale.client.errors import (
    BY_SLUG,
    NoAnswer,
    ServerTrouble,
    StillPending,
    TooManyRequests,
    Unreadable,
    WrongCredentials,
)
from avtale.client.setup import Setup
from avtale.configuration import PREFIX, Settings
from avtale.rulebook import MARKETS, OVERRIDABLE, PUBLISHED, MarketCode, rulebook_for
from avtale.testing import Avtale, Inbox, Unit, UnitClock
from avtale.testing import Payer as TestingPayer
from avtale.webhooks.occasions import OCCASIONS, ORDERS, SILENT, Occasion, told_by
from avtale.webhooks.samples import SAMPLES

FOLDER = Path(__file__).parent / "reference"


def settings() -> str:
    """Every setting, its default and its sentence."""
    hints = typing.get_type_hints(Settings, include_extras=True)
    lines = [
        "# Settings",
        "",
        "Each has a default, an environment variable, a command-line option,",
        "and a line under `[server]` in an optional `avtale.toml`.",
        "The command line wins over the environment, the environment over the file.",
        "",
        "| setting | environment variable | option | default | |",
        "|---|---|---|---|---|",
    ]
    defaults = dict(zip(Settings.__struct_fields__, Settings.__struct_defaults__, strict=True))
    for name in Settings.__struct_fields__:
        sentence = next(
            meta.description for meta in hints[name].__metadata__ if meta.description is not None
        )
        default = defaults[name]
        shown = (
            "–"
            if default is None
            else f"`{str(default).lower() if isinstance(default, bool) else default}`"
        )
        option = "--" + name.replace("_", "-")
        lines.append(f"| `{name}` | `{PREFIX}{name.upper()}` | `{option}` | {shown} | {sentence} |")
    return "\n".join(lines) + "\n"


def rules() -> str:
    """Every number and date rule, per market and environment."""
    codes = typing.get_args(MarketCode)
    lines = [
        "# Rules",
        "",
        "Every number and date rule that the API publishes, as avtale keeps it.",
        "Amounts are in minor units. Rules marked with * may be set for a sales unit.",
        "",
        "| rule | test: "
        + ", ".join(codes)
        + " | production: "
        + ", ".join(codes)
        + " | | source |",
        "|---|---|---|---|---|",
    ]
    for rule in PUBLISHED:
        cells = []
        for environment in ("test", "production"):
            values = [str(getattr(rulebook_for(environment, code), rule.field)) for code in codes]
            cells.append(values[0] if len(set(values)) == 1 else ", ".join(values))
        star = " *" if rule.field in OVERRIDABLE else ""
        lines.append(
            f"| `{rule.field}`{star} | {cells[0]} | {cells[1]} | {rule.sentence} | {rule.source} |"
        )
    lines += [
        "",
        "## Markets",
        "",
        "| market | currency | time zone | runs, local time |",
        "|---|---|---|---|",
    ]
    for market in MARKETS.values():
        runs = ", ".join(f"{run:%H:%M}" for run in market.run_times)
        lines.append(f"| {market.code} | {market.currency} | {market.zone_name} | {runs} |")
    return "\n".join(lines) + "\n"


def lifecycles() -> str:
    """The two life tables, as diagrams and as tables."""
    lines = ["# Lives", "", "What can become of an agreement and of a charge; nothing else can."]
    for title, table in (
        ("Agreement", agreement_lifecycle.LIFECYCLE),
        ("Charge", charge_lifecycle.LIFECYCLE),
    ):
        lines += ["", f"## {title}", "", "```mermaid", "stateDiagram-v2", "    [*] --> PENDING"]
        for status, steps in table.items():
            lines += [f"    {status} --> {after}: {what}" for what, after in steps.items()]
            if not steps:
                lines.append(f"    {status} --> [*]")
        lines += ["```", "", "| from | what happens | to |", "|---|---|---|"]
        for status, steps in table.items():
            lines += [f"| {status} | {what} | {after} |" for what, after in steps.items()]
    return "\n".join(lines) + "\n"


def problems() -> str:
    """Every refusal, its status and meaning."""
    lines = [
        "# Problems",
        "",
        "Clients match the part of `type` behind the `#`; refusals without one have the type `about:blank`.",
        "",
        "| status | identifier | meaning |",
        "|---|---|---|",
    ]
    for problem, status in sorted(STATUSES.items(), key=lambda item: (item[1], item[0].__name__)):
        meaning = (problem.__doc__ or "").strip().partition("\n")[0]
        slug = f"`{problem.slug}`" if problem.slug else "–"
        lines.append(f"| {status} | {slug} | {meaning} |")
    return "\n".join(lines) + "\n"


def events() -> str:
    """Every event: when it is told, in which order, and as what."""
    lines = [
        "# Events",
        "",
        "What merchants are told of, over webhooks.",
        "Each event is written down in the transaction of the change it tells, and sent afterwards;",
        "what was rolled back is never told.",
        "",
        "| event | told when |",
        "|---|---|",
    ]
    lines += [f"| [`{each.event_type}`](#{_anchor(each)}) | {each.told} |" for each in OCCASIONS]
    lines += [*_orders(), *_steps()]
    for occasion in OCCASIONS:
        lines += ["", f"## `{occasion.event_type}`", "", occasion.told, ""]
        lines += ["| comes about through | how |", "|---|---|"]
        lines += [f"| {way.cause} | {way.how} |" for way in occasion.ways]
        body = msgspec.json.format(SAMPLES[occasion.event_type].body, indent=2)
        lines += ["", "```json", body, "```"]
    return "\n".join(lines) + "\n"


def _anchor(occasion: Occasion) -> str:
    return occasion.event_type.replace(".", "")


def _orders() -> list[str]:
    lines = [
        "",
        "## In which order",
        "",
        "To one receiver, events come in the order in which their changes were committed.",
        "An event that is not taken in holds back later ones of the same agreement, and of no other.",
        "Any event may come twice, so tell copies by `webhook-id` or by `deduplication_key`.",
        "",
        "| what happens | what is told, in this order |",
        "|---|---|",
    ]
    for order in ORDERS:
        short = " → ".join(f"`{_short(each)}`" for each in order.events)
        lines.append(f"| {order.title} | {short} |")
    return lines


def _steps() -> list[str]:
    lines = [
        "",
        "## Which step is told by which event",
        "",
        "The steps of the two [lives](lifecycles.md).",
        "",
        "| | from | what happens | to | told by |",
        "|---|---|---|---|---|",
    ]
    for status, steps in agreement_lifecycle.LIFECYCLE.items():
        for step, after in steps.items():
            lines.append(f"| agreement | {status} | {step} | {after} | {_told_by(status, step)} |")
    for before, ways in charge_lifecycle.LIFECYCLE.items():
        for way, then in ways.items():
            lines.append(f"| charge | {before} | {way} | {then} | {_told_by(before, way)} |")
    return lines


def _told_by(status: AgreementStatus | ChargeStatus, step: AgreementHappening | Happening) -> str:
    return (
        ", ".join(f"`{_short(each)}`" for each in told_by(status, step))
        or f"nothing: {SILENT[step]}"
    )


def _short(event_type: str) -> str:
    return event_type.removeprefix("recurring.").removesuffix(".v1")


def client() -> str:
    """The client and the test helpers, from their signatures and docstrings."""
    lines = [
        "# The client",
        "",
        "From the docstrings of `avtale.client` and `avtale.testing`.",
        "[The Python client](../guides/client.md) and",
        "[Testing a year in a second](../guides/testing.md) show them at work.",
        "",
        "## Setting up",
        "",
        "`Client(base_url, …)` and `AsyncClient(base_url, …)` take these by keyword:",
        "",
        "| keyword | |",
        "|---|---|",
    ]
    for name in msgspec.structs.fields(Setup):
        if name.name != "base_url":
            shown = "required" if name.required else f"`{_plain(name.default)}` unless said"
            lines.append(f"| `{name.name}` | {shown} |")
    lines += [
        "",
        "## Methods",
        "",
        "With `AsyncClient` each is awaited, and iterated with `async for`.",
        "",
    ]
    lines += _methods(Client)
    lines += ["## Answers", "", "Members that an answer lacks are None.", ""]
    for kind in (
        DraftedAgreement,
        Agreement,
        CreatedCharge,
        Charge,
        Bulk,
        Userinfo,
        RegisteredWebhook,
        Webhook,
    ):
        members = ", ".join(f"`{field.name}`" for field in msgspec.structs.fields(kind))
        lines += [f"* **{kind.__name__}**: {_first(kind)}", f"  {members}"]
    lines += [
        "",
        "## Errors",
        "",
        "Refusals are subclasses of `Refused`, by the published problem type:",
        "",
    ]
    lines += ["| class | problem type | |", "|---|---|---|"]
    for slug, error in sorted(BY_SLUG.items()):
        lines.append(f"| `{error.__name__}` | `{slug}` | {_first(error)} |")
    for error in (
        WrongCredentials,
        TooManyRequests,
        ServerTrouble,
        NoAnswer,
        Unreadable,
        StillPending,
    ):
        lines.append(f"| `{error.__name__}` | – | {_first(error)} |")
    lines += ["", "## In tests", ""]
    for kind in (Avtale, Unit, UnitClock, TestingPayer, Inbox):
        lines += [f"### {kind.__name__}", "", *_sentences(kind), "", *_methods(kind)]
    return "\n".join(lines).rstrip() + "\n"


def _methods(kind: type) -> list[str]:
    lines: list[str] = []
    for name, member in vars(kind).items():
        if name.startswith("_") or not callable(member):
            continue
        parameters = [
            each
            for each in inspect.signature(member).parameters.values()
            if each.name not in {"self", "client"}
        ]
        words: list[str] = []
        for each in parameters:
            if each.kind is each.KEYWORD_ONLY and "*" not in words:
                words.append("*")
            word = f"**{each.name}" if each.kind is each.VAR_KEYWORD else each.name
            word = f"*{each.name}" if each.kind is each.VAR_POSITIONAL else word
            words.append(word if each.default is each.empty else f"{word}={_plain(each.default)}")
        lines += [f"**`{name}({', '.join(words)})`**", "", *_sentences(member), ""]
    return lines


def _plain(value: object) -> str:
    """A default as a reader writes it."""
    if value is None or isinstance(value, int | float | str):
        return repr(value)
    return getattr(value, "__name__", type(value).__name__)


def _sentences(of: object) -> list[str]:
    return (inspect.getdoc(of) or "").splitlines()


def _first(of: object) -> str:
    return _sentences(of)[0]


PAGES = {
    "settings.md": settings,
    "rules.md": rules,
    "lifecycles.md": lifecycles,
    "problems.md": problems,
    "events.md": events,
    "client.md": client,
}


def main() -> None:
    """Write all pages."""
    FOLDER.mkdir(exist_ok=True)
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page(), "utf-8")


if __name__ == "__main__":
    main()
