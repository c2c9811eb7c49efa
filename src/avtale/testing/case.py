"""The same for unittest, in one line: `class TestRenewal(AvtaleTestCase)`."""

from __future__ import annotations

import functools
import unittest
from collections.abc import Callable
from typing import Any

from avtale.testing.sandbox import Avtale


class AvtaleTestCase(unittest.TestCase):
    """A test case with `self.avtale`; a failure carries the report of its units as a note."""

    avtale: Avtale

    def __init__(self, methodName: str = "runTest") -> None:  # noqa: N803 -- unittest's own name
        super().__init__(methodName)
        self._failed = False
        # unittest looks the method up before it calls `setUp`.
        if hasattr(self, methodName):
            setattr(self, methodName, self._with_report(getattr(self, methodName)))

    def setUp(self) -> None:
        """Begin with no sales unit; a `setUp` of your own calls this one first."""
        super().setUp()
        self.avtale = Avtale()
        self.addCleanup(self._let_go)

    def _with_report(self, test: Callable[[], Any]) -> Callable[[], Any]:
        @functools.wraps(test)
        def tested() -> Any:
            try:
                return test()
            except unittest.SkipTest:
                raise
            except BaseException as error:
                self._failed = True
                if report := self.avtale.report():
                    error.add_note(report)
                raise

        return tested

    def _let_go(self) -> None:
        self.avtale.close(keep_units=self._failed)
