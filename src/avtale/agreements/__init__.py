"""What a payer and a merchant agreed on: its life, its price, its campaign and its rhythm."""
