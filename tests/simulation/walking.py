"""Which steps of the lives of agreements and charges were walked."""

from __future__ import annotations

from typing import Any

import pytest

from avtale.agreements import agreement
from avtale.charges import charge

Step = tuple[str, str]


def walking(monkeypatch: pytest.MonkeyPatch) -> set[Step]:
    """A set that grows with every step that is taken from now on: status and happening."""
    walked: set[Step] = set()
    modules: list[Any] = [agreement, charge]
    for module in modules:
        ask = module.next_status

        def remember(status: str, happening: str, ask: Any = ask) -> Any:
            found = ask(status, happening)
            walked.add((status, happening))
            return found

        monkeypatch.setattr(module, "next_status", remember)
    return walked
