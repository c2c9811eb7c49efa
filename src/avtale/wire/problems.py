"""Refusals as JSON: the API's own, the gateway's in front of it, and the token endpoint's.

Source: api-facts 1.2, 1.3, 6.1; rulings §3, §6.
"""

from __future__ import annotations

import msgspec
from msgspec import UNSET, UnsetType


class ExtraDetail(msgspec.Struct, frozen=True):
    """One thing wrong with one member: its JSON path with dots, and why."""

    name: str
    reason: str


class ProblemBody(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """`application/problem+json`; clients match the fragment of `type`."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    context_id: str
    extra_details: tuple[ExtraDetail, ...] | UnsetType = UNSET


class UserinfoRefusal(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """A problem document as the userinfo endpoint writes it: with the status as a string."""

    type: str
    title: str
    status: str
    detail: str
    instance: str
    context_id: str
    extra_details: tuple[ExtraDetail, ...] | UnsetType = UNSET


class ResponseInfo(msgspec.Struct, frozen=True, rename="camel"):
    """The status again, with its name."""

    response_code: int
    response_message: str


class RefusalMessage(msgspec.Struct, frozen=True):
    """What the gateway has to say."""

    message: str


class GatewayRefusal(msgspec.Struct, frozen=True, rename="camel"):
    """What the gateway in front of the API answers, which is not a problem document."""

    response_info: ResponseInfo
    result: RefusalMessage


class OAuthRefusal(msgspec.Struct, frozen=True, kw_only=True):
    """What the token endpoint answers to credentials it does not accept."""

    error: str
    error_description: str
    error_codes: tuple[int, ...] | UnsetType = UNSET
    timestamp: str | UnsetType = UNSET
    trace_id: str | UnsetType = UNSET
    correlation_id: str | UnsetType = UNSET
    error_uri: str | UnsetType = UNSET
