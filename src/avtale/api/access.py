"""Access tokens: issued for a client id and secret, checked on every call (api-facts 1, rulings §3).

Signed JWTs with one algorithm and one key of the installation;
what a token's header says of either is never believed.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta

import jwt

from avtale.api.directory import Directory, Known
from avtale.keys import Keys
from avtale.problems import MissingRequestHeader, NotAuthorized, UnknownClient, WrongClientSecret
from avtale.rulebook import Environment, rulebook_for
from avtale.wire.tokens import TokenAnswer

ALGORITHM = "HS256"
AUDIENCE = "recurring"
ISSUER = "avtale"
RESOURCE = "00000002-0000-0000-c000-000000000000"
LONGEST_TOKEN = 4096
MOST_REMEMBERED = 10_000


class Access:
    """Issues tokens and tells whose a token is."""

    def __init__(
        self,
        directory: Directory,
        keys: Keys,
        environment: Environment,
        real_now: Callable[[], datetime],
    ) -> None:
        self._directory = directory
        self._keys = keys
        self._key = keys.derived("access token")
        self._lifetime_seconds = rulebook_for(environment, "NO").token_lifetime_seconds
        self._real_now = real_now
        self._remembered: OrderedDict[str, tuple[datetime, str]] = OrderedDict()

    async def issue(self, client_id: str | None, client_secret: str | None) -> TokenAnswer:
        """A token for the client; unknown and wrong are told apart as the vendor's own endpoint does."""
        if not client_id or not client_secret:
            raise MissingRequestHeader(
                "The headers client_id and client_secret must both be given."
            )
        known = await self._directory.by_client_id(client_id)
        hashed = known.client.secret_hash if known is not None else "0" * 64
        is_right = self._keys.matches("client secret", client_secret, hashed)
        if known is None:
            raise UnknownClient("No client has this client_id.")
        if not is_right:
            raise WrongClientSecret("The client_secret is not that of this client_id.")
        return self._issue(known)

    def _issue(self, known: Known) -> TokenAnswer:
        now = self._real_now().replace(microsecond=0)
        expires = now + timedelta(seconds=self._lifetime_seconds)
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": known.client.client_id,
            "iat": int(now.timestamp()),
            "nbf": int(now.timestamp()),
            "exp": int(expires.timestamp()),
        }
        return TokenAnswer(
            token_type="Bearer",  # noqa: S106 -- the name of a scheme
            expires_in=str(self._lifetime_seconds),
            ext_expires_in="0",
            expires_on=str(claims["exp"]),
            not_before=str(claims["nbf"]),
            resource=RESOURCE,
            access_token=jwt.encode(claims, self._key, ALGORITHM, headers={"kid": "1"}),
        )

    def client_of(self, authorization: str | None) -> str:
        """The client id of a bearer token; raises NotAuthorized with what is wrong with it."""
        if not authorization:
            raise NotAuthorized("The Authorization header is missing; send `Bearer` and a token.")
        remembered = self._remembered.get(authorization)
        now = self._real_now()
        if remembered is not None:
            if remembered[0] > now:
                return remembered[1]
            del self._remembered[authorization]
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise NotAuthorized("The Authorization header must be `Bearer` and a token.")
        expires, client_id = self._checked(token.strip(), now)
        self._remembered[authorization] = (expires, client_id)
        if len(self._remembered) > MOST_REMEMBERED:
            self._remembered.popitem(last=False)
        return client_id

    def _checked(self, token: str, now: datetime) -> tuple[datetime, str]:
        if len(token) > LONGEST_TOKEN:
            raise NotAuthorized("The access token is not one of ours.")
        try:
            claims = jwt.decode(
                token,
                self._key,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                issuer=ISSUER,
                options={
                    "require": ["exp", "nbf", "iat", "sub"],
                    "verify_exp": False,
                    "verify_nbf": False,
                    "verify_iat": False,
                },
            )
            expires = datetime.fromtimestamp(claims["exp"], now.tzinfo)
            begins = datetime.fromtimestamp(claims["nbf"], now.tzinfo)
            client_id = claims["sub"]
        except (jwt.PyJWTError, ValueError, TypeError, OverflowError, UnicodeError) as error:
            raise NotAuthorized("The access token is not one of ours.") from error
        if not begins <= now < expires:
            raise NotAuthorized("The access token has expired; get a new one.")
        return expires, client_id
