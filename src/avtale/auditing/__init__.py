"""The auditor: what must never happen, looked for in a database that is live, copied or restored (reliability §3)."""

from avtale.auditing.auditor import audit
from avtale.auditing.invariants import BEYOND, INVARIANTS, Invariant
from avtale.auditing.report import AuditImpossible, Report, Violation

__all__ = ["BEYOND", "INVARIANTS", "AuditImpossible", "Invariant", "Report", "Violation", "audit"]
