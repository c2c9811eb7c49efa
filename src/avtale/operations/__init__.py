"""The operations: one function each, under its published name; refusals first, then the work."""
