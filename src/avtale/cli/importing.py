"""Charges from a file: checked as a whole, sent in bulks, and the same file again does nothing twice.

The idempotency key of a bulk is made of its rows. So a run that was interrupted is simply run again.
"""

from __future__ import annotations

import csv
import uuid
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Any, Final, NamedTuple

from avtale.cli.merchant import AsMerchant, merchant
from avtale.cli.output import Failure, complain, say, say_json
from avtale.cli.progress import Progress
from avtale.client import BulkCharge, ChargeResult
from avtale.client.bulk import bulks, refusals, results
from avtale.client.errors import Refused

REQUIRED: Final = ("agreementId", "amount", "description", "due", "orderId")
OPTIONAL: Final = ("retryDays", "transactionType", "processingMode", "externalId")
MOST_FAULTS_SHOWN: Final = 20
NAMESPACE: Final = uuid.UUID("1b0c9a4e-6f5d-4f0a-9a57-2f7d3a0f6f11")
"""Of the keys that are made of rows."""
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


class Checked(NamedTuple):
    """What a look at all rows found."""

    rows: int
    faults: int


def import_charges(file: Path, result: Path | None, who: AsMerchant, *, check_only: bool) -> int:
    """Check all rows, then send them; returns 1 where a row is wrong or was refused. Raises Failure."""
    checked = _check(file)
    if checked.faults:
        more = checked.faults - MOST_FAULTS_SHOWN
        if more > 0:
            complain(f"… and {more} more.")
        raise Failure(
            f"{checked.faults} of {checked.rows} rows are wrong; nothing was sent. Mend them, and run it again."
        )
    if check_only:
        say(f"{checked.rows} rows, and nothing wrong with them.")
        return 0
    target = result or file.with_suffix(".result.csv")
    refused = _send(file, target, who, checked.rows)
    accepted = checked.rows - refused
    if who.json:
        say_json({"accepted": accepted, "refused": refused, "result": str(target)})
    else:
        say(f"{accepted} charges accepted, {refused} refused. What became of each: {target}")
    return 1 if refused else 0


def _check(file: Path) -> Checked:
    """Every fault is told with its line, the first few of them in words."""
    seen: dict[str, int] = {}
    rows = faults = 0
    for line, row in _rows(file):
        rows += 1
        wrong = list(_faults(row))
        order_id = row.get("orderId", "")
        first = seen.setdefault(order_id, line)
        if order_id and first != line:
            wrong.append(f"orderId {order_id} is in line {first} too")
        if wrong:
            faults += 1
            if faults <= MOST_FAULTS_SHOWN:
                complain(f"line {line}: {'; '.join(wrong)}")
    if not rows:
        raise Failure(f"{file} has no rows.", 2)
    return Checked(rows, faults)


def _send(file: Path, target: Path, who: AsMerchant, rows: int) -> int:
    """Send all rows and write down what became of each; returns how many were refused."""
    refused = sent = 0
    with (
        merchant(who) as client,
        _written(target) as write,
        Progress("Importing charges") as progress,
    ):
        for bulk in bulks(_charge(row) for _, row in _rows(file)):
            try:
                answer = client.create_charges(bulk, idempotency_key=key_of(bulk))
                found = results(bulk, answer)
            except Refused as no:
                found = refusals(bulk, no)
            for each in found:
                refused += not each.is_accepted
                write(each)
            sent += len(bulk)
            progress.moved(sent / rows, f"{sent:,} of {rows:,}")
    return refused


def key_of(bulk: list[BulkCharge]) -> str:
    """The idempotency key of a bulk: the same for the same rows, and for no others."""
    return str(uuid.uuid5(NAMESPACE, repr(bulk)))


class _written:  # noqa: N801 -- used as a function is
    """A result file that is written row by row."""

    def __init__(self, target: Path) -> None:
        self._target = target

    def __enter__(self) -> Callable[[ChargeResult], None]:
        try:
            self._file = self._target.open("w", newline="", encoding="utf-8")
        except OSError as error:
            raise Failure(f"{self._target} cannot be written: {error.strerror}.", 2) from error
        writer = csv.writer(self._file)
        writer.writerow(["orderId", "agreementId", "outcome", "errors"])

        def write(result: ChargeResult) -> None:
            outcome = "accepted" if result.is_accepted else "refused"
            charge = result.charge
            cells = (charge.order_id, charge.agreement_id, outcome, "; ".join(result.errors))
            writer.writerow([_harmless(cell) for cell in cells])

        return write

    def __exit__(self, *_: object) -> None:
        self._file.close()


def _harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula (reliability 2H-119)."""
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _rows(file: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Each row with its line; raises Failure where the file cannot be read, or lacks a column."""
    try:
        with file.open(newline="", encoding="utf-8-sig") as opened:
            first = opened.readline()
            opened.seek(0)
            # Spreadsheets of half of Europe separate with semicolons.
            reader = csv.DictReader(
                opened, delimiter=";" if first.count(";") > first.count(",") else ","
            )
            columns = reader.fieldnames or []
            missing = [name for name in REQUIRED if name not in columns]
            unknown = [name for name in columns if name not in {*REQUIRED, *OPTIONAL}]
            if missing or unknown:
                wrong = [f"lacks the column {name}" for name in missing]
                wrong += [f"has a column {name!r} that is not known" for name in unknown]
                raise Failure(f"{file} {', and '.join(wrong)}.", 2)
            for row in reader:
                yield reader.line_num, {name: (row.get(name) or "").strip() for name in columns}
    except OSError as error:
        raise Failure(f"{file} cannot be read: {error.strerror}.", 2) from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise Failure(f"{file} is no CSV file in UTF-8: {error}.", 2) from error


def _faults(row: Mapping[str, str]) -> Iterator[str]:
    for name in REQUIRED:
        if not row[name]:
            yield f"{name} is missing"
    for name in ("amount", "retryDays"):
        text = row.get(name, "")
        if text and not (text.isascii() and text.isdigit()):
            yield f"{name} is {text!r}, and must be a whole number"
    if row["due"] and _day(row["due"]) is None:
        yield f"due is {row['due']!r}, and must be a day such as 2026-12-01"
    kind = row.get("transactionType", "")
    if kind not in {"", "DIRECT_CAPTURE", "RESERVE_CAPTURE"}:
        yield f"transactionType is {kind!r}, and must be DIRECT_CAPTURE or RESERVE_CAPTURE"


def _charge(row: Mapping[str, str]) -> BulkCharge:
    more: dict[str, Any] = {
        name: row[column]
        for name, column in (
            ("transaction_type", "transactionType"),
            ("processing_mode", "processingMode"),
            ("external_id", "externalId"),
        )
        if row.get(column)
    }
    if row.get("retryDays"):
        more["retry_days"] = int(row["retryDays"])
    return BulkCharge(
        agreement_id=row["agreementId"],
        amount=int(row["amount"]),
        description=row["description"],
        due=_day(row["due"]) or date.min,
        order_id=row["orderId"],
        **more,
    )


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
