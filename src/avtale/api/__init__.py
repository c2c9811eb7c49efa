"""The API on HTTP: every path in one table, the gate, the responders."""
