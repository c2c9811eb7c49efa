"""Gateways: whoever moves the money, asked in batches, each ask under its own key."""
