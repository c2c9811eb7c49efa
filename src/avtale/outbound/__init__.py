"""Going out: requests to receivers that merchants name, to addresses that were looked at first (reliability §5 O)."""
