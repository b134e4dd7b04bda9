"""Pure array mathematics of finance, with no patents in it.

Every function takes numbers or arrays that broadcast, one element a contract or cash flow, and returns a
float64 array of the broadcast shape. Results do not depend on how a batch is cut into chunks.

Modules
-------
arrays
    Broadcasting into contiguous work arrays.
discounting
    Present values of level, growing, decaying and explicit cash flows.
ramp
    Present values of flows that have still to reach their full height.
currency
    Amounts and discount rates in another currency.
cost_of_capital
    Weighted average cost of capital, capital asset pricing model, build-up.
tax
    The tax amortisation benefit.
distributions
    Lognormal, Pareto and weighted quantiles.
lognormal_sums
    The lognormal with the mean and variance of a sum of lognormals.
options
    Perpetual and exchange options and greeks, and the names of all the others.
options_european, options_american, options_compound, options_lattice
    The Black-Scholes-Merton formula, American options by spectral collocation, options on options, lattices.
renewal
    The value of a right that must be renewed for a fee, and what observed renewals tell of it.
"""
