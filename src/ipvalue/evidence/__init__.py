"""What methods learn from: prices, package deals, market data, grants and renewals."""
