"""Pure array mathematics of finance, with no patents in it.

Every function takes numbers or arrays that broadcast, one element a contract or cash flow, and returns a
float64 array of the broadcast shape. Results do not depend on how a batch is cut into chunks.

Modules
-------
arrays
    Broadcasting into contiguous work arrays.
discounting
    Present values of level, growing and decaying cash flows, and annuities.
ramp
    Present values of cash flows that rise to their full height over some years.
tax
    The tax amortisation factor.
distributions
    Quantiles of lognormal distributions and of weighted observations.
lognormal_sums
    The lognormal distribution with the mean and variance of a sum of lognormals.
conformal
    Quantiles of errors that give prediction intervals with guaranteed coverage.
options
    Perpetual and exchange options; also imports the functions of the option modules below.
options_european, options_american, options_compound, options_lattice
    The Black-Scholes-Merton formula, American options by spectral collocation, options on options, lattices.
renewal, renewal_fit
    The value of a right that must be renewed for a fee, and maximum likelihood estimates from observed renewals.
ridge
    Weighted ridge regression with leverages.
nearest_neighbours
    Exact nearest neighbours.
"""
