"""What is sent is signed as the vendor's own example is, and as others reckon it out."""

from __future__ import annotations

import base64
import json
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest

from avtale.webhooks.signing import (
    content_sha256,
    http_date,
    signature,
    signed_headers,
    string_to_sign,
    target_of,
)

SECRET = "A0+AeKBRG2KRGvnNwJpQlb6IJFk48CKXCIcrLoHncVJKDILsQSxS6NWCccwWm6r6FhGKhiHTBsG2wo/xU6FY/A=="
URL = "https://webhook.site/e2cee29b-012e-4f1d-8ef4-e95fd74a7a63"
BODY = b'{"some-unique-content":"ee6e441b-cc4a-46f8-895d-a5af79bcc233/hello-world"}'
THEN = datetime(2023, 3, 30, 8, 38, 32, tzinfo=UTC)
ID = "0b5c1f2e-8f0a-4a3e-9a53-3d2a2a8f6a11"


def test_the_vendor_s_example_comes_out() -> None:
    assert content_sha256(BODY) == "lNlsp1XA03N34HrQsVzPgJKtC+r7l/RBF4V3JQUWMj4="
    headers = signed_headers(URL, BODY, SECRET, THEN, webhook_id=ID)
    assert headers["x-ms-date"] == "Thu, 30 Mar 2023 08:38:32 GMT"
    assert headers["Host"] == "webhook.site"
    assert headers["Authorization"] == (
        "HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256"
        "&Signature=agAiSyogQbDHpeucoNwYz+yAr5nJ+v+zasdkSbqzv+U="
    )
    assert headers["X-Vipps-Authorization"] == headers["Authorization"]
    assert headers["webhook-id"] == ID
    assert headers["Content-Type"] == "application/json; charset=utf-8"


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl on this machine")
def test_openssl_reckons_the_same(tmp_path: Path) -> None:
    """`openssl dgst -sha256 -binary | base64`, and the same with `-mac HMAC -macopt hexkey:`."""
    body = '{"eventType":"recurring.charge-captured.v1","amount":49900,"æ":"ø"}'.encode()
    url, at = "http://127.0.0.1:3000/hook?a=1&b=%20", datetime(2026, 11, 4, 8, tzinfo=UTC)
    (tmp_path / "body").write_bytes(body)
    headers = signed_headers(url, body, "the secret", at, webhook_id=ID)
    assert headers["x-ms-content-sha256"] == openssl(tmp_path / "body")
    assert headers["Host"] == "127.0.0.1:3000"
    to_sign = (
        "POST\n/hook?a=1&b=%20\nWed, 04 Nov 2026 08:00:00 GMT;127.0.0.1:3000;"
        + headers["x-ms-content-sha256"]
    )
    (tmp_path / "to-sign").write_text(to_sign, "utf-8")
    key = "-mac", "HMAC", "-macopt", f"hexkey:{b'the secret'.hex()}"
    assert headers["Authorization"].endswith(f"&Signature={openssl(tmp_path / 'to-sign', *key)}")


def openssl(file: Path, *more: str) -> str:
    ran = subprocess.run(
        ["openssl", "dgst", "-sha256", *more, "-binary", str(file)], capture_output=True, check=True
    )
    return base64.b64encode(ran.stdout).decode()


NODE = """
const crypto = require('crypto');
const { url, headers, body, secret } = JSON.parse(require('fs').readFileSync(0));
const at = Object.fromEntries(Object.entries(headers).map(([k, v]) => [k.toLowerCase(), v]));
const hash = crypto.createHash('sha256').update(body, 'utf8').digest('base64');
const { pathname, search, host } = new URL(url);
const toSign = `POST\\n${pathname}${search}\\n${at['x-ms-date']};${host};${hash}`;
const mac = crypto.createHmac('sha256', secret).update(toSign).digest('base64');
const expected = `HMAC-SHA256 SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature=${mac}`;
console.log(at.authorization === expected && hash === at['x-ms-content-sha256']);
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="no Node on this machine")
@pytest.mark.parametrize(
    "url",
    [URL, "https://shop.example", "https://shop.example:443/a", "http://localhost:8080/h?x=1&y=2"],
)
def test_node_s_standard_library_agrees(url: str) -> None:
    headers = signed_headers(url, BODY, SECRET, THEN, webhook_id=ID)
    said = json.dumps({"url": url, "headers": headers, "body": BODY.decode(), "secret": SECRET})
    ran = subprocess.run(
        ["node", "-e", NODE], input=said, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "true"


@pytest.mark.parametrize(
    ("url", "host", "path"),
    [
        ("https://shop.example", "shop.example", "/"),
        ("https://shop.example/", "shop.example", "/"),
        ("https://shop.example:443/h", "shop.example", "/h"),
        ("https://shop.example:8443/h", "shop.example:8443", "/h"),
        ("http://shop.example:80/h?q", "shop.example", "/h?q"),
        ("https://shop.example/h?", "shop.example", "/h?"),
        ("https://shop.example/h#a?b", "shop.example", "/h"),
        ("http://[::1]:8080/h?a=b&c", "[::1]:8080", "/h?a=b&c"),
        ("https://Shop.Example/%C3%A6", "Shop.Example", "/%C3%A6"),
    ],
)
def test_host_and_path_are_signed_as_they_were_registered(url: str, host: str, path: str) -> None:
    assert target_of(url) == (host, path)


def test_dates_are_english_whatever_the_locale() -> None:
    assert http_date(datetime(2026, 5, 9, 7, 4, 5, tzinfo=UTC)) == "Sat, 09 May 2026 07:04:05 GMT"


def test_the_secret_is_taken_as_it_is_and_not_decoded() -> None:
    to_sign = string_to_sign("/", http_date(THEN), "shop.example", content_sha256(b""))
    assert signature(SECRET, to_sign) != signature(base64.b64decode(SECRET).hex(), to_sign)
