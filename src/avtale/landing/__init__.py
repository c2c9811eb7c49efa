"""The landing page: where a payer's browser meets a request, and is sent back from; test environment only."""
