"""Facts of the machine and of what runs on it, so that figures can be compared."""

from __future__ import annotations

import os
import platform
import re
import sqlite3
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

MEMORY = re.compile(r"^MemTotal:\s+(\d+) kB", re.MULTILINE)
MODEL = re.compile(r"^model name\s*:\s*(.+)$", re.MULTILINE)


def facts_of_the_machine() -> dict[str, str]:
    """What is known without measuring; nothing that names the machine or its places."""
    found = {
        "day": f"{datetime.now(UTC):%Y-%m-%d}",
        "cores": str(os.cpu_count()),
        "processor": _found(MODEL, "/proc/cpuinfo") or platform.machine(),
    }
    if memory := _found(MEMORY, "/proc/meminfo"):
        found["memory"] = f"{int(memory) / 1024 / 1024:.0f} GiB"
    found["system"] = f"{platform.system()} {platform.release()}"
    found["Python"] = f"{platform.python_implementation()} {platform.python_version()}"
    found["SQLite"] = sqlite3.sqlite_version
    for package in ("avtale", "granian", "falcon", "msgspec", "asyncpg", "uvloop"):
        found[package] = version(package)
    return found


def _found(pattern: re.Pattern[str], file: str) -> str | None:
    try:
        match = pattern.search(Path(file).read_text("utf-8"))
    except OSError:
        return None
    return match[1] if match is not None else None
