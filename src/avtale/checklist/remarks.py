"""The coach: what the vendor's reviewers, or the next incident, would find in an integration (api-facts 12.7)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import msgspec

from avtale.checklist import looks, oddities
from avtale.checklist.evidence import Evidence, Proof
from avtale.checklist.looks import Found


class Remark(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """One thing to mend, with what shows it."""

    code: str
    title: str
    why: str
    what_to_do: str
    count: int
    """How many requests, agreements or charges show it."""
    proofs: tuple[Proof, ...]


class Check(NamedTuple):
    """Something that the coach looks for."""

    code: str
    title: str
    why: str
    what_to_do: str
    look: Callable[[Evidence], Found]


def remarks(evidence: Evidence) -> tuple[Remark, ...]:
    """All that the coach has to say, in the order of `CHECKS`."""
    found: list[Remark] = []
    for check in CHECKS:
        count, proofs = check.look(evidence)
        if count:
            found.append(
                Remark(
                    code=check.code,
                    title=check.title,
                    why=check.why,
                    what_to_do=check.what_to_do,
                    count=count,
                    proofs=proofs,
                )
            )
    return tuple(found)


CHECKS: Final[tuple[Check, ...]] = (
    Check(
        "system-headers-missing",
        "Headers that name your system are missing",
        "The vendor traces a problem by them, and asks partners for them on every request, tokens included.",
        "Send Merchant-Serial-Number and the four Vipps-System-* headers with every request.",
        looks.headers_missing,
    ),
    Check(
        "system-headers-too-long",
        "Headers that name your system are too long",
        f"Each may have {looks.LONGEST_HEADER} characters; what is longer may be cut or refused.",
        "Shorten the names and versions.",
        looks.headers_too_long,
    ),
    Check(
        "token-per-call",
        "Tokens are fetched again and again",
        "A token is good for an hour or longer; each one costs a round trip, and is counted.",
        "Keep the token, and fetch another shortly before it expires.",
        looks.token_per_call,
    ),
    Check(
        "idempotency-key-missing",
        "Requests that change something come without an Idempotency-Key",
        "Without a key nobody can tell a repetition from a second order.",
        "Make one key for each intended change, and keep it through all repetitions.",
        looks.without_key,
    ),
    Check(
        "idempotency-key-reused",
        "A key was used again with another body",
        "The second request was refused, and did nothing.",
        "Make a new key for everything that is not a repetition.",
        looks.key_with_another_body,
    ),
    Check(
        "idempotency-key-new-for-retry",
        "A repetition carried a new key",
        "Where the first request did its work before it failed, the second one does it again.",
        "Repeat with the key of the first attempt.",
        looks.new_key_for_a_retry,
    ),
    Check(
        "agreement-not-polled",
        "Agreements were decided, and nobody looked",
        "A payer may close the browser before your page is reached again.",
        "Fetch it five seconds after the draft and then every two, until it is ACTIVE, STOPPED or EXPIRED.",
        looks.no_polling,
    ),
    Check(
        "redirect-trusted",
        "Agreements were charged that were never fetched",
        "The redirect says that the payer came back, not that the payer said yes.",
        "Fetch the agreement, or wait for its event, before the first charge.",
        looks.redirect_alone,
    ),
    Check(
        "polling-too-fast",
        "An agreement is asked for faster than advised",
        "Requests are counted, and one too many is answered 429.",
        "Wait five seconds after the draft, and two between the requests that follow.",
        looks.polls_too_fast,
    ),
    Check(
        "agreement-url-bare",
        "merchantAgreementUrl leads to no page of the subscription",
        "Payers must be able to see and stop this very subscription there; a front page will not do.",
        "Give an https URL with a path or query that leads to the subscription.",
        looks.bare_url,
    ),
    Check(
        "agreement-url-dead",
        "merchantAgreementUrl does not answer",
        "Payers who want to change or stop their subscription end up nowhere, and call you or the vendor.",
        "Put the page where the URL leads, or update the agreement with one that works.",
        oddities.dead_url,
    ),
    Check(
        "http-urls",
        "URLs with http are handed in",
        "The test environment takes them for this machine; in production the same request is refused.",
        "Give https URLs wherever others than you are meant to use them.",
        oddities.http_urls,
    ),
    Check(
        "unknown-members",
        "Requests hold members that the API does not know",
        "They are ignored, so nothing of what you mean by them happens.",
        "Compare their names with the reference, letter by letter, or leave them out.",
        oddities.unknown_members,
    ),
    Check(
        "nin-dropped",
        "The scope `nin` is asked for without leave",
        "The word is dropped without a refusal: the payer is not asked, and userinfo comes without it.",
        "Order the feature from the vendor, or ask for less; here, switch on `nin` for the sales unit.",
        oddities.nin_dropped,
    ),
    Check(
        "few-retry-days",
        "Charges have fewer than two retry days",
        "Most payments that fail on the first day succeed on one of the next.",
        "Set retryDays to 2 or more.",
        looks.few_retry_days,
    ),
    Check(
        "charge-created-late",
        "Charges are created on the last day that is allowed",
        "A request that fails then cannot be repeated in time.",
        "Create charges several days before they are due.",
        looks.created_late,
    ),
    Check(
        "reservation-about-to-lapse",
        "Money that is reserved is about to be released",
        "What is not captured in time goes back to the payer.",
        "Capture the reservation, or cancel it.",
        looks.about_to_lapse,
    ),
    Check(
        "agreement-silent",
        "ACTIVE agreements were not charged for a whole interval",
        "Payers wonder what they agreed to, and the vendor asks that unused agreements are stopped.",
        "Create the charge, or stop the agreement.",
        looks.silent_agreements,
    ),
    Check(
        "refusals-in-bursts",
        f"{looks.BURST} or more requests were refused within a minute",
        "Something is repeated that cannot succeed.",
        "Look at the problem's text; repeat only after a 429, a 5xx or no answer.",
        looks.bursts,
    ),
    Check(
        "refusals-never-mended",
        "An operation is refused every time",
        "Errors that nobody looks at become lost payments.",
        "Log every problem with its contextId, and mend what causes it.",
        looks.never_mended,
    ),
    Check(
        "failures-unnoticed",
        "Charges FAILED, and nobody has looked since",
        "The payer goes on reading, or is cut off without a word, and the money never comes.",
        "Register for recurring.charge-failed.v1, or fetch charges when their retry days are over.",
        looks.failures_unnoticed,
    ),
    Check(
        "feature-not-approved",
        "A feature is used that the vendor has to approve first",
        "In production the same request is refused until the sales unit is approved for it.",
        "Order the feature from the vendor; here, switch it on for the sales unit.",
        looks.needs_approval,
    ),
    Check(
        "webhooks-not-registered",
        "Nobody is told of events",
        "Payers stop agreements in the app; without webhooks you hear of it at the next charge.",
        "Register a webhook for the events of agreements and charges.",
        looks.no_webhooks,
    ),
    Check(
        "webhooks-not-verified",
        "A delivery with a false signature was taken in",
        "Whoever knows your address can tell you of payments that never were.",
        "Verify every signature, and answer 401 where it is false; `avtale webhooks exam` tries it.",
        looks.unverified_webhooks,
    ),
    Check(
        "webhooks-failing",
        "At least half of the latest deliveries failed",
        "Events come late, and after seven days not at all.",
        "Answer 2xx within ten seconds; `avtale webhooks explain` tells why a signature does not verify.",
        looks.failing_webhooks,
    ),
    Check(
        "webhooks-slow",
        "The receiver takes long to answer",
        "After ten seconds a delivery counts as failed and comes again.",
        "Answer first, and work afterwards.",
        looks.slow_webhooks,
    ),
)
