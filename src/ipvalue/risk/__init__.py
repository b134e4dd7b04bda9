"""What a value is worth to a lender: collateral, portfolio, monitoring and overrides."""
