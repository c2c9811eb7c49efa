"""Surveys of a SQLite file: queries that look at much, on threads and connections of their own."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import Any, Final

MOST_AT_ONCE: Final = 2
_threads: Final = ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="avtale-survey")


async def survey(path: str, sql: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """The rows; raises sqlite3.Error."""
    return await asyncio.get_running_loop().run_in_executor(_threads, _rows, path, sql, parameters)


def _rows(path: str, sql: str, parameters: Mapping[str, Any]) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path, isolation_level=None, timeout=1)) as connection:
        connection.execute("PRAGMA query_only = ON")
        return connection.execute(sql, parameters).fetchall()
