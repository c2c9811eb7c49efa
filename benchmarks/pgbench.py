"""PostgreSQL's own load generator, with the statements of a create: one transaction each, nothing gathered."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any, Final

from avtale.agreements.agreement import Agreement
from avtale.engine.rows import StoredAnswer
from avtale.operations.sales_units import PUBLIC_UNIT
from avtale.storage.columns import SHAPES
from benchmarks.bare import TEMPLATE
from benchmarks.filling import PRIME, SPREAD, Content
from benchmarks.processes import Failed

_AGREEMENT: Final = "'agr_' || lpad((:i::bigint)::text, 8, '0')"
_NUMBER: Final = "to_hex(:n::bigint)"
_OWN: Final = {
    "agreement_id": _AGREEMENT,
    "charge_id": f"'chr-' || {_NUMBER}",
    "idempotency_key": f"'one-' || {_NUMBER}",
}


def creates_per_second(
    program: Path, url: str, connections: int, seconds: int, few: Content
) -> float:
    """Creates in a second over so many connections; raises Failed where the program does not run."""
    script = program_text(few)
    command = [str(program), "--no-vacuum", "--protocol=prepared", "--file=/dev/stdin"]
    command += [f"--client={connections}", f"--time={seconds}", "--jobs=1", url]
    try:
        done = subprocess.run(
            command, input=script, capture_output=True, text=True, timeout=seconds + 60, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise Failed(
            f"pgbench does not run here: {getattr(error, 'stderr', '') or error}"
        ) from error
    found = re.search(r"^tps = ([\d.]+)", done.stdout, re.MULTILINE)
    if found is None:
        raise Failed(f"pgbench said {done.stdout[-300:]}")
    return float(found[1])


def program_text(few: Content) -> str:
    """Two reads and three writes, as a script."""
    lines = [
        rf"\set i (random(0, {few.agreements - 1}) * {PRIME}) % {SPREAD}",
        r"\set n random(1, 9000000000000000000)",
        "BEGIN;",
        _select(
            StoredAnswer,
            merchant_serial_number=f"'{PUBLIC_UNIT}'",
            idempotency_key=_OWN["idempotency_key"],
        ),
        _select(Agreement, merchant_serial_number=f"'{PUBLIC_UNIT}'", agreement_id=_AGREEMENT),
        *(_insert(row, values) for row, values in TEMPLATE.items()),
        "COMMIT;",
    ]
    return "\n".join(lines) + "\n"


def _select(row: type[Any], **where: str) -> str:
    shape = SHAPES[row]
    condition = " AND ".join(f"{name} = {value}" for name, value in where.items())
    return f"SELECT {', '.join(shape.names)} FROM {shape.table.name} WHERE {condition};"


def _insert(row: type[Any], values: tuple[Any, ...]) -> str:
    shape = SHAPES[row]
    given = [
        _OWN.get(name) or _literal(value) for name, value in zip(shape.names, values, strict=True)
    ]
    return f"INSERT INTO {shape.table.name} ({', '.join(shape.names)}) VALUES ({', '.join(given)});"


def _literal(value: str | int | None) -> str:
    if value is None:
        return "NULL"
    return str(value) if isinstance(value, int) else f"$${value}$$"
