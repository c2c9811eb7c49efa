"""What the coach looks for in what was noticed at the door, and in pages that were tried."""

from __future__ import annotations

from typing import Final

from msgspec.structs import replace

from avtale.checklist.evidence import MOST_PROOFS, Evidence, proof_of_agreement, proofs_of
from avtale.checklist.looks import Found

_LASTING: Final = frozenset({"PENDING", "ACTIVE"})


# ── Pages of the merchant's ──────────────────────────────────────────────────────────────────────


def urls_of(evidence: Evidence) -> list[str]:
    """The `merchantAgreementUrl` of each agreement whose payer may still want it, the newest first."""
    return [
        agreement.merchant_agreement_url
        for agreement in evidence.agreements
        if agreement.status in _LASTING and agreement.merchant_agreement_url is not None
    ]


def dead_url(evidence: Evidence) -> Found:
    """Agreements whose `merchantAgreementUrl` was tried, and does not answer."""
    dead = [
        replace(proof_of_agreement(evidence, agreement), detail=f"{url}: {how}")
        for agreement in evidence.agreements
        if (url := agreement.merchant_agreement_url) is not None
        and agreement.status in _LASTING
        and (how := evidence.unanswered.get(url)) is not None
    ]
    return len(dead), tuple(dead[:MOST_PROOFS])


# ── What was noticed of requests that were answered all the same ─────────────────────────────────


def _noticed(evidence: Evidence, beginning: str) -> Found:
    """Requests that did what they asked for, with the words that begin so."""
    found = [
        (each, words)
        for each in evidence.requests
        if each.request.status < 300
        and (words := [word for word in each.request.remarks if word.startswith(beginning)])
    ]
    proofs = zip(proofs_of([each for each, _ in found]), reversed(found), strict=False)
    return len(found), tuple(
        replace(proof, detail=", ".join(word.removeprefix(beginning) for word in words) or None)
        for proof, (_, words) in proofs
    )


def unknown_members(evidence: Evidence) -> Found:
    """Requests with members that the API does not know."""
    return _noticed(evidence, "unknown:")


def http_urls(evidence: Evidence) -> Found:
    """Requests that hand in a URL with http."""
    return _noticed(evidence, "http:")


def nin_dropped(evidence: Evidence) -> Found:
    """Drafts that ask for `nin` and do not get it."""
    return _noticed(evidence, "nin-dropped")
