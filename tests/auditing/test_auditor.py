"""The audit: quiet over what avtale writes, on every database, live or copied; plain words where it cannot be done."""

import asyncio
import re
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event, Thread

import asyncpg
import pytest

from avtale.auditing import (
    BEYOND,
    INVARIANTS,
    AuditImpossible,
    Invariant,
    audit,
    auditor,
    snapshots,
)
from avtale.auditing.checks import context_of
from avtale.auditing.helper import Helper
from avtale.auditing.report import MOST_ROWS
from avtale.auditing.sqlite import SQLiteSnapshot, begin_together
from avtale.charges.lifecycle import CHARGE_STATUSES
from avtale.engine.clock import real_now
from avtale.storage.erasing import erase
from avtale.storage.migrations import Migration
from avtale.storage.statements import queries
from tests.auditing.large import CHARGES_PER_AGREEMENT, make_large_database
from tests.auditing.spoilings import spoiled, spoiling
from tests.auditing.story import tell
from tests.conftest import fresh_database
from tests.support import installation

OF_A_DATABASE = {"PH-1", "PH-2"}
"""What PostgreSQL answers for itself."""


def ids(violations: tuple[object, ...]) -> list[str]:
    return [getattr(violation, "id") for violation in violations]  # noqa: B009


# ── Quiet over what is good ──────────────────────────────────────────────────────────────────────


def test_the_story_has_a_charge_in_every_status(good: Path) -> None:
    with closing(sqlite3.connect(good)) as connection:
        found = {status for (status,) in connection.execute("SELECT DISTINCT status FROM charges")}
    assert found == set(CHARGE_STATUSES)


def test_nothing_is_found_in_what_avtale_writes(database_url: str) -> None:
    tell(database_url, to_the_end=True)
    report = audit(database_url, quiescent=True)
    assert report.ok, report.violations
    due = [
        each for each in INVARIANTS if database_url.endswith(".db") or each.id not in OF_A_DATABASE
    ]
    assert list(report.checked) == due
    assert report.charges > 20
    assert 0 < report.seconds < 60


def test_what_is_under_way_is_no_violation_until_everything_should_be_at_rest(
    database_url: str,
) -> None:
    tell(database_url)
    live = audit(database_url)
    assert live.ok, live.violations
    assert not any(each.quiescent for each in live.checked)
    assert ids(audit(database_url, quiescent=True).violations) == ["L-1", "L-2", "L-6"]


def test_a_thousand_charges_made_with_plain_sql_are_sound(tmp_path: Path) -> None:
    make_large_database(tmp_path / "large.db", 100 * CHARGES_PER_AGREEMENT)
    report = audit(str(tmp_path / "large.db"), quiescent=True)
    assert report.ok, report.violations
    assert report.charges == 1000


async def test_an_installation_is_audited_while_it_runs(tmp_path: Path) -> None:
    path = tmp_path / "live.db"
    async with installation(str(path)) as house:
        shop = await house.shop("NO")
        agreement = await shop.agreed()
        await shop.charge(agreement, orderId="november")
        before = await asyncio.to_thread(audit, str(path))
        await shop.clock.advance(days=3)
        after = await asyncio.to_thread(audit, str(path))
        assert await shop.status("november") == "CHARGED"
    assert before.ok, before.violations
    assert after.ok, after.violations
    assert before.charges == after.charges == 1


def test_the_audit_writes_nothing(good: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(good, tmp_path / "copy.db"))
    before = path.read_bytes()
    path.chmod(0o400)
    assert audit(str(path)).ok
    assert path.read_bytes() == before


async def test_a_unit_that_was_erased_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "erased.db"
    async with installation(str(path)) as house:
        gone, stays = await house.shop("NO"), await house.shop("DK")
        for shop in (gone, stays):
            await shop.charge(await shop.agreed(), orderId="november")
            await shop.clock.advance(days=3)
        await erase(house.parts.storage, gone.msn)
        report = await asyncio.to_thread(audit, str(path))
    assert report.ok, report.violations
    assert report.charges == 1


# ── What a report says ───────────────────────────────────────────────────────────────────────────


def test_twenty_rows_are_told_and_all_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "large.db"
    make_large_database(path, 50)
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("UPDATE payments SET fence = 9 WHERE kind = 'RESERVE'")
    [violation] = audit(str(path)).violations
    assert (violation.id, violation.count, len(violation.rows)) == ("R-6", 40, MOST_ROWS)
    assert violation.rows[0]["charge_id"]
    told = str(violation).splitlines()
    assert told[0].startswith("R-6  No payment has a fence above its charge's")
    assert told[0].endswith("(40 rows)")
    assert "payment_key=" in told[1]
    assert told[-1] == "    … and 20 more"


def test_progress_is_told_of_every_invariant_once(good: Path) -> None:
    told: list[tuple[Invariant, float]] = []
    report = audit(str(good), progress=lambda each, share: told.append((each, share)))
    assert sorted(each.id for each, _ in told) == sorted(each.id for each in report.checked)
    shares = [share for _, share in told]
    assert shares == sorted(shares)
    assert 0 < shares[0] < shares[-1] == 1


def test_an_id_is_that_of_one_invariant_and_has_a_sentence() -> None:
    names = [each.id for each in INVARIANTS]
    assert len(set(names)) == len(names)
    assert not set(names) & set(BEYOND)
    assert all(each.sentence.endswith(".") for each in INVARIANTS)


def test_every_query_names_the_invariants_that_name_it() -> None:
    named = {
        check: {each.id for each in INVARIANTS if check in each.checks}
        for each in INVARIANTS
        for check in each.checks
    }
    for name, text in queries().items():
        told = set(re.findall(r"'([A-Z]+-[0-9]+)\??\s'", text))
        if name.startswith("audit_") and told:
            assert told == named.get(name), name
    helping = {"audit_units", "audit_size"}
    asked = {name for name in queries() if name.startswith("audit_")}
    assert asked - helping <= named.keys()


# ── A second process ─────────────────────────────────────────────────────────────────────────────


def test_a_large_file_is_audited_by_two_processes(
    good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    by = spoiling("a reservation of a part")
    path = str(spoiled(good, by, tmp_path / "spoiled.db"))
    alone = audit(path)
    monkeypatch.setattr(auditor, "MANY_CHARGES", 0)
    together = audit(path)
    assert together.violations == alone.violations
    assert together.checked == alone.checked


def test_a_helper_finds_what_the_auditor_would_find(good: Path, tmp_path: Path) -> None:
    path = spoiled(good, spoiling("a reservation of a part"), tmp_path / "spoiled.db")
    with SQLiteSnapshot(path) as snapshot, Helper(path) as helper:
        assert helper.begin_with(snapshot)
        context = context_of(snapshot, real_now(), quiescent=False)
        with helper.second(context) as carry_out:
            assert carry_out("audit_chain") == {}
            found = carry_out("audit_charges")
    assert found["M-2"].count == 1
    assert found["M-2"].rows[0]["charge_id"] == "reserved"


def test_a_helper_that_dies_is_done_without(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(auditor, "MANY_CHARGES", 0)
    begin_with = Helper.begin_with

    def dies(self: Helper, snapshot: SQLiteSnapshot) -> bool:
        together = begin_with(self, snapshot)
        self._process.kill()
        return together

    monkeypatch.setattr(Helper, "begin_with", dies)
    report = audit(str(good))
    assert report.ok
    assert len(report.checked) == len([each for each in INVARIANTS if not each.quiescent])


def test_a_large_postgresql_database_is_audited_by_two_connections(
    told_on_postgresql: str, postgresql_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with fresh_database(postgresql_url, template=told_on_postgresql) as url:
        execute(url, "UPDATE payments SET fence = 9 WHERE charge_id = 'reserved'")
        alone = audit(url)
        monkeypatch.setattr(auditor, "MANY_CHARGES", 0)
        together = audit(url)
    assert together.violations == alone.violations
    assert together.checked == alone.checked


@contextmanager
def somebody_writing(path: Path) -> Iterator[None]:
    """A clock that never stops moving."""
    stop = Event()

    def write() -> None:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            connection.execute("PRAGMA synchronous = OFF")
            while not stop.wait(0.0005):
                connection.execute("UPDATE sales_units SET clock_offset_ms = clock_offset_ms + 1")

    thread = Thread(target=write)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def test_two_snapshots_are_of_one_moment_while_somebody_writes(good: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(good, tmp_path / "busy.db"))

    def offset(snapshot: SQLiteSnapshot) -> int:
        [[(found,)]] = snapshot._read("SELECT MAX(clock_offset_ms) FROM sales_units", {})[1]
        return int(found)

    seen = set()
    with somebody_writing(path), SQLiteSnapshot(path) as one, SQLiteSnapshot(path) as other:
        for _ in range(25):
            if begin_together(one, other.begin):
                seen.add(offset(one))
                assert offset(one) == offset(other)
    assert len(seen) > 1


# ── Damage ───────────────────────────────────────────────────────────────────────────────────────


def damaged(good: Path, table: str, path: Path) -> Path:
    """A copy in which the first page of a table is nonsense."""
    shutil.copy(good, path)
    with closing(sqlite3.connect(path)) as connection:
        [(page,)] = connection.execute(
            "SELECT rootpage FROM sqlite_schema WHERE name = ?", (table,)
        )
        [(size,)] = connection.execute("PRAGMA page_size")
    content = bytearray(path.read_bytes())
    content[(page - 1) * size : page * size] = b"\xff" * size
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("many_charges", [0, 1000], ids=["two processes", "one process"])
@pytest.mark.parametrize("table", ["events", "charges", "payments", "payments_open"])
def test_damage_is_found_and_stops_nothing(
    table: str, many_charges: int, good: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(auditor, "MANY_CHARGES", many_charges)
    report = audit(str(damaged(good, table, tmp_path / "damaged.db")))
    assert ids(report.violations) == ["PH-1"]
    checked = {each.id for each in report.checked}
    assert "I-2" in checked
    assert checked < {each.id for each in INVARIANTS if not each.quiescent}


@pytest.mark.parametrize("table", ["sales_units", "migrations"])
def test_damage_that_leaves_no_ground_to_stand_on(table: str, good: Path, tmp_path: Path) -> None:
    with pytest.raises(AuditImpossible, match="malformed"):
        audit(str(damaged(good, table, tmp_path / "damaged.db")))


# ── Where there is nothing to audit ──────────────────────────────────────────────────────────────


@pytest.fixture
def other(tmp_path: Path) -> Path:
    """Somebody else's SQLite file."""
    path = tmp_path / "other.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE recipes (name TEXT)")
    return path


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(AuditImpossible, match=r"^There is no file .*nowhere\.db\.$"):
        audit(str(tmp_path / "nowhere.db"))
    assert not (tmp_path / "nowhere.db").exists()


def test_a_folder(tmp_path: Path) -> None:
    with pytest.raises(AuditImpossible, match="is a folder; name the database file in it"):
        audit(str(tmp_path))


def test_a_file_that_is_no_database(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("Dear auditor,\n" * 100)
    with pytest.raises(AuditImpossible, match=r"letter\.txt is not a database of avtale\.$"):
        audit(str(tmp_path / "letter.txt"))


def test_somebody_elses_database(other: Path) -> None:
    with pytest.raises(AuditImpossible, match=r"other\.db is not a database of avtale\.$"):
        audit(str(other))


def test_an_empty_file(tmp_path: Path) -> None:
    (tmp_path / "empty.db").touch()
    with pytest.raises(AuditImpossible, match="is not a database of avtale"):
        audit(str(tmp_path / "empty.db"))


def test_a_newer_database(good: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(good, tmp_path / "newer.db"))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("INSERT INTO migrations VALUES (9999, 'tomorrow')")
    with pytest.raises(AuditImpossible, match=r"newer avtale \(its schema is number 9999.*update"):
        audit(str(path))


def test_an_older_database(good: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        snapshots,
        "migrations",
        lambda: [Migration(number, "step", "") for number in range(1, 9999)],
    )
    with pytest.raises(AuditImpossible, match=r"older avtale .*migrate it first"):
        audit(str(good))


def test_a_database_in_memory() -> None:
    with pytest.raises(AuditImpossible, match="keeps nothing"):
        audit("memory:")


def test_rules_that_cannot_be_read(good: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(good, tmp_path / "rules.db"))
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("""UPDATE sales_units SET rules = '{"leadDays": 0}'""")
    with pytest.raises(AuditImpossible, match="rules that cannot be read: No rule 'leadDays'"):
        audit(str(path))


def test_a_copy_in_a_folder_that_cannot_be_written(good: Path, tmp_path: Path) -> None:
    folder = tmp_path / "archive"
    folder.mkdir()
    path = Path(shutil.copy(good, folder / "copy.db"))
    folder.chmod(0o500)
    try:
        assert audit(str(path)).ok
    finally:
        folder.chmod(0o700)


# ── PostgreSQL ───────────────────────────────────────────────────────────────────────────────────


def execute(url: str, *statements: str) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(url)
        try:
            for statement in statements:
                await connection.execute(statement)
        finally:
            await connection.close()

    asyncio.run(run())


def test_a_server_that_is_not_there() -> None:
    with pytest.raises(AuditImpossible, match=r"^The database cannot be read: "):
        audit("postgresql://nobody@127.0.0.1:1/nowhere")


def test_somebody_elses_postgresql_database(postgresql_url: str) -> None:
    sentence = r"^The database is not one of avtale\.$"
    with fresh_database(postgresql_url) as url, pytest.raises(AuditImpossible, match=sentence):
        audit(url)


@pytest.mark.parametrize(
    ("id_", "statements"),
    [
        ("H-4", ["ALTER TABLE charge_history DISABLE TRIGGER charge_history_is_kept"]),
        (
            "H-4",
            [
                """CREATE OR REPLACE FUNCTION history_is_kept() RETURNS trigger LANGUAGE plpgsql
                AS 'BEGIN RETURN OLD; END'"""
            ],
        ),
        ("I-2", ["DROP TRIGGER answers_stand ON idempotency_keys"]),
        ("PH-3", ["DROP INDEX charges_to_wake"]),
        ("PH-3", ["ALTER TABLE payments ADD CHECK (asks < 1000) NOT VALID"]),
        ("PH-3", ["ALTER TABLE charges DROP CONSTRAINT charges_check"]),
        ("PH-3", ["ALTER TABLE charges DISABLE TRIGGER ALL"]),
        (
            "M-5",
            ["UPDATE charges SET transaction_type = 'DIRECT_CAPTURE' WHERE charge_id = 'charged'"],
        ),
        ("R-6", ["UPDATE payments SET fence = 9 WHERE charge_id = 'reserved'"]),
        ("R-5", ["UPDATE gateway_ledger SET result = 'DECLINED' WHERE charge_id = 'reserved'"]),
        ("H-5", ["UPDATE charges SET chain = 'torn' WHERE charge_id = 'charged'"]),
        ("E-1", ["DELETE FROM events WHERE subject = 'direct'"]),
        ("I-7", ["""DELETE FROM idempotency_keys WHERE body = '{"chargeId":"charged"}'"""]),
        ("T-7", ["UPDATE payments SET run_at = run_at - 86400000 WHERE charge_id = 'reserved'"]),
        ("T-8", ["UPDATE charges SET due = due + 86400000 WHERE charge_id = 'pending'"]),
    ],
)
def test_what_is_broken_is_named_on_postgresql_too(
    id_: str, statements: list[str], told_on_postgresql: str, postgresql_url: str
) -> None:
    with fresh_database(postgresql_url, template=told_on_postgresql) as url:
        execute(url, *statements)
        assert ids(audit(url).violations) == [id_]
