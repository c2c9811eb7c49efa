"""Mistakes of users of the client; a type checker finds each of them, on the lines that say so."""

from avtale import Client
from avtale.client import Interval, LegacyPricing

client = Client("http://127.0.0.1:8080", client_id="id")  # wrong
client.create_charge("agr_1", amount="499", description="x")  # wrong
client.create_charge("agr_1", amount=1)  # wrong
client.draft_agreement(product_name="X", pricing=499_00, merchant_redirect_url="u")  # wrong
red = client.fetch_agreement("agr_1").colour  # wrong
Interval("FORTNIGHT", 1)  # wrong
LegacyPricing(499_00, "SEK")  # wrong
