"""Risk: collateral and loans, stress, attribution, portfolio and monitoring."""
