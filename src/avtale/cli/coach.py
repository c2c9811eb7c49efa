"""`avtale checklist` and `avtale remarks`: what the sandbox has seen of an integration (sandbox §8)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from cyclopts import Parameter

from avtale.cli.control import USUAL_UNIT, OfUnit, control_of, local
from avtale.cli.output import Failure, bold, dim, paint, say, say_json

COLOURS: Final = {"passed": "32", "failed": "31", "not yet": "33", "to be confirmed": "36"}
MARKS: Final = {"passed": "✓", "failed": "✗", "not yet": "–", "to be confirmed": "?"}
FAILS_ON: Final = {
    "never": frozenset[str](),
    "failed": frozenset({"failed"}),
    "missing": frozenset({"failed", "not yet"}),
}


Since = Annotated[
    str | None, Parameter(help="Look at requests from this instant on.", show_default=False)
]
Label = Annotated[
    str | None,
    Parameter(
        help="Look at requests that carry this in a Vipps-System-* header, such as a version.",
        show_default=False,
    ),
]


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Sent:
    """What is written down to be sent, and what stands above it."""

    pdf: Annotated[
        Path | None,
        Parameter(help="Write it there as PDF with fields to fill in.", show_default=False),
    ] = None
    markdown: Annotated[
        Path | None, Parameter(help="Write it there as Markdown.", show_default=False)
    ] = None
    partner: Annotated[
        str | None, Parameter(help="Your name, for what is written.", show_default=False)
    ] = None
    description: Annotated[
        str | None, Parameter(help="A few words about your solution.", show_default=False)
    ] = None


NOTHING_SENT: Final = Sent()


def checklist(
    *,
    sent: Sent = NOTHING_SENT,
    since: Since = None,
    label: Label = None,
    fail_on: Annotated[
        Literal["never", "failed", "missing"],
        Parameter(help="Exit with 1 where a line failed, or where one is missing too."),
    ] = "never",
    of: OfUnit = USUAL_UNIT,
) -> int:
    """Check the vendor's go-live checklist by what the sandbox has seen.

    For example:

        avtale checklist
        avtale checklist --label 3.1.2           what this version did
        avtale checklist --fail-on missing       for continuous integration
        avtale checklist --pdf checklist.pdf --partner "Acme AS"
    """
    control, path = control_of(of), f"/sandbox/sales-units/{of.msn}/checklist"
    found = control.get(path, since=since, label=label)
    above = {"partner": sent.partner, "description": sent.description}
    for kind, file in (("pdf", sent.pdf), ("md", sent.markdown)):
        if file is not None:
            _write(file, control.content(f"{path}.{kind}", since=since, label=label, **above))
    if of.json:
        say_json(found)
    else:
        _show_lines(found)
    return int(any(line["verdict"] in FAILS_ON[fail_on] for line in found["lines"]))


def _write(file: Path, content: bytes) -> None:
    try:
        file.write_bytes(content)
    except OSError as error:
        raise Failure(f"{file} cannot be written: {error.strerror}.", 2) from error


@local
def remarks(
    *,
    since: Since = None,
    label: Label = None,
    probe: Annotated[
        bool,
        Parameter(help="Try whether merchantAgreementUrl of ten agreements answers.", negative=""),
    ] = False,
    of: OfUnit = USUAL_UNIT,
) -> None:
    """Say what the vendor's reviewers, or the next incident, would find.

    For example:

        avtale remarks
        avtale remarks --probe
        avtale remarks --msn 654321 --json
    """
    found = control_of(of).get(
        f"/sandbox/sales-units/{of.msn}/remarks",
        since=since,
        label=label,
        probe="true" if probe else None,
    )
    if of.json:
        say_json(found)
        return
    for url, answer in found.get("probed", {}).items():
        say(dim(f"{url}: {answer}"))
    if not found["remarks"]:
        say(dim("Nothing to remark."))
    for remark in found["remarks"]:
        say(f"{bold(remark['title'])} ({remark['count']})")
        say(f"  {remark['why']}")
        say(f"  → {remark['whatToDo']}")
        for proof in remark["proofs"]:
            say(dim(f"    {_proof(proof)}"))


def _show_lines(found: dict[str, Any]) -> None:
    section = ""
    for line in found["lines"]:
        if line["section"] != section:
            section = line["section"]
            say(bold(section))
        verdict = line["verdict"]
        mark = paint(MARKS[verdict], COLOURS[verdict])
        say(f"  {mark} {line['title']}" + (dim("  (stale)") if line["stale"] else ""))
        for said in (line["comment"], line["leftToDo"]):
            if said:
                say(dim(f"      {said}"))
    counts = ", ".join(f"{count} {verdict}" for verdict, count in found["counts"].items() if count)
    say()
    say(counts)


def _proof(proof: dict[str, Any]) -> str:
    names = ("detail", "orderId", "agreementId", "status", "contextId", "received")
    return "  ".join(str(proof[name]) for name in names if name in proof)
