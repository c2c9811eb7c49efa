"""A request on its way to the payer: from the landing page to a phone, or back (rulings §7, api-facts 10.2)."""

from __future__ import annotations

from datetime import datetime, timedelta

from avtale.agreements.agreement import Agreement
from avtale.engine.command import Call
from avtale.engine.world import World
from avtale.operations.approvals import payer_in_use, reject_agreement, require_waiting
from avtale.operations.diary import await_answer
from avtale.operations.finding import find_agreement
from avtale.problems import Refused, ResourceNotFound
from avtale.rulebook import Rulebook


def send_request(world: World, call: Call, agreement_id: str, phone_number: str) -> Agreement:
    """The payer gave a phone number on the landing page: the request lies on that phone now.

    Sent again to the same phone, nothing changes. Raises Refused where it was answered, where it was sent to
    another phone, or where the page has waited too long.
    """
    agreement = find_agreement(world, call, agreement_id)
    require_waiting(agreement, call)
    if agreement.sent_to == phone_number:
        return agreement
    if agreement.sent_to is not None:
        raise Refused("The request was sent to another phone already; it can be answered there.")
    _require_time(agreement, call)
    payer_in_use(world, call, phone_number)
    agreement = agreement.sent(phone_number, call.now)
    world.put(agreement)
    if agreement.phone_number != phone_number:
        # A payer whom the draft named has known of it since then.
        await_answer(world, call, agreement, phone_number)
    return agreement


def cancel_request(world: World, call: Call, agreement_id: str) -> Agreement:
    """The payer went back from the landing page: the same as a no."""
    return reject_agreement(world, call, agreement_id)


def require_answerable(world: World, call: Call, agreement_id: str, phone_number: str) -> Agreement:
    """The request as it lies on this very phone.

    Raises ResourceNotFound where it does not lie here, and Refused where it was answered or time is up.
    Whoever approves without a phone (force accept, the control API) has the whole time that the agreement waits.
    """
    agreement = find_agreement(world, call, agreement_id)
    if agreement.sent_to != phone_number:
        raise ResourceNotFound("No such request lies on this phone.")
    require_waiting(agreement, call)
    _require_time(agreement, call)
    return agreement


def request_closes_at(agreement: Agreement, rules: Rulebook) -> datetime:
    """Until when a request can be answered where it is now: on the landing page, or on a phone.

    A request that needed no landing page has all the time of its agreement.
    """
    expires_at = rules.expires_at(agreement.created)
    if agreement.skip_landing_page:
        return expires_at
    if agreement.sent_at is None:
        return min(agreement.created + timedelta(minutes=rules.landing_minutes), expires_at)
    app_minutes = max(rules.approval_minutes - rules.landing_minutes, 1)
    return min(agreement.sent_at + timedelta(minutes=app_minutes), expires_at)


def _require_time(agreement: Agreement, call: Call) -> None:
    if request_closes_at(agreement, call.rules) <= call.now:
        raise Refused("Time is up: the request was not answered soon enough.")
