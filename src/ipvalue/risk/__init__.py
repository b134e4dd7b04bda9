"""What a value means for risk: collateral, stress, attribution, portfolio."""
