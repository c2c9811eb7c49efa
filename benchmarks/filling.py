"""Filling: any number of charges that are due, with all that belongs to them, made by the rules themselves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import NamedTuple

from avtale.agreements.agreement import Agreement
from avtale.agreements.intervals import Interval
from avtale.agreements.pricing import LegacyPricing, charge_ceiling
from avtale.api.links import LANDING_MARK
from avtale.charges.charge import Charge
from avtale.engine.rows import StoredAnswer
from avtale.engine.world import Needs, World
from avtale.events import AgreementHappened
from avtale.instants import to_milliseconds
from avtale.operations.sales_units import PUBLIC_UNIT
from avtale.payers import made_up_payer
from avtale.rulebook import rulebook_for
from benchmarks.databases import Database

RULES = rulebook_for("test", "NO")
CREATED = datetime(2026, 11, 2, 9, 30, tzinfo=UTC)
DUE_DAY = date(2026, 12, 1)
RUN_AT = RULES.first_attempt_at(DUE_DAY)
LATER = DUE_DAY + timedelta(days=14)
"""A due day for charges that are created over HTTP, once the clock stands at the run."""

PRICE = 499_00
CHARGES_PER_AGREEMENT = 20
PRIME, SPREAD = 7_368_787, 99_999_989
"""Names are spread as widely as real ones: the `i`-th is `i * PRIME % SPREAD`, which no other is."""

CHUNK = 5_000


class Content(NamedTuple):
    """What a database holds: `charges` of the month, the first `reserved` of them not captured at once."""

    charges: int
    reserved: int = 0

    @property
    def agreements(self) -> int:
        """How many agreements the charges belong to; charge `i` to agreement `i % agreements`."""
        return max(1, self.charges // CHARGES_PER_AGREEMENT)


def name(i: int) -> str:
    """The `i`-th name; the load generator works it out in the same way."""
    return f"{i * PRIME % SPREAD:08}"


def fill(database: Database, content: Content) -> None:
    """Put `content` in; the clock stands where nothing is due yet."""
    stand_at(database, CREATED)
    with database.loading() as insert:
        for world in _worlds(content):
            for table, rows, _ in world.changes():
                insert(table, rows)


def stand_at(database: Database, instant: datetime) -> None:
    """Let the unit's clock stand at `instant`, from one moment to the next."""
    database.numbers(
        f"UPDATE sales_units SET clock_mode = 'frozen', clock_at = {to_milliseconds(instant)}"
        f" WHERE merchant_serial_number = '{PUBLIC_UNIT}'"
    )


def _worlds(content: Content) -> Iterator[World]:
    numbers = iter(range(content.agreements))
    while chunk := list(islice(numbers, CHUNK)):
        world = World(Needs())
        for i in chunk:
            _put_agreement(world, i)
        yield world
    numbers = iter(range(content.charges))
    while chunk := list(islice(numbers, CHUNK)):
        world = World(Needs())
        for i in chunk:
            put_charge(world, i, content)
        yield world


def _put_agreement(world: World, i: int) -> None:
    phone = f"479{i:07}"
    drafted = Agreement(
        merchant_serial_number=PUBLIC_UNIT,
        agreement_id=f"agr_{name(i)}",
        uuid=f"00000000-0000-4000-8000-{i:012}",
        created=CREATED,
        merchant_redirect_url="https://nordic.example/thanks",
        is_app=False,
        phone_number=None,
        scope=None,
        skip_landing_page=False,
        blocked_sources=None,
        campaign=None,
        initial_charge_id=None,
        product_name="Premier League",
        product_description=None,
        merchant_agreement_url="https://nordic.example/account",
        external_id=None,
        pricing=LegacyPricing(PRICE, "NOK"),
        interval=Interval("MONTH", 1),
    )
    key = f"draft-{i}"
    agreement = world.keep(drafted.drafted(CREATED + timedelta(minutes=10), key))
    agreement = world.keep(agreement.approved_by(phone, None, None).activated(CREATED))
    world.tell(AgreementHappened("activated", CREATED, agreement, "USER"))
    world.put(made_up_payer(phone, "NO"))
    body = (
        f'{{"agreementId":"{agreement.agreement_id}","uuid":"{agreement.uuid}",'
        f'"vippsConfirmationUrl":"https://nordic.example/landing?v=2&token={LANDING_MARK}"}}'
    )
    world.put(_answer("/recurring/v3/agreements", key, body))


def put_charge(world: World, i: int, content: Content) -> None:
    """The `i`-th charge of `content`, DUE and waiting for its run, with the answer to its creation."""
    agreement_id, charge_id = f"agr_{name(i % content.agreements)}", f"chr-{name(i)}"
    charge = Charge(
        merchant_serial_number=PUBLIC_UNIT,
        charge_id=charge_id,
        agreement_id=agreement_id,
        external_id=None,
        type="RECURRING",
        transaction_type="RESERVE_CAPTURE" if i < content.reserved else "DIRECT_CAPTURE",
        processing_mode="MULTIPLE_ATTEMPTS",
        amount=PRICE,
        currency="NOK",
        description="December",
        ceiling=charge_ceiling(LegacyPricing(PRICE, "NOK"), RULES),
        due_day=DUE_DAY,
        retry_days=3,
        created=CREATED,
        due=datetime.combine(DUE_DAY, time.min, UTC),
    )
    key = f"create-{i}"
    world.keep(charge.shown(RUN_AT).created_with(key))
    path = f"/recurring/v3/agreements/{agreement_id}/charges"
    world.put(_answer(path, key, f'{{"chargeId":"{charge_id}"}}'))


def _answer(path: str, key: str, body: str) -> StoredAnswer:
    return StoredAnswer(
        merchant_serial_number=PUBLIC_UNIT,
        method="POST",
        path=path,
        idempotency_key=key,
        variant="",
        fingerprint="0" * 64,
        context_id=f"00000000-0000-4000-8000-{0:012}",
        created=CREATED,
        state="DONE",
        status=201,
        body=body,
    )
