"""The engine: the one pipeline through which everything that changes state goes."""
