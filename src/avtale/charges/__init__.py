"""What is taken under an agreement: a charge, its life, its due dates and its payments."""
