"""Examples of bodies and answers, for the reference; a test holds each against its schema."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

import msgspec

from avtale.payers import PUBLIC_PAYER, made_up_payer
from avtale.wire.userinfo import userinfo_answer

AGREEMENT_ID: Final = "agr_5kSeqz7"
CHARGE_ID: Final = "chr-WCVbcA1"
WEBHOOK_ID: Final = "497f6eca-6276-4993-bfeb-53cbbbba6f08"

Json = dict[str, Any]

_URLS: Final = {
    "merchantRedirectUrl": "https://example.com/welcome",
    "merchantAgreementUrl": "https://example.com/my-page",
}
_RECEIVER: Final = {
    "url": "https://example.com/hook",
    "events": ["recurring.agreement-activated.v1", "recurring.charge-captured.v1"],
}
_MONTHLY: Final = {"unit": "MONTH", "count": 1}
_PREMIER_LEAGUE: Final = {
    "productName": "Premier League",
    "pricing": {"type": "LEGACY", "amount": 499_00, "currency": "NOK"},
    "interval": _MONTHLY,
}


def day_after(today: date) -> date:
    """A day that leaves notice enough and reads well: the first of the month after the next."""
    month = today.month + 2
    return date(today.year + (month - 1) // 12, (month - 1) % 12 + 1, 1)


# ── Bodies ───────────────────────────────────────────────────────────────────────────────────────


def bodies(due: date) -> dict[str, dict[str, Any]]:
    """Bodies by operation and title, the simplest one first; `due` is a day that can be asked for."""
    charge = _charge_body(due)
    return {
        "draft_agreement": _DRAFTS,
        "update_agreement": {
            "A new price": {"pricing": {"amount": 549_00}},
            "Stop": {"status": "STOPPED"},
        },
        "register_webhook": {"What becomes of agreements and charges": _RECEIVER},
        "accept_agreement": {"Kari says yes": {"phoneNumber": "4791234567"}},
        "create_charge": {
            "Due on a day, with five days of retries": charge,
            "Reserve now, capture later": {
                **charge,
                "transactionType": "RESERVE_CAPTURE",
                "orderId": "order-2468",
            },
            "Right away": {
                "amount": 99_00,
                "description": "One match",
                "transactionType": "DIRECT_CAPTURE",
                "type": "UNSCHEDULED",
            },
        },
        "create_charges": {
            "Two charges": [
                {**charge, "agreementId": AGREEMENT_ID, "orderId": "order-1001"},
                {**charge, "agreementId": "agr_Xu7FEz2", "orderId": "order-1002"},
            ]
        },
        "capture_charge": {"A part of it": {"amount": 200_00}},
        "refund_charge": {
            "Everything": {"amount": 499_00, "description": "The season was called off"}
        },
    }


def _charge_body(due: date) -> Json:
    return {
        "amount": 499_00,
        "description": "The Premier League, one month",
        "transactionType": "DIRECT_CAPTURE",
        "due": due.isoformat(),
        "retryDays": 5,
    }


_DRAFTS: Final[Json] = {
    "A fixed price every month": {**_PREMIER_LEAGUE, **_URLS},
    "The first month is paid at approval": {
        **_PREMIER_LEAGUE,
        "initialCharge": {
            "amount": 499_00,
            "description": "The first month",
            "transactionType": "DIRECT_CAPTURE",
        },
        **_URLS,
    },
    "The payer chooses a maximum": {
        "productName": "Charging at home",
        "pricing": {"type": "VARIABLE", "suggestedMaxAmount": 2000_00, "currency": "NOK"},
        "interval": _MONTHLY,
        **_URLS,
    },
    "Cheaper to begin with": {
        "productName": "Nordic News",
        "pricing": {"type": "LEGACY", "amount": 249_00, "currency": "NOK"},
        "interval": _MONTHLY,
        "campaign": {
            "type": "PERIOD_CAMPAIGN",
            "price": 1_00,
            "period": {"unit": "WEEK", "count": 4},
        },
        **_URLS,
    },
}


# ── Answers ──────────────────────────────────────────────────────────────────────────────────────


def answers(public_url: str, due: date) -> Json:
    """Answers by operation, where all is well."""
    confirmation = {"vippsConfirmationUrl": f"{public_url}/landing?v=2&token=4Zx0Yk"}
    agreement, charge = _agreement(due, confirmation), _charge(due)
    return {
        "fetch_token": {
            "token_type": "Bearer",
            "expires_in": "3600",
            "ext_expires_in": "0",
            "expires_on": "1796122800",
            "not_before": "1796119200",
            "resource": "00000002-0000-0000-c000-000000000000",
            "access_token": "eyJhbGciOi…",
        },
        "list_agreements": [agreement],
        "draft_agreement": {
            "agreementId": AGREEMENT_ID,
            "uuid": agreement["uuid"],
            **confirmation,
            "chargeId": None,
        },
        "fetch_agreement": agreement,
        "list_charges": [charge],
        "create_charge": {"chargeId": CHARGE_ID},
        "create_charges": {"invalidCharges": [], "validCharges": ["order-1001", "order-1002"]},
        "fetch_charge": charge,
        "fetch_charge_by_id": charge,
        "fetch_userinfo": _userinfo(),
        "list_webhooks": {"webhooks": [{"id": WEBHOOK_ID, **_RECEIVER}]},
        "register_webhook": {"id": WEBHOOK_ID, "secret": "A0+AeKBRG2KR…"},
    }


def _userinfo() -> Json:
    payer = made_up_payer(PUBLIC_PAYER, "NO")
    sub = payer.sub("123456")
    answer = userinfo_answer(sub, "name email phoneNumber birthDate address", payer)
    found: Json = msgspec.to_builtins(answer)
    return found


def _agreement(due: date, confirmation: Json) -> Json:
    drafted, approved = (f"{due.year - 1}-09-01T08:0{minute}:00Z" for minute in (0, 1))
    return {
        "id": AGREEMENT_ID,
        "uuid": "9c2ca95c-245f-4a2e-aab2-4a08eb78e6fb",
        "status": "ACTIVE",
        "created": drafted,
        "start": approved,
        "stop": None,
        **_PREMIER_LEAGUE,
        "productDescription": None,
        "interval": {**_MONTHLY, "text": "every month"},
        "campaign": None,
        **_URLS,
        **confirmation,
        "countryCode": "NO",
        "sub": None,
        "userinfoUrl": None,
        "history": [
            {"occurred": drafted, "event": "CREATE", "actor": "MERCHANT"},
            {"occurred": approved, "event": "ACTIVATE", "actor": "USER"},
        ],
    }


def _charge(due: date) -> Json:
    created = {
        "occurred": f"{due.year - 1}-09-02T08:00:00Z",
        "event": "CREATE",
        "amount": 499_00,
        "idempotencyKey": "season-0001",
        "success": True,
    }
    captured = {
        "occurred": f"{due}T08:00:02Z",
        "event": "CAPTURE",
        "amount": 499_00,
        "idempotencyKey": f"{CHARGE_ID}-{AGREEMENT_ID}-ProcessPayment",
        "success": True,
        "transactionId": "5001419121",
    }
    return {
        "id": CHARGE_ID,
        "agreementId": AGREEMENT_ID,
        "externalId": None,
        "externalAgreementId": None,
        "status": "CHARGED",
        "type": "RECURRING",
        **_charge_body(due),
        "currency": "NOK",
        "due": f"{due}T00:00:00Z",
        "processingMode": "MULTIPLE_ATTEMPTS",
        "transactionId": "5001419121",
        "failureReason": None,
        "failureDescription": None,
        "summary": {"captured": 499_00, "refunded": 0, "cancelled": 0},
        "history": [created, captured],
    }
