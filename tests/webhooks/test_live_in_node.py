"""Live deliveries, verified by a receiver of another language that knows nothing of avtale."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.support import installation
from tests.webhooks.registering import register

NODE = shutil.which("node")
RECEIVER = Path(__file__).with_name("receiver.mjs")


@pytest.mark.skipif(NODE is None, reason="there is no Node.js on this machine")
async def test_node_s_standard_library_verifies_live_deliveries() -> None:
    pipe = asyncio.subprocess.PIPE
    node = await asyncio.create_subprocess_exec(str(NODE), str(RECEIVER), stdin=pipe, stdout=pipe)
    assert node.stdin is not None
    assert node.stdout is not None

    async def line() -> Any:
        async with asyncio.timeout(20):
            return json.loads((await node.stdout.readline()).decode())  # type: ignore[union-attr]

    try:
        port = await line()
        async with installation(work=True) as house:
            shop = await house.shop()
            made = await register(shop, f"http://127.0.0.1:{port}/hook?shop=1&x=%C3%A6")
            node.stdin.write(made["secret"].encode() + b"\n")
            assert (await node.stdout.readline()).strip() == b"ready"
            agreement_id = await shop.agreed()
            await shop.stop(agreement_id)
            told = [await line() for _ in range(2)]
        assert [each["found"] for each in told] == ["genuine", "genuine"]
        assert [each["type"] for each in told] == [
            "recurring.agreement-activated.v1",
            "recurring.agreement-stopped.v1",
        ]
        assert told[0]["id"] != told[1]["id"]
    finally:
        node.kill()
        await node.wait()
