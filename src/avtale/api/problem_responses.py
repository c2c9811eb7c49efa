"""How refusals are answered: the status and title of each problem type, and the body around it (rulings §6)."""

from __future__ import annotations

from http import HTTPStatus
from typing import NamedTuple

import msgspec

from avtale import problems
from avtale.engine.command import Answer
from avtale.problems import Problem

TYPE_BASE = "https://developer.vippsmobilepay.com/docs/APIs/recurring-api/recurring-api-problems#"

STATUSES: dict[type[Problem], int] = {
    problems.ValidationFailed: 400,
    problems.InvalidAgreementId: 400,
    problems.InvalidJson: 400,
    problems.PayloadTooLarge: 413,
    problems.BodyTooSlow: 408,
    problems.UriTooLong: 414,
    problems.UnsupportedMediaType: 415,
    problems.NotAcceptable: 406,
    problems.InvalidMethod: 405,
    problems.SubscriptionKeyRefused: 401,
    problems.NotAuthorized: 401,
    problems.InvalidSaleUnit: 403,
    problems.UnknownClient: 400,
    problems.WrongClientSecret: 401,
    problems.InvalidIdempotencyKey: 400,
    problems.MissingRequestHeader: 400,
    problems.IdempotencyConflict: 409,
    problems.ResourceNotFound: 404,
    problems.UnsupportedFeature: 400,
    problems.ChargeCreationFailed: 400,
    problems.ChargeDueTooSoon: 400,
    problems.ChargeDueInTooLong: 400,
    problems.ChargeAmountTooHigh: 400,
    problems.InvalidSuggestedMaxAmount: 400,
    problems.Conflict: 409,
    problems.ChargeCaptureFailed: 400,
    problems.CancelChargeFailed: 400,
    problems.OperationFailed: 400,
    problems.IllegalAgreementUpdate: 400,
    problems.TooManyRequests: 429,
    problems.Unavailable: 503,
    problems.ServerTrouble: 500,
    problems.CrossSite: 403,
    problems.NotAllowed: 403,
    problems.Refused: 400,
}

USERINFO_BASE = "/vipps-userinfo-api/"
"""Below this path the status in a problem document is a string (rulings §10)."""


WEBHOOKS_BASE = "/webhooks/"
"""Below this path the request's id is called `traceId`."""


class Response(NamedTuple):
    """Everything a refusal is answered with."""

    status: int
    body: str
    media_type: str
    headers: dict[str, str]


def status_of(problem: Problem) -> int:
    """The HTTP status of a refusal."""
    if isinstance(problem, problems.UnsupportedFeature) and problem.forbidden:
        return 403
    if isinstance(problem, problems.ServerTrouble):
        return problem.status
    return STATUSES[type(problem)]


def render(problem: Problem, instance: str, context_id: str) -> Answer:
    """The problem document for a refusal of the request to `instance`."""
    status = status_of(problem)
    in_words = instance.startswith(USERINFO_BASE)
    document: dict[str, object] = {
        "type": TYPE_BASE + problem.slug if problem.slug else "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": str(status) if in_words else status,
        "detail": problem.detail,
        "instance": instance,
        _id_of_request(instance): context_id,
    }
    if problem.faults:
        document["extraDetails"] = [
            {"name": fault.name, "reason": fault.reason} for fault in problem.faults
        ]
    return Answer(status, msgspec.json.encode(document).decode())


def _id_of_request(instance: str) -> str:
    """What the request's id is called (rulings §9: another API, another name)."""
    return "traceId" if instance.startswith(WEBHOOKS_BASE) else "contextId"


def unforeseen(context_id: str, instance: str) -> Answer:
    """What anything we did not foresee is answered with: nothing but where to look."""
    document = {
        "type": "about:blank",
        "title": "Internal Server Error",
        "status": "500" if instance.startswith(USERINFO_BASE) else 500,
        "detail": "Something went wrong on our side; the log has it under the contextId.",
        "instance": instance,
        _id_of_request(instance): context_id,
    }
    return Answer(500, msgspec.json.encode(document).decode())


def respond(problem: Problem, instance: str, context_id: str) -> Response:
    """The whole response for a refusal, gateway and token refusals in their own shapes."""
    headers: dict[str, str] = {}
    if isinstance(problem, problems.TooManyRequests | problems.Unavailable):
        headers["Retry-After"] = str(problem.retry_after_seconds)
    if isinstance(problem, problems.InvalidMethod):
        headers["Allow"] = ", ".join(problem.allowed)
    if isinstance(problem, problems.SubscriptionKeyRefused):
        body = {
            "responseInfo": {"responseCode": 401, "responseMessage": "Unauthorized"},
            "result": {"message": problem.detail},
        }
        return Response(401, msgspec.json.encode(body).decode(), "application/json", headers)
    answer = render(problem, instance, context_id)
    if isinstance(problem, problems.NotAuthorized):
        headers["WWW-Authenticate"] = "Bearer"
    return Response(answer.status, answer.body, "application/problem+json", headers)
