"""SQLite alone: a private file, every commit on disk, and a disk that fails."""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
import sqlite3
import stat
import sys
import tempfile
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from avtale.engine.engine import StorageDown, Taken
from avtale.storage import sqlite
from avtale.storage.sqlite import SQLiteStorage
from tests.storage.handling import add, around, change, needs_of, opened, seen, uncommitted
from tests.storage.samples import charge, payer, shop, unit

NOBODY = 65534


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shop" / "avtale.db"


@pytest.fixture
async def storage(path: Path) -> AsyncIterator[SQLiteStorage]:
    path.parent.mkdir()
    storage = SQLiteStorage(str(path))
    await storage.open()
    yield storage
    await storage.close()


def writer_of(storage: SQLiteStorage) -> sqlite3.Connection:
    assert storage._writer is not None
    return storage._writer


def pragma(connection: sqlite3.Connection | None, name: str) -> Any:
    assert connection is not None
    [value] = connection.execute(f"PRAGMA {name}").fetchone()
    return value


# ── The file ─────────────────────────────────────────────────────────────────────────────────────


async def test_the_file_is_for_its_owner_alone(storage: SQLiteStorage, path: Path) -> None:
    await add(storage, *shop())
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
    assert modes == {"avtale.db": 0o600, "avtale.db-wal": 0o600, "avtale.db-shm": 0o600}


async def test_every_commit_is_on_disk_before_it_is_acknowledged(storage: SQLiteStorage) -> None:
    """Reliability 2E-64: without `synchronous=FULL` a power loss takes back what was answered."""
    writer = writer_of(storage)
    assert (pragma(writer, "journal_mode"), pragma(writer, "synchronous")) == ("wal", 2)
    assert pragma(writer, "foreign_keys") == 1
    assert pragma(writer, "secure_delete") == 1
    assert pragma(storage._reader, "query_only") == 1


async def test_a_new_connection_after_a_fault_is_set_up_as_the_first(
    storage: SQLiteStorage,
) -> None:
    first = writer_of(storage)
    pragmas = ["journal_mode", "synchronous", "foreign_keys", "secure_delete", "busy_timeout"]
    before = [pragma(first, name) for name in pragmas]
    first.close()
    with pytest.raises(StorageDown):
        await add(storage, payer())
    await add(storage, payer())
    assert [pragma(writer_of(storage), name) for name in pragmas] == before


async def test_memory_keeps_what_is_committed_until_it_is_closed() -> None:
    storage = SQLiteStorage(None)
    await storage.open()
    await add(storage, *shop())
    with pytest.raises(sqlite3.IntegrityError):
        await add(storage, charge("chr-2", amount=-1))
    with pytest.raises(Taken):
        await add(storage, charge())
    with pytest.raises(StorageDown):
        await storage.execute([("set_installation_value", {"name": "a value is missing"})])
    await change(storage, unit(name="Rugby on Screen"))
    assert await seen(storage, unit(), charge()) == [unit(name="Rugby on Screen"), charge()]
    await storage.close()
    await storage.open()
    assert await seen(storage, unit()) == [None]
    await storage.close()


# ── Disks that fail ──────────────────────────────────────────────────────────────────────────────


def a_lot() -> list[Any]:
    return [charge(f"chr-{n}", description="x" * 10_000) for n in range(500)]


async def test_a_full_database_takes_nothing_and_works_again_when_there_is_room(
    storage: SQLiteStorage,
) -> None:
    """Reliability 2E-65: SQLite rolls back by itself, and what follows must not commit singly."""
    await add(storage, *shop())
    writer = writer_of(storage)
    full = pragma(writer, "page_count") + 20
    assert pragma(writer, f"max_page_count = {full}") == full
    with pytest.raises(StorageDown, match="full"):
        await add(storage, payer("4799999999"), *a_lot())
    assert await seen(storage, payer("4799999999"), *a_lot()) == [None] * 501
    assert await seen(storage, *shop()) == shop()
    await add(storage, payer("4799999999"), *a_lot())
    assert await seen(storage, *a_lot()) == a_lot()


@contextmanager
def files_no_larger_than(size_bytes: int) -> Iterator[None]:
    """Let every write beyond a size fail, as a full or faulty disk does."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


async def test_a_write_that_fails_is_not_acknowledged_and_leaves_nothing(
    storage: SQLiteStorage,
) -> None:
    """Reliability 2E-66."""
    await add(storage, *shop())
    with files_no_larger_than(1_000_000):
        with pytest.raises(StorageDown):
            await add(storage, payer("4799999999"), *a_lot())
        assert await seen(storage, payer("4799999999"), unit()) == [None, unit()]
    await add(storage, payer("4799999999"), *a_lot())
    assert await seen(storage, *a_lot()) == a_lot()
    assert pragma(writer_of(storage), "integrity_check") == "ok"


async def test_a_file_that_is_gone_takes_nothing_until_it_is_back(
    storage: SQLiteStorage, path: Path
) -> None:
    """SQLite would go on writing to the removed file, and everything would be lost at the end."""
    await add(storage, *shop())
    elsewhere = path.parent.rename(path.parent.with_name("elsewhere"))
    for _ in range(2):
        with pytest.raises(StorageDown, match="No such file"):
            await add(storage, payer("4799999999"))
        with pytest.raises(StorageDown, match="No such file"):
            await seen(storage, unit())
        with pytest.raises(StorageDown, match="No such file"):
            await storage.check()
    elsewhere.rename(path.parent)
    await storage.check()
    assert await seen(storage, *shop(), payer("4799999999")) == [*shop(), None]
    await add(storage, payer("4799999999"))


def put_another_in_its_place(path: Path) -> None:
    path.rename(path.with_suffix(".old"))
    path.touch()


def size_bytes(path: Path) -> int:
    return path.stat().st_size


async def test_another_file_in_its_place_is_left_alone(storage: SQLiteStorage, path: Path) -> None:
    await add(storage, *shop())
    put_another_in_its_place(path)
    with pytest.raises(StorageDown, match="another file has taken its place"):
        await add(storage, payer("4799999999"))
    assert size_bytes(path) == 0


@pytest.mark.parametrize("name", ["nowhere/avtale.db", "."])
async def test_a_place_where_no_file_can_be_is_named(tmp_path: Path, name: str) -> None:
    storage = SQLiteStorage(str(tmp_path / name))
    with pytest.raises(StorageDown, match=str(tmp_path)):
        await storage.open()
    await storage.close()


async def test_a_file_that_is_no_database_is_left_as_it_is(tmp_path: Path) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear Kari, " * 1000)
    storage = SQLiteStorage(str(letter))
    with pytest.raises(StorageDown, match="not a database"):
        await storage.open()
    await storage.close()
    assert letter.read_text() == "Dear Kari, " * 1000


@pytest.fixture
def nobodys_folder() -> Iterator[Path]:
    """A folder in which this process may do no more than the file modes say, even as root."""
    was_root = os.geteuid() == 0
    if was_root:
        os.seteuid(NOBODY)
    folder = Path(tempfile.mkdtemp())
    try:
        yield folder
    finally:
        if was_root:
            os.seteuid(0)
        folder.chmod(0o700)
        shutil.rmtree(folder)


def make_writable(path: Path, *, writable: bool) -> None:
    path.parent.chmod(0o700)
    path.chmod(0o600 if writable else 0o400)
    path.parent.chmod(0o700 if writable else 0o500)


async def test_a_file_that_may_only_be_read_is_not_opened(nobodys_folder: Path) -> None:
    path = nobodys_folder / "avtale.db"
    async with opened(str(path)) as storage:
        await add(storage, *shop())
    make_writable(path, writable=False)
    storage = SQLiteStorage(str(path))
    with pytest.raises(StorageDown, match=r"readonly|unable to open"):
        await storage.open()
    await storage.close()
    make_writable(path, writable=True)
    await storage.open()
    assert await seen(storage, *shop()) == shop()
    await storage.close()


# ── Others at the same file ──────────────────────────────────────────────────────────────────────

HOLD_THE_LOCK = """
import sqlite3, sys, time
connection = sqlite3.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
time.sleep(0.3)
connection.execute("UPDATE sales_units SET name = 'Rugby on Screen'")
connection.execute("COMMIT")
"""


async def test_another_process_that_writes_is_waited_for_while_everything_else_goes_on(
    storage: SQLiteStorage, path: Path
) -> None:
    await add(storage, *shop())
    other = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLD_THE_LOCK, str(path), stdout=asyncio.subprocess.PIPE
    )
    assert other.stdout is not None
    assert await other.stdout.readline() == b"locked\n"
    adding = asyncio.create_task(add(storage, payer("4799999999")))
    looks = 0
    while not adding.done():
        assert (await seen(storage, payer()))[0] == payer()
        looks += 1
        await asyncio.sleep(0.01)
    await adding
    assert await other.wait() == 0
    assert looks > 5
    found = await seen(storage, unit(), payer("4799999999"))
    assert found == [unit(name="Rugby on Screen"), payer("4799999999")]


async def test_a_lock_that_is_never_given_back_is_not_waited_for_forever(
    storage: SQLiteStorage, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    await add(storage, *shop())
    monkeypatch.setattr(sqlite, "_BUSY_SECONDS", 0.05)
    async with uncommitted(str(path), "UPDATE sales_units SET name = 'Rugby on Screen'"):
        with pytest.raises(StorageDown, match="locked"):
            await add(storage, payer("4799999999"))
        assert await seen(storage, unit()) == [unit()]
    await add(storage, payer("4799999999"))


async def test_a_look_does_not_wait_for_a_commit(storage: SQLiteStorage, path: Path) -> None:
    await add(storage, *shop())
    writing = asyncio.create_task(add(storage, *a_lot()))
    while not writing.done():
        assert await seen(storage, unit()) == [unit()]
        await asyncio.sleep(0)
    await writing
    assert await around(str(path), "SELECT count(*) FROM charges") == [(501,)]


async def test_no_transaction_stays_open(storage: SQLiteStorage) -> None:
    await add(storage, *shop())
    for spoiled in (charge("chr-2", amount=-1), charge()):
        with pytest.raises((sqlite3.IntegrityError, Taken)):
            await add(storage, spoiled)
        assert not writer_of(storage).in_transaction
    with pytest.raises(KeyError):
        await storage.execute([("no_such_query", {})])
    assert not writer_of(storage).in_transaction
    await storage.transact(needs_of(unit()), lambda world: None)
    assert not writer_of(storage).in_transaction


async def test_whoever_comes_after_the_end_is_told_so(tmp_path: Path) -> None:
    storage = SQLiteStorage(str(tmp_path / "avtale.db"))
    await storage.open()
    await storage.close()
    with pytest.raises(StorageDown, match="closed"):
        await storage.execute([("end_leases", {})])


async def test_who_is_cancelled_leaves_no_thread_at_work_on_the_connection(tmp_path: Path) -> None:
    """A connection that is rolled back or closed under a thread that uses it takes the process with it."""
    storage = SQLiteStorage(str(tmp_path / "avtale.db"))
    await storage.open()
    began, finished = threading.Event(), threading.Event()

    def slowly() -> None:
        began.set()
        time.sleep(0.2)
        finished.set()

    writing = asyncio.create_task(storage._on_thread(slowly))
    await asyncio.to_thread(began.wait, 5)
    for _ in range(3):
        writing.cancel()
        await asyncio.sleep(0.01)
    with pytest.raises(asyncio.CancelledError):
        await writing
    assert finished.is_set()
    await storage.close()
