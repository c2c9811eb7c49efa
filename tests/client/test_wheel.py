"""The distribution on its own: what `pip install avtale` gives is the client and the commands, and they start fast."""

from __future__ import annotations

import subprocess
import sys
import time
import tomllib
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]


def run(*words: str, folder: Path, **environment: str) -> str:
    ran = subprocess.run(
        [sys.executable, *words],
        cwd=folder,
        env={"PATH": "", **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_the_wheel_holds_everything_and_works_without_the_server(tmp_path: Path) -> None:
    built = "import hatchling.build, sys; print(hatchling.build.build_wheel(sys.argv[1]))"
    name = run("-c", built, str(tmp_path), folder=ROOT).split()[-1]
    with zipfile.ZipFile(tmp_path / name) as wheel:
        names = set(wheel.namelist())
        wheel.extractall(tmp_path / "site")
    assert {"avtale/py.typed", "avtale/client/blocking.py", "avtale/pytest_plugin.py"} <= names
    assert any(each.endswith(".sql") for each in names)
    assert not [each for each in names if "tests" in each or "node_modules" in each]
    # Nothing but what the distribution asks for can be imported there.
    blocked = {"falcon", "granian", "asyncpg", "jinja2", "jwt", "limits", "structlog", "uvloop"}
    program = f"""
import sys
class Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked!r}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Blocked())
from avtale import Client, AsyncClient
from avtale.webhooks import verify
from avtale.cli import main
assert main(["agreements", "--help"]) == 0
assert main(["postman", "export", sys.argv[1]]) == 0
assert main(["up", "--port", "0"]) == 1
"""
    said = run(
        "-c", program, str(tmp_path / "postman"), folder=tmp_path, PYTHONPATH=str(tmp_path / "site")
    )
    assert "Usage: avtale agreements" in said


def test_the_base_needs_an_http_client_shapes_and_a_command_line_and_nothing_else() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    names = {each.partition(">")[0] for each in project["dependencies"]}
    assert names == {"cyclopts", "httpx", "msgspec", "rich"}


def test_importing_takes_less_than_150_milliseconds(tmp_path: Path) -> None:
    def seconds(statement: str) -> float:
        begin = time.perf_counter()
        run("-c", statement, folder=tmp_path)
        return time.perf_counter() - begin

    # The best of several: what else the machine does is not the client's doing.
    bare, ours = (min(seconds(s) for _ in range(7)) for s in ("pass", "from avtale import Client"))
    assert ours - bare < 0.15
