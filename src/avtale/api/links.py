"""Links that answers carry: the confirmation URL with its sealed token, the userinfo URL (rulings §7).

The token is worked out from the agreement's id and the installation's key whenever it is needed,
so it is stored nowhere.
"""

from __future__ import annotations

import msgspec

from avtale.agreements.agreement import Agreement
from avtale.keys import Keys
from avtale.rulebook import Environment

LANDING_MARK = "{landing}"
"""What stands for the token in an answer that is stored."""


class _Drafted(msgspec.Struct, rename="camel"):
    agreement_id: str


class Links:
    """Makes links of one installation; `public_url` comes from the configuration alone."""

    def __init__(self, public_url: str, keys: Keys, environment: Environment) -> None:
        self._public_url = public_url.rstrip("/")
        self._keys = keys
        self._app_scheme = "vippsMT" if environment == "test" else "vipps"

    def confirmation(self, token: str, *, is_app: bool) -> str:
        """Where the payer says yes or no."""
        if is_app:
            return f"{self._app_scheme}://?token={token}"
        return f"{self._public_url}/landing?v=2&token={token}"

    def confirmation_of(self, agreement: Agreement) -> str:
        """The confirmation URL of an agreement: the same in the draft's answer and in every later one."""
        token = self.token(agreement.merchant_serial_number, agreement.agreement_id)
        return self.confirmation(token, is_app=agreement.is_app)

    def token(self, msn: str, agreement_id: str) -> str:
        """The landing token of an agreement."""
        return self._keys.sealed("landing", f"{msn}.{agreement_id}")

    def opened(self, token: str) -> tuple[str, str] | None:
        """The sales unit and the agreement that a landing token names, or None where it is none of ours."""
        opened = self._keys.opened("landing", token)
        if opened is None:
            return None
        msn, _, agreement_id = opened.partition(".")
        return msn, agreement_id

    def complete(self, body: str, msn: str) -> str:
        """A draft's stored answer with the token where the mark stands."""
        if LANDING_MARK not in body:
            return body
        agreement_id = msgspec.json.decode(body, type=_Drafted).agreement_id
        return body.replace(LANDING_MARK, self.token(msn, agreement_id))

    def userinfo(self, sub: str | None) -> str | None:
        """Where the profile that a payer shared can be fetched."""
        if sub is None:
            return None
        return f"{self._public_url}/vipps-userinfo-api/userinfo/{sub}"
