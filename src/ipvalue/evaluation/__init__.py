"""How good the values are: metrics, walk-forward backtests, and comparisons of engines."""
