"""Phones: a page for each payer that shows what the app would, and does what a payer could; test environment only."""
