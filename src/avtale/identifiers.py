"""Identifiers: agr_…, chr-…, and how they are minted from given randomness.

Nothing here draws a random number: whoever mints an identifier hands in the bytes.
Source: rulings §7 (form), api-facts 3.6 (charge ids).
"""

from __future__ import annotations

import hashlib
import re
import uuid

ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
SHORT_LENGTH = 7
_PAIRS = tuple(first + second for first in ALPHABET for second in ALPHABET)

AGREEMENT_ID = re.compile(r"agr_[A-Za-z0-9]{1,32}", re.ASCII)
ORDER_ID = re.compile(r"[A-Za-z0-9-]{1,64}", re.ASCII)
SERIAL_NUMBER = re.compile(r"[0-9]{4,10}", re.ASCII)

EVENT_NAMESPACE = b"avtale/event"
SUB_NAMESPACE = uuid.UUID("5a3d0c9e-64a1-5b7a-9b6e-3a1c2f4d8e70")


class Randomness:
    """A stream of bytes that grows from a given seed: the same seed, the same identifiers."""

    def __init__(self, seed: bytes) -> None:
        self._seed = seed
        self._drawn = 0

    def take(self, length: int) -> bytes:
        """The next `length` bytes of the stream (at most 64 a draw)."""
        self._drawn += 1
        return hashlib.blake2b(
            self._drawn.to_bytes(8, "big"), key=self._seed, digest_size=length
        ).digest()

    def characters(self, length: int) -> str:
        """`length` characters of `A–Z a–z 0–9`, evenly spread."""
        number = int.from_bytes(self.take(min(64, length + 8)), "big")
        found = ""
        while len(found) < length:
            number, index = divmod(number, len(_PAIRS))
            found += _PAIRS[index]
        return found[:length]


def mint_agreement_id(randomness: Randomness, length: int = SHORT_LENGTH) -> str:
    """`agr_` and seven characters, or more when asked for more after a collision."""
    return "agr_" + randomness.characters(length)


def mint_charge_id(randomness: Randomness, length: int = SHORT_LENGTH) -> str:
    """`chr-` and seven characters, for a charge without an order id."""
    return "chr-" + randomness.characters(length)


def mint_uuid(randomness: Randomness) -> str:
    """A version-4 UUID made of the given randomness."""
    return str(uuid.UUID(bytes=randomness.take(16), version=4))


def event_id(merchant_serial_number: str, agreement_id: str, subject: str, sequence: int) -> str:
    """The id of an event, the same whenever it is worked out again (reliability E-3).

    A UUID of version 8, made of a hash of what tells it: agreement, subject and its line of history.
    """
    name = f"{merchant_serial_number}/{agreement_id}/{subject}/{sequence}"
    digits = hashlib.blake2b(name.encode(), key=EVENT_NAMESPACE, digest_size=16).hexdigest()
    return f"{digits[:8]}-{digits[8:12]}-8{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def payment_key(merchant_serial_number: str, charge_id: str, kind: str, sequence: int) -> str:
    """The key under which the gateway is asked: of charge, kind and sequence alone (reliability R-1)."""
    return f"{merchant_serial_number}:{charge_id}:{kind}:{sequence}"


def is_agreement_id(text: str) -> bool:
    """Whether `text` is `agr_` and 1–32 alphanumerics."""
    return AGREEMENT_ID.fullmatch(text) is not None


def is_order_id(text: str) -> bool:
    """Whether `text` can be an order id, and so a charge id: 1–64 of `A–Z a–z 0–9 -`."""
    return ORDER_ID.fullmatch(text) is not None
