"""Writes the pages of the reference that are made from the code: `make docs`; a test compares them."""

from __future__ import annotations

import typing
from pathlib import Path

from avtale.agreements import lifecycle as agreement_lifecycle
from avtale.api.problem_responses import STATUSES
from avtale.charges import lifecycle as charge_lifecycle
from avtale.configuration import PREFIX, Settings
from avtale.rulebook import MARKETS, OVERRIDABLE, PUBLISHED, MarketCode, rulebook_for

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


PAGES = {
    "settings.md": settings,
    "rules.md": rules,
    "lifecycles.md": lifecycles,
    "problems.md": problems,
}


def main() -> None:
    """Write all pages."""
    FOLDER.mkdir(exist_ok=True)
    for name, page in PAGES.items():
        (FOLDER / name).write_text(page(), "utf-8")


if __name__ == "__main__":
    main()
