"""What the client costs beside a bare HTTP client, and how fast many charges go in; `python -m benchmarks.client`."""

from __future__ import annotations

import argparse
import resource
import tempfile
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Final

import httpx

from avtale.client import BulkCharge, Client, LegacyPricing
from avtale.operations.sales_units import PUBLIC_CREDENTIALS, PUBLIC_UNIT
from benchmarks.installation import up
from benchmarks.processes import first_answer, free_port, running

CALLS: Final = 300
ROUNDS: Final = 5
CHARGES: Final = 100_000


def main() -> None:
    """Measure both, and print them."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--charges", type=int, default=CHARGES)
    charges = options.parse_args().charges
    with tempfile.TemporaryDirectory(prefix="avtale-bench-") as folder:
        port = free_port()
        with running(up(str(Path(folder) / "avtale.db"), port), Path(folder)) as child:
            first_answer(child, port, "GET", "/livez")
            with Client(
                base_url=f"http://127.0.0.1:{port}",
                client_id=PUBLIC_CREDENTIALS.client_id,
                client_secret=PUBLIC_CREDENTIALS.client_secret,
                subscription_key=PUBLIC_CREDENTIALS.subscription_key,
                merchant_serial_number=PUBLIC_UNIT,
            ) as client:
                agreement_id = _active(client)
                _overhead(client, agreement_id)
                _bulk(client, agreement_id, charges)


def _active(client: Client) -> str:
    drafted = client.draft_agreement(
        product_name="Premier League",
        pricing=LegacyPricing(499_00, "NOK"),
        merchant_redirect_url="https://nordic.example/thanks",
        merchant_agreement_url="https://nordic.example/account",
    )
    client.accept_agreement(drafted.agreement_id, phone_number="4791234567")
    return drafted.agreement_id


def _overhead(client: Client, agreement_id: str) -> None:
    """The same read by both, in turn."""
    headers = {**client.setup.headers, "Authorization": f"Bearer {client.fetch_token()}"}
    url = f"{client.setup.url}/recurring/v3/agreements/{agreement_id}"
    with httpx.Client() as bare:
        works: dict[str, Callable[[], object]] = {
            "bare": lambda: bare.get(url, headers=headers).json(),
            "client": lambda: client.fetch_agreement(agreement_id),
        }
        found: dict[str, list[float]] = {name: [] for name in works}
        for _ in range(ROUNDS):
            for name, work in works.items():
                begin = perf_counter()
                for _ in range(CALLS):
                    work()
                found[name].append((perf_counter() - begin) / CALLS * 1e6)
    bare_us, client_us = (median(found[name]) for name in works)
    print(
        f"a read: {bare_us:.0f} µs with a bare client, {client_us:.0f} µs with ours, ratio {client_us / bare_us:.2f}"
    )


def _bulk(client: Client, agreement_id: str, number: int) -> None:
    """Any number of charges, from a generator."""
    due = datetime.now(UTC).date() + timedelta(days=10)

    def charges() -> Iterator[BulkCharge]:
        for i in range(number):
            yield BulkCharge(
                agreement_id=agreement_id,
                amount=499_00,
                description="January",
                due=due,
                order_id=f"bulk-{i}",
            )

    before = _peak_mib()
    begin = perf_counter()
    accepted = sum(result.is_accepted for result in client.charge_all(charges()))
    seconds = perf_counter() - begin
    print(
        f"bulk: {accepted:,} of {number:,} charges accepted in {seconds:.1f} s, {accepted / seconds:,.0f}/s, "
        f"{_peak_mib() - before:.0f} MiB more at the peak"
    )


def _peak_mib() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    main()
