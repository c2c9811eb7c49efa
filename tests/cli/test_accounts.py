"""`avtale accounts` on a database."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.cli.terminal import AVTALE, avtale, plain_environment

PASSWORD = "correct horse battery"


def run(folder: Path, *words: str, said: str = "") -> tuple[int, str, str]:
    """A command on a database of this test's own, with something on standard input."""
    ran = subprocess.run(
        [*AVTALE, "accounts", *words, "--data", "people.db"],
        cwd=folder,
        env=plain_environment(),
        input=said,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return ran.returncode, ran.stdout, ran.stderr


def test_an_account_from_its_making_to_its_end(tmp_path: Path) -> None:
    made = run(tmp_path, "add", "kari", "--role", "developer", "--password-stdin", said=PASSWORD)
    assert made == (0, "kari can sign in, as developer.\n", "")
    assert "developer" in run(tmp_path, "list")[1]
    assert run(tmp_path, "role", "kari", "viewer")[1] == "kari is viewer.\n"
    assert run(tmp_path, "password", "kari", "--password-stdin", said=PASSWORD + "!")[0] == 0
    assert run(tmp_path, "disable", "kari")[0] == 0
    assert "Disabled" in run(tmp_path, "list")[1]
    assert run(tmp_path, "enable", "kari")[0] == 0
    assert run(tmp_path, "remove", "kari") == (0, "kari is gone.\n", "")
    assert "nobody can sign in" in run(tmp_path, "list")[1]


@pytest.mark.parametrize(
    ("words", "said", "says"),
    [
        (["add", "kari", "--password-stdin"], "short", "12 to 128 characters"),
        (["add", "k ri", "--password-stdin"], PASSWORD, "letters, digits"),
        (["add", "kari"], "", "--password-stdin"),
        (["disable", "nobody"], "", "no account nobody"),
        (["role", "nobody", "viewer"], "", "no account nobody"),
    ],
)
def test_what_will_not_do_is_said(tmp_path: Path, words: list[str], said: str, says: str) -> None:
    code, out, err = run(tmp_path, *words, said=said)
    assert code in {1, 2}
    assert out == ""
    assert says in err


def test_a_name_is_taken_once(tmp_path: Path) -> None:
    for code in (0, 1):
        assert run(tmp_path, "add", "kari", "--password-stdin", said=PASSWORD)[0] == code


def test_memory_has_no_accounts(tmp_path: Path) -> None:
    code, _, err = avtale("accounts", "list", "--data", "memory:", folder=tmp_path)
    assert code == 2
    assert "another process" in err
