"""Settlement: the second and third step of payments — ask the gateway, record what it says.

Asks go out in batches, outside any transaction; an outcome is recorded in one transaction per batch.
What recording begins (a release after a stop, say) is settled in turn.
"""

from __future__ import annotations

from collections.abc import Sequence

from avtale.agreements.agreement import Agreement
from avtale.charges.charge import Charge
from avtale.charges.payments import Payment
from avtale.engine.command import Call, Command
from avtale.engine.engine import Engine
from avtale.engine.rows import StoredAnswer
from avtale.engine.world import Needs, World
from avtale.events import Happened
from avtale.gateways.gateway import Gateway, GatewayAnswer, ask_of
from avtale.logs import get_logger
from avtale.operations.payments import record_outcome

log = get_logger("avtale.settlement")


class Settlement:
    """Brings begun payments to their outcome."""

    def __init__(self, engine: Engine, gateway: Gateway) -> None:
        self._engine = engine
        self._gateway = gateway

    async def settle(self, payments: Sequence[Payment]) -> list[Happened]:
        """Ask for the payments, which must be committed; all of one sales unit.

        Returns what happened, in order. A gateway that fails leaves every outcome unclear.
        """
        happened: list[Happened] = []
        while payments:
            answers = await self._ask(payments)
            told, payments = await self._record(list(zip(payments, answers, strict=True)))
            happened.extend(told)
        return happened

    async def _ask(self, payments: Sequence[Payment]) -> list[GatewayAnswer]:
        keys = [payment.payment_key for payment in payments]
        try:
            answers = await self._gateway.ask([ask_of(payment) for payment in payments])
        except Exception as error:  # noqa: BLE001 -- whatever it was, the outcome is unclear
            # Not our fault, and repaired by asking again: a line in the log, not a traceback.
            log.warning("gateway failed", payments=len(payments), reason=str(error))
        else:
            if [answer.payment_key for answer in answers] == keys:
                return answers
            # An answer that was given to another ask would move somebody else's money.
            log.error("gateway answered something else", asked=len(keys), answered=len(answers))
        return [GatewayAnswer(key, "UNCLEAR") for key in keys]

    async def _record(
        self, outcomes: list[tuple[Payment, GatewayAnswer]]
    ) -> tuple[list[Happened], list[Payment]]:
        try:
            decided = await self._engine.submit(record_command(outcomes))
        except Exception:
            if len(outcomes) == 1:
                raise
            # One of them cannot be recorded; the others shall not wait for it.
            happened: list[Happened] = []
            begun: list[Payment] = []
            for outcome in outcomes:
                try:
                    told, new = await self._record([outcome])
                except Exception:
                    log.exception("outcome not recorded", payment=outcome[0].payment_key)
                else:
                    happened += told
                    begun += new
            return happened, begun
        decided.unwrap()
        return decided.happened, decided.begun


def record_command(outcomes: Sequence[tuple[Payment, GatewayAnswer]]) -> Command[int]:
    """The command that records outcomes of payments of one sales unit; results in how many stood."""
    needs = Needs()
    needs.of(Payment, *((payment.payment_key,) for payment, _ in outcomes))
    for payment, _ in outcomes:
        msn = payment.merchant_serial_number
        needs.of(Charge, (msn, payment.charge_id)).of(Agreement, (msn, payment.agreement_id))
        if payment.answers is not None:
            needs.of(StoredAnswer, tuple(payment.answers.split("\n")))

    def decide(world: World, call: Call) -> int:
        return sum(
            record_outcome(world, call, payment.payment_key, payment.fence, answer) is not None
            for payment, answer in outcomes
        )

    return Command("record_outcomes", decide, needs, outcomes[0][0].merchant_serial_number)
