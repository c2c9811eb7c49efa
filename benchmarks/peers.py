"""The peers: other people's sandboxes, each doing the work that is most like ours."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from benchmarks.load import Request
from benchmarks.processes import Child, Failed, ask, free_port, running

NODE_PEER: Final = "stripe-stateful-mock"
NODE_PEER_VERSION: Final = "0.0.16"
INSTALL_SECONDS: Final = 120

_STRIPE: Final = {
    "Authorization": "Bearer sk_test_12345",
    "Content-Type": "application/x-www-form-urlencoded",
}
_KEPT_BY_LOCALSTRIPE: Final = Path("/tmp/localstripe.pickle")  # where it writes, whatever one says


class Peer(NamedTuple):
    """A program to run, and its requests once it runs."""

    name: str
    what: str
    """What its operations are, and what it keeps."""
    command: Callable[[int], list[str]]
    requests: Callable[[int], Mapping[str, Request]]
    """By its port: the requests for `create` and `fetch`; makes first what they need."""
    environment: Callable[[int], dict[str, str]] = lambda _port: {}


@contextlib.contextmanager
def serving(peer: Peer, folder: Path) -> Iterator[tuple[Child, int]]:
    """The peer while the block runs."""
    port = free_port()
    with running(peer.command(port), folder, **peer.environment(port)) as child:
        yield child, port


def available(say: Callable[[str], None]) -> list[Peer]:
    """The peers that are installed, or can be; says which are left out, and why."""
    home = Path(os.environ.get("PEERS", ".venv-peers")).absolute()
    found = []
    for make in (_localstripe, _moto, _stripe_stateful_mock):
        try:
            found.append(make(home))
        except Failed as reason:
            say(f"left out: {reason}")
    return found


@contextlib.contextmanager
def nothing_left_behind() -> Iterator[None]:
    """What localstripe keeps outside of its folder is as it was before."""
    before = _KEPT_BY_LOCALSTRIPE.read_bytes() if _KEPT_BY_LOCALSTRIPE.exists() else None
    try:
        yield
    finally:
        if before is None:
            _KEPT_BY_LOCALSTRIPE.unlink(missing_ok=True)
        else:
            _KEPT_BY_LOCALSTRIPE.write_bytes(before)


def _localstripe(home: Path) -> Peer:
    program = _program(home / "bin" / "localstripe")

    def requests(port: int) -> Mapping[str, Request]:
        card = "card[number]=4242424242424242&card[exp_month]=12&card[exp_year]=2040&card[cvc]=123"
        token = _made(port, "/v1/tokens", card)
        customer = _made(port, "/v1/customers", f"source={token}")
        body = f"amount=49900&currency=nok&customer={customer}"
        charge = _made(port, "/v1/charges", body)
        return {
            "create": Request("POST", "/v1/charges", _STRIPE, body),
            "fetch": Request("GET", f"/v1/charges/{charge}", _STRIPE),
        }

    return Peer(
        f"localstripe {_version(home, 'localstripe')}",
        "a charge; writes all it has to one file, without waiting for the disk, at each change",
        lambda port: [program, "--port", str(port), "--from-scratch"],
        requests,
    )


def _moto(home: Path) -> Peer:
    program = _program(home / "bin" / "moto_server")
    version, secret = "DynamoDB_20120810", "AWS4-HMAC-SHA256 Credential=a/20260101/eu-north-1"

    def headers(operation: str) -> dict[str, str]:
        return {
            "X-Amz-Target": f"{version}.{operation}",
            "Content-Type": "application/x-amz-json-1.0",
            "Authorization": f"{secret}/dynamodb/aws4_request, SignedHeaders=host, Signature=a",
        }

    def requests(port: int) -> Mapping[str, Request]:
        table = {
            "TableName": "charges",
            "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
            "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
            "BillingMode": "PAY_PER_REQUEST",
        }
        put = (
            '{"TableName":"charges","Item":{"id":{"S":"chr-%s"},"amount":{"N":"49900"},"currency":{"S":"NOK"},'
            '"description":{"S":"January"},"due":{"S":"2026-12-15"},"retryDays":{"N":"3"}}}'
        )
        for operation, body in (("CreateTable", json.dumps(table)), ("PutItem", put % "0")):
            status, said = ask(port, "POST", "/", headers(operation), body)
            if status >= 300:
                raise Failed(f"moto: {operation} was answered with {status}: {said[:300]}")
        one = '{"TableName":"charges","Key":{"id":{"S":"chr-0"}}}'
        return {
            "create": Request("POST", "/", headers("PutItem"), put % "${n}"),
            "fetch": Request("POST", "/", headers("GetItem"), one),
        }

    return Peer(
        f"moto {_version(home, 'moto')}",
        "an item put into and read from a DynamoDB table; in memory",
        lambda port: [program, "--host", "127.0.0.1", "--port", str(port)],
        requests,
    )


def _stripe_stateful_mock(home: Path) -> Peer:
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise Failed(f"{NODE_PEER} (npm is missing)")
    folder = home / "node"
    package = folder / "node_modules" / NODE_PEER
    if not package.exists():
        folder.mkdir(parents=True, exist_ok=True)
        command = [npm, "install", "--no-audit", "--no-fund", "--prefix", str(folder)]
        try:
            subprocess.run(
                [*command, f"{NODE_PEER}@{NODE_PEER_VERSION}"],
                capture_output=True,
                timeout=INSTALL_SECONDS,
                check=True,
            )
        except (subprocess.SubprocessError, OSError) as error:
            raise Failed(f"{NODE_PEER} (npm could not install it)") from error

    def requests(port: int) -> Mapping[str, Request]:
        body = "amount=49900&currency=nok&source=tok_visa"
        charge = _made(port, "/v1/charges", body)
        return {
            "create": Request("POST", "/v1/charges", _STRIPE, body),
            "fetch": Request("GET", f"/v1/charges/{charge}", _STRIPE),
        }

    installed = json.loads((package / "package.json").read_text("utf-8"))["version"]
    return Peer(
        f"{NODE_PEER} {installed}",
        "a charge; in memory",
        lambda _port: [node, str(package / "dist" / "cli.js")],
        requests,
        lambda port: {"PORT": str(port), "LOG_LEVEL": "silent"},
    )


def _made(port: int, path: str, body: str) -> str:
    status, said = ask(port, "POST", path, _STRIPE, body)
    if status >= 300:
        raise Failed(f"{path} was answered with {status}: {said[:300]}")
    made: str = json.loads(said)["id"]
    return made


def _program(path: Path) -> str:
    if not path.exists():
        raise Failed(f"{path.name} (run by `make bench`, which installs it)")
    return str(path)


def _version(home: Path, package: str) -> str:
    for found in home.glob(f"lib/python*/site-packages/{package}-*.dist-info"):
        return found.name.removeprefix(f"{package}-").removesuffix(".dist-info")
    return ""
