"""Sealing: what is personal or secret is encrypted before it meets the disk (reliability A-3, P-2).

Authenticated encryption (XChaCha20-Poly1305) under a key of the installation, with a random nonce for every text.
The key is derived from the installation's secret; without that, what is sealed cannot be read.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Mapping
from functools import cached_property, lru_cache
from typing import Any, Final

from avtale.engine import clock
from avtale.engine.engine import StorageDown
from avtale.payers import Payer
from avtale.webhooks.registration import Registration

MARK: Final = "sealed:"
"""What every sealed text begins with; then the id of the key, a colon, and nonce and ciphertext as base64."""

SEALED: Final[Mapping[type[Any], frozenset[str]]] = {
    Payer: frozenset({"profile"}),
    Registration: frozenset({"secret"}),
}
"""The columns that are sealed."""

_NONCE_BYTES: Final = 24
_REMEMBERED: Final = 65_536


class Seal:
    """Seals and opens texts under one key of 32 bytes.

    Both ways are remembered, so that a run over a million charges of the same payers costs no encryption.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key
        self.key_id = hashlib.sha256(b"avtale/key id" + key).hexdigest()[:8]
        self._mark = f"{MARK}{self.key_id}:"
        self.sealed: Callable[[str], str] = lru_cache(_REMEMBERED)(self._sealed)
        """The sealed form of a text."""
        self.opened: Callable[[str], str] = lru_cache(_REMEMBERED)(self._opened)
        """The text in a sealed form; raises StorageDown where it was sealed under another key, or changed."""

    @cached_property
    def _cipher(self) -> Any:
        # Loaded with the first text, since a server that looks at no payer needs none.
        from nacl.secret import Aead  # noqa: PLC0415

        return Aead(self._key)

    def _sealed(self, text: str) -> str:
        nonce = clock.seed()[:_NONCE_BYTES]
        sealed = self._cipher.encrypt(text.encode(), self._mark.encode(), nonce)
        return self._mark + base64.b64encode(bytes(sealed)).decode()

    def _opened(self, sealed: str) -> str:
        if not sealed.startswith(self._mark):
            raise StorageDown(
                "something in the database was sealed under another secret; "
                "start avtale with the secret that it was made with (AVTALE_SECRET)"
            )
        try:
            raw = base64.b64decode(sealed[len(self._mark) :], validate=True)
            plain: bytes = self._cipher.decrypt(raw, self._mark.encode())
        except Exception as error:
            raise StorageDown(
                "something that was sealed in the database has been changed"
            ) from error
        return plain.decode()
