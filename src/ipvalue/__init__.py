"""An internal patent valuation engine: features, valuation methods and a batch scorer."""
