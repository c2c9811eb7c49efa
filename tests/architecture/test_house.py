"""The house rules: sizes, layers, pins, and what nobody may reach for."""

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from importlinter.cli import lint_imports

import avtale
from tests.conftest import fresh_database

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "avtale"
MODULES = sorted(SOURCE.rglob("*.py"))
LOCKS = sorted((ROOT / "requirements").glob("*.txt"))

FILE_LINES = 400
FUNCTION_LINES = 50
# What is longer, by name and with a reason: "engine/engine.py" or "engine/engine.py:decide".
# An entry that is no longer needed is a failure too.
LONGER: dict[str, str] = {}

# Written so that this file does not find itself.
STRAY = {
    "a path of one machine": re.compile(
        r"(?<![\w./-])/([w]ork|[f]arm|[h]ome|[U]sers)/[\w.-]|[f]ile:///|[A-Z]:\\[U]sers"
    ),
    "a download address": re.compile(
        r"[p]ypi\.org|[p]ythonhosted\.org|registry\.[n]pmjs|registry\.[y]arnpkg|deb\.[d]ebian\.org"
        r"|(--|_)(extra-)?[i]ndex-url|[f]ind-links|\"[r]esolved\": *\"http"
    ),
}

RUNS_SQL = {"copy_from_query", "cursor", "execute", "executemany", "executescript", "fetchmany"}
RUNS_SQL |= {"fetch", "fetchrow", "fetchval", "prepare"}
SQL = re.compile(
    r"\s*(SELECT|INSERT|UPDATE|DELETE|CREATE|ALTER|DROP|WITH|PRAGMA|BEGIN|SET|ATTACH|TRUNCATE)\s",
    re.IGNORECASE,
)

PIN = re.compile(
    r"(?P<name>[a-z0-9-]+)(\[[a-z0-9,-]+\])?==(?P<version>[\w.!+]+)( ; [^\\]+?)?"
    r"( --hash=sha256:[0-9a-f]{64})+"
)


def name_of(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def each_module() -> pytest.MarkDecorator:
    return pytest.mark.parametrize("path", MODULES, ids=name_of)


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text("utf-8"), str(path))


@cache
def project() -> dict[str, Any]:
    return tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))


# ── Small enough to see ──────────────────────────────────────────────────────────────────────────


@each_module()
def test_a_file_is_small_enough_to_see(path: Path) -> None:
    lines = len(path.read_text("utf-8").splitlines())
    assert (lines > FILE_LINES) is (name_of(path) in LONGER), f"{lines} lines"


@each_module()
def test_a_function_is_small_enough_to_see(path: Path) -> None:
    functions = [
        node
        for node in ast.walk(tree_of(path))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    lengths = {
        f"{name_of(path)}:{function.name}": (function.end_lineno or 0) - function.lineno + 1
        for function in functions
    }
    too_long = {name: lines for name, lines in lengths.items() if lines > FUNCTION_LINES}
    assert too_long.keys() == LONGER.keys() & lengths.keys(), too_long


@each_module()
def test_a_module_opens_with_a_sentence(path: Path) -> None:
    docstring = ast.get_docstring(tree_of(path)) or ""
    first_line = docstring.partition("\n")[0]
    assert re.fullmatch(r".*\w.*[.!?]", first_line), f"{name_of(path)} opens with {first_line!r}"


# ── Layers ───────────────────────────────────────────────────────────────────────────────────────


def test_imports_point_inwards() -> None:
    configuration = str(ROOT / "pyproject.toml")
    assert lint_imports(config_filename=configuration, no_cache=True, no_logo=True) == 0


def test_every_rule_keeps_away_from_network_disk_and_framework() -> None:
    """The innermost layer is listed in one contract and watched over by the next."""
    layers, purity, *_ = project()["tool"]["importlinter"]["contracts"]
    rules = {f"avtale.{name}" for name in layers["layers"][-1].split(" : ")}
    assert set(purity["source_modules"]) == rules | {"avtale.operations", "avtale.wire"}


def test_importing_avtale_brings_nothing_along() -> None:
    """The commands start at once, and `pip install avtale` works without the server's parts."""
    program = (
        "import sys; known = set(sys.modules); import avtale; print(*set(sys.modules) - known)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert answer.stdout.split() == ["avtale"]


# ── Time, chance and SQL ─────────────────────────────────────────────────────────────────────────


def reached_for(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield every imported name that the module mentions, spelled out in full, with its line."""
    known: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                known[alias.asname or alias.name.partition(".")[0]] = (
                    alias.name if alias.asname else alias.name.partition(".")[0]
                )
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                known[alias.asname or alias.name] = f"{node.module}.{alias.name}"
                yield node.lineno, f"{node.module}.{alias.name}"
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute):
            head, _, rest = ast.unparse(node).partition(".")
            if head in known:
                yield node.lineno, f"{known[head]}.{rest}"


def banned(name: str) -> bool:
    names: dict[str, Any] = project()["tool"]["ruff"]["lint"]["flake8-tidy-imports"]["banned-api"]
    return any(name == each or name.startswith(f"{each}.") for each in names)


def may_reach(path: Path) -> bool:
    ignores: dict[str, list[str]] = project()["tool"]["ruff"]["lint"]["per-file-ignores"]
    relative = path.relative_to(ROOT).as_posix()
    return any(
        fnmatch(relative, pattern) for pattern, rules in ignores.items() if "TID251" in rules
    )


@each_module()
def test_only_the_doors_of_time_and_chance_read_a_clock_or_draw_a_number(path: Path) -> None:
    if may_reach(path):
        return
    found = [f"line {line}: {name}" for line, name in reached_for(tree_of(path)) if banned(name)]
    assert not found, found


@pytest.mark.parametrize(
    "source",
    [
        "import time\ntime.time()",
        "from time import time as clock",
        "import datetime as dt\nstarted = dt.datetime.now(dt.UTC)",
        "from datetime import date, datetime\nfield(default_factory=datetime.now)",
        "from datetime import date\ntoday = date.today()",
        "import random",
        "from secrets import token_bytes",
        "import os\nos.urandom(16)",
        "import uuid\nuuid.uuid4()",
    ],
)
def test_a_clock_or_a_die_is_recognised_in_any_spelling(source: str) -> None:
    assert any(banned(name) for _, name in reached_for(ast.parse(source)))


@pytest.mark.parametrize(
    "source",
    [
        "from datetime import UTC, datetime\ndatetime.fromisoformat(text)",
        "import uuid\nuuid.UUID(bytes=given, version=4)",
        "now = self.clock.now()",
        "import time\ntime.monotonic()",
    ],
)
def test_given_time_and_given_randomness_are_welcome(source: str) -> None:
    assert not any(banned(name) for _, name in reached_for(ast.parse(source)))


def composed_sql(tree: ast.Module) -> Iterator[str]:
    """Yield every statement put together out of values where it is run (reliability I-8)."""
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
            continue
        statement = node.args[0]
        plain = isinstance(statement, ast.Constant | ast.Name | ast.Attribute | ast.Subscript)
        words = [part.value for part in ast.walk(statement) if isinstance(part, ast.Constant)]
        looks_like_sql = any(isinstance(word, str) and SQL.match(word) for word in words)
        if node.func.attr in RUNS_SQL and looks_like_sql and not plain:
            yield f"line {node.lineno}: {ast.unparse(statement)}"


@each_module()
def test_sql_is_put_together_in_storage_or_nowhere(path: Path) -> None:
    if name_of(path).startswith("storage/"):
        return
    assert not list(composed_sql(tree_of(path)))


@pytest.mark.parametrize(
    ("source", "composed"),
    [
        ('db.execute(f"SELECT * FROM charges WHERE id = {given}")', True),
        ('db.execute("DELETE FROM charges WHERE id = " + given)', True),
        ('db.fetchrow("SELECT * FROM %s" % given)', True),
        ('db.fetch("SELECT * FROM {}".format(given))', True),
        ('db.execute("SELECT * FROM charges WHERE id = $1", given)', False),
        ("db.execute(queries.charges, given)", False),
        ('client.fetch(f"/recurring/v3/agreements/{given}")', False),
    ],
)
def test_composed_sql_is_recognised(source: str, composed: bool) -> None:
    assert bool(list(composed_sql(ast.parse(source)))) is composed


# ── What is in the repository ────────────────────────────────────────────────────────────────────


def repository_files() -> list[Path]:
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "ls-files", "-zco", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("Not a git checkout, so there is no list of the project's own files.")
    return [path for name in listed.stdout.split("\0") if name and (path := ROOT / name).is_file()]


@pytest.mark.parametrize("what", STRAY)
def test_the_project_speaks_of_itself_alone(what: str) -> None:
    found = []
    for path in repository_files():
        text = path.read_bytes().decode("utf-8", errors="ignore")
        found += [
            f"{path.relative_to(ROOT)}:{number}: {line.strip()[:100]}"
            for number, line in enumerate(text.splitlines(), start=1)
            if STRAY[what].search(line)
        ]
    assert not found, f"{what}: {found}"


def pins(lock: Path) -> dict[str, set[str]]:
    """Every pinned version of every distribution in a lock file; each must carry hashes."""
    text = re.sub(r"\s*\\\n\s*", " ", lock.read_text("utf-8"))
    found: dict[str, set[str]] = {}
    for line in text.splitlines():
        if line.strip() and not line.lstrip().startswith("#"):
            pin = PIN.fullmatch(line)
            assert pin, f"{lock.name}: not a pinned version with hashes: {line[:100]}"
            found.setdefault(pin["name"], set()).add(pin["version"])
    return found


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_requirement_is_pinned_with_its_hashes(lock: Path) -> None:
    assert pins(lock)
    assert "://" not in lock.read_text("utf-8")


def test_what_is_served_is_what_was_tested() -> None:
    served, tested = (pins(ROOT / "requirements" / name) for name in ("server.txt", "dev.txt"))
    assert {name: tested.get(name) for name in served} == served


def test_every_dependency_is_locked() -> None:
    """Whoever adds a dependency runs `make lock`."""
    about = project()["project"]
    named = [*about["dependencies"], *about["optional-dependencies"]["server"]]
    names = {re.split(r"[\[<>=; ]", each)[0].lower() for each in named}
    assert names <= pins(ROOT / "requirements" / "server.txt").keys()


def test_the_build_backend_is_the_locked_one() -> None:
    """Installing the project itself then downloads nothing."""
    [backend] = project()["build-system"]["requires"]
    name, _, version = backend.partition("==")
    assert project()["dependency-groups"]["build"] == [backend]
    assert pins(ROOT / "requirements" / "server.txt")[name] == {version}


def test_the_version_is_the_same_everywhere() -> None:
    assert avtale.__version__ == project()["project"]["version"]


# ── What the tests stand on ──────────────────────────────────────────────────────────────────────


async def test_the_postgresql_of_the_tests_is_durable_and_its_databases_are_their_own(
    postgresql_url: str,
) -> None:
    with fresh_database(postgresql_url) as url:
        connection = await asyncpg.connect(url)
        try:
            assert await connection.fetchval("SHOW fsync") == "on"
            assert await connection.fetchval("SHOW synchronous_commit") == "on"
            assert await connection.fetchval("SELECT count(*) FROM pg_stat_user_tables") == 0
        finally:
            await connection.close()
    with pytest.raises(asyncpg.InvalidCatalogNameError):
        await asyncpg.connect(url)
