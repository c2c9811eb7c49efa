"""The guide as a Postman collection: complete, with nothing of anybody's in it, and green from top to bottom."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from avtale.api.routes import ROUTES
from avtale.cli import main
from avtale.cli.guide import SECRETS, VARIABLES, steps
from avtale.testing.background import Background

HERE = Path(__file__).parent
COLLECTION = "recurring.postman_collection.json"
ENVIRONMENT = "recurring.postman_environment.json"


def newman() -> str | None:
    """Where newman is, if anywhere."""
    own = HERE / "node_modules" / ".bin" / "newman"
    return str(own) if own.exists() else shutil.which("newman")


def exported(folder: Path, *words: str) -> tuple[Any, Any]:
    assert main(["postman", "export", str(folder), *words]) == 0
    return tuple(
        json.loads((folder / name).read_text("utf-8")) for name in (COLLECTION, ENVIRONMENT)
    )


def items(of: Any) -> Iterator[Any]:
    for item in of["item"]:
        if "item" in item:
            yield from items(item)
        else:
            yield item


def test_every_operation_of_the_api_is_there() -> None:
    def plain(path: str) -> str:
        return re.sub(r"\{+\w+\}+", "{}", path.partition("?")[0])

    there = {(step.method, plain(step.path)) for step in steps()}
    assert {(route.method, plain(route.template)) for route in ROUTES} <= there


def test_every_request_and_variable_that_the_guide_names_is_there(tmp_path: Path) -> None:
    collection, environment = exported(tmp_path)
    names = {item["name"] for item in items(collection)}
    assert names >= {
        "Get Access Token",
        "Draft Agreement - Legacy pricing",
        "Draft Agreement - Legacy pricing and direct capture initial charge",
        "Draft Agreement - Legacy pricing and reserve initial charge",
        "Draft Agreement - Profile sharing flow",
        "Get Agreement",
        "Get Userinfo",
        "List Agreements",
        "Update agreement",
        "Stop agreement",
        "Create Charge - Direct capture",
        "Create Charge - Reserve capture",
        "Get Charge",
        "List Charges",
        "Cancel Charge",
        "Refund Charge",
        "Capture reserved charge",
    }
    variables = {each["key"] for each in environment["values"]}
    assert variables >= {
        *("client_id", "client_secret", "Ocp-Apim-Subscription-Key", "merchantSerialNumber"),
        *("mobileNumber", "agreementId", "chargeId", "sub", "landing_page_url", "access_token"),
        *(f"Idempotency-Key-{each}" for each in ("Draft", "Create", "Capture", "Refund")),
    }


def test_every_variable_that_is_used_is_in_the_environment(tmp_path: Path) -> None:
    collection, _ = exported(tmp_path)
    used = set(re.findall(r"\{\{([\w-]+)\}\}", json.dumps(collection)))
    assert used - set(VARIABLES) == set()


def test_no_key_is_in_it_unless_it_is_for_a_sandbox(tmp_path: Path) -> None:
    _, environment = exported(tmp_path / "theirs")
    values = {each["key"]: each for each in environment["values"]}
    assert all(values[name]["value"] == "" for name in (*SECRETS, "client_id", "mobileNumber"))
    assert all(values[name]["type"] == "secret" for name in SECRETS)
    _, local = exported(tmp_path / "ours", "--local", "--url", "http://127.0.0.1:9000")
    values = {each["key"]: each["value"] for each in local["values"]}
    assert values["base_url"] == "http://127.0.0.1:9000"
    assert values["merchantSerialNumber"] == "123456"
    assert values["sandbox"] == "true"


def test_importing_again_replaces_what_was_imported(tmp_path: Path) -> None:
    first, _ = exported(tmp_path / "first")
    second, _ = exported(tmp_path / "second")
    assert first == second
    ids = [item["id"] for item in items(first)]
    assert len(ids) == len(set(ids))


def test_nothing_is_written_over_unless_it_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exported(tmp_path)
    assert main(["postman", "export", str(tmp_path)]) == 2
    assert "--force" in capsys.readouterr().err
    exported(tmp_path, "--force")
    assert main(["postman", "export", "/proc/nowhere"]) == 2


@pytest.mark.skipif(newman() is None, reason="newman is not here: it comes with Node.js and npm")
def test_the_whole_collection_is_green_and_is_so_again(tmp_path: Path) -> None:
    server = Background()
    try:
        exported(tmp_path, "--local", "--url", server.url)
        # A second time on the same sandbox, whose clock has gone ahead meanwhile.
        for _ in range(2):
            ran = subprocess.run(
                [str(newman()), "run", COLLECTION, "-e", ENVIRONMENT, "--color", "off"],
                cwd=tmp_path,
                capture_output=True,
                text=True,
                timeout=60,
                check=False,
            )
            assert ran.returncode == 0, ran.stdout[-4000:]
            assert "is PARTIALLY_REFUNDED" in ran.stdout
    finally:
        server.stop()
