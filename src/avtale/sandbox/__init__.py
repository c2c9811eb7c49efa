"""The control API: sales units, payers and clocks, for whoever runs the installation; test environment only."""
