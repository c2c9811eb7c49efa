"""The doorkeeper: who somebody is, by a session's cookie; passwords, and how often they may be wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any, Final, NamedTuple

import falcon.asgi
from msgspec.structs import replace

from avtale.accounts import (
    LONGEST_PASSWORD,
    LONGEST_SESSION,
    NAME,
    SHORTEST_PASSWORD,
    Account,
    Role,
    Session,
)
from avtale.engine import clock
from avtale.instants import to_milliseconds
from avtale.keys import Keys
from avtale.problems import Conflict, ResourceNotFound, ValidationFailed
from avtale.storage.storage import Storage, Value

SEEN_AGAIN_SECONDS: Final = 60
"""How old the note of a session's last use may be before it is written anew."""
OPERATIONS: Final = 2
MEMORY_BYTES: Final = 32 * 1024 * 1024
"""Of argon2id; a password costs some thirty milliseconds and this much memory, on one of two threads."""
_threads: Final = ThreadPoolExecutor(2, thread_name_prefix="avtale-passwords")


class Who(NamedTuple):
    """Somebody at the dashboard."""

    name: str
    role: Role
    session: str
    """What forms are bound to; empty where nobody has to sign in."""


NOBODY_ELSE: Final = Who("this machine", "developer", "")
"""Whoever uses a sandbox that only this machine can reach."""


class Doorkeeper:
    """Knows accounts and sessions; `is_open` where only this machine can reach a sandbox, and nobody signs in."""

    def __init__(
        self,
        storage: Storage,
        keys: Keys,
        real_now: Callable[[], datetime],
        *,
        is_open: bool,
        is_secure: bool,
    ) -> None:
        self.is_open = is_open
        self._storage = storage
        self._keys = keys
        self._real_now = real_now
        self._is_secure = is_secure
        # A browser sends a cookie of this name back only where it came over TLS, and to this host alone.
        self._cookie = "__Host-avtale" if is_secure else "avtale"
        self._one_at_a_time = asyncio.Lock()

    # ── sessions ──

    async def who(self, req: falcon.asgi.Request) -> Who | None:
        """Who is signed in, or None."""
        if self.is_open:
            return NOBODY_ELSE
        cookie = (req.get_cookie_values(self._cookie) or [""])[0]
        if not cookie:
            return None
        hashed, now = self._keys.hashed("session", cookie), self._real_now()
        sessions = await self._storage.rows(Session, "session_by_hash", session_hash=hashed)
        if not sessions or sessions[0].is_over(now):
            return None
        account = await self.account(sessions[0].name)
        if account is None or account.disabled is not None:
            return None
        # A page that looks anew by itself is nobody's use of it.
        is_used = req.get_header("HX-Request") is None and req.get_param("listen") is None
        if is_used and (now - sessions[0].seen).total_seconds() >= SEEN_AGAIN_SECONDS:
            seen: dict[str, Value] = {"seen": to_milliseconds(now), "session_hash": hashed}
            await self._storage.execute([("see_session", seen)])
        return Who(account.name, account.role, hashed)

    async def sign_in(self, resp: falcon.asgi.Response, name: str, password: str) -> bool:
        """Begin a session where the password is right; False, whatever was wrong."""
        now = self._real_now()
        # A hundred guesses sent at once are looked at one after another, or the lock would come too late.
        async with self._one_at_a_time:
            account = await self._checked(name, password, now)
        if account is None:
            return False
        cookie = clock.seed().hex()
        before: dict[str, Value] = {"before": to_milliseconds(now - LONGEST_SESSION)}
        await self._storage.execute([("forget_sessions", before)])
        session = Session(self._keys.hashed("session", cookie), account.name, now, now)
        await self._storage.append(Session, [session])
        self._set_cookie(resp, cookie, int(LONGEST_SESSION.total_seconds()))
        return True

    async def _checked(self, name: str, password: str, now: datetime) -> Account | None:
        """The account, where it may sign in with this password; takes as long whatever is wrong."""
        account = await self.account(name)
        hashed = _NOBODYS if account is None else account.password_hash
        is_right = await _on_thread(_matches, hashed, password[: LONGEST_PASSWORD + 1])
        if account is None or account.disabled is not None or account.is_locked(now):
            return None
        if not is_right:
            await self.change(account.mistaken(now))
            return None
        if account.failures:
            await self.change(replace(account, failures=0, locked_until=None))
        return account

    async def sign_out(self, resp: falcon.asgi.Response, who: Who) -> None:
        """End the session, here and everywhere its cookie may have got to."""
        await self._storage.execute([("end_session", {"session_hash": who.session})])
        self._set_cookie(resp, "", 0)

    def _set_cookie(self, resp: falcon.asgi.Response, value: str, seconds: int) -> None:
        resp.set_cookie(
            self._cookie,
            value,
            max_age=seconds,
            path="/",
            secure=self._is_secure,
            http_only=True,
            same_site="Lax",
        )

    # ── accounts ──

    async def account(self, name: str) -> Account | None:
        """The account of that name."""
        found = await self._storage.rows(Account, "account_by_name", name=name)
        return found[0] if found else None

    async def accounts(self) -> list[Account]:
        """All accounts, by name."""
        return await self._storage.rows(Account, "all_accounts")

    async def add(self, name: str, role: Role, password: str) -> Account:
        """A new account; raises ValidationFailed or Conflict."""
        if NAME.fullmatch(name) is None:
            raise ValidationFailed.of(
                "name", "must be 1 to 64 letters, digits and . _ - + @, and begin and end with one"
            )
        if await self.account(name) is not None:
            raise Conflict(f"There is an account {name} already.")
        account = Account(name, role, await self._hashed(password), self._real_now())
        await self._storage.append(Account, [account])
        return account

    async def change(self, account: Account) -> None:
        """Write what became of an account."""
        await self._storage.execute([("change_account", _written(account))])

    async def set_password(self, name: str, password: str) -> None:
        """Another password; whoever is signed in with the old one is not any more."""
        account = await self.require(name)
        hashed = await self._hashed(password)
        changed = replace(account, password_hash=hashed, failures=0, locked_until=None)
        await self._change_and_end_sessions(changed)

    async def set_role(self, name: str, role: Role) -> None:
        """Another role, from the next request on."""
        await self.change(replace(await self.require(name), role=role))

    async def set_disabled(self, name: str, *, disabled: bool) -> None:
        """Let somebody in no more, or again."""
        at = self._real_now() if disabled else None
        await self._change_and_end_sessions(replace(await self.require(name), disabled=at))

    async def remove(self, name: str) -> None:
        """Forget somebody; what they did stays in the journal, under that name."""
        await self.require(name)
        named: dict[str, Value] = {"name": name}
        await self._storage.execute([("end_sessions_of", named), ("delete_account", named)])

    async def require(self, name: str) -> Account:
        """The account of that name; raises ResourceNotFound."""
        account = await self.account(name)
        if account is None:
            raise ResourceNotFound(f"There is no account {name}.")
        return account

    async def _change_and_end_sessions(self, account: Account) -> None:
        named: dict[str, Value] = {"name": account.name}
        await self._storage.execute(
            [("change_account", _written(account)), ("end_sessions_of", named)]
        )

    async def _hashed(self, password: str) -> str:
        if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
            raise ValidationFailed.of(
                "password", f"must have {SHORTEST_PASSWORD} to {LONGEST_PASSWORD} characters"
            )
        made: str = await _on_thread(_hash, password)
        return made


async def _on_thread(work: Callable[..., Any], *values: str) -> Any:
    return await asyncio.get_running_loop().run_in_executor(_threads, work, *values)


def _hash(password: str) -> str:
    # Loaded with the first password, since a sandbox on one's own machine has none.
    from nacl.pwhash import argon2id  # noqa: PLC0415

    made = argon2id.str(password.encode(), opslimit=OPERATIONS, memlimit=MEMORY_BYTES)
    return made.decode()


def _matches(hashed: str, password: str) -> bool:
    from nacl.exceptions import InvalidkeyError  # noqa: PLC0415
    from nacl.pwhash import argon2id  # noqa: PLC0415

    try:
        return argon2id.verify(hashed.encode(), password.encode())
    except InvalidkeyError:
        return False


_NOBODYS: Final = (
    "$argon2id$v=19$m=32768,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$"
    "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
)
"""What a password is compared with where there is no such account, so that it takes as long (reliability A-5)."""


def _written(account: Account) -> dict[str, Value]:
    def instant(at: datetime | None) -> int | None:
        return None if at is None else to_milliseconds(at)

    return {
        "name": account.name,
        "role": account.role,
        "password_hash": account.password_hash,
        "disabled": instant(account.disabled),
        "failures": account.failures,
        "locked_until": instant(account.locked_until),
    }
