"""Values of an income in 60 digits: sums over years, without any function of the library but the fees' calendar.

A ramp is the primitive of its share of sales; an owner's choice to let a right go is the largest over all fee dates.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import mpmath

from ipvalue.assumptions.sets import Assumptions

mpf = mpmath.mpf
HALF = mpf(1) / 2
DIGITS = 60


@cache
def benefit(tax: float, rate: float, years: int) -> mpmath.mpf:
    """Tax amortisation factor over whole years, from its sum."""
    r = mpf(rate)
    return 1 / (1 - mpf(tax) / years * sum((1 + r) ** -(k + HALF) for k in range(years)))


def sold(time: mpmath.mpf, ramp: mpmath.mpf, shape: str) -> mpmath.mpf:
    """Sales from launch until a time, in years of full sales."""
    if time >= ramp:
        return ramp / 2 + (time - ramp)
    x = time / ramp
    return ramp * (x**2 / 2 if shape == "linear" else x**3 - x**4 / 2)


class Income:
    """An income of one a year at first, by the time at which it ends."""

    def __init__(self, rate: float, growth: float, ramp: float, shape: str, years: float) -> None:
        self.r, self.g, self.ramp, self.shape = mpf(rate), mpf(growth), mpf(ramp), shape
        self.factor, self.log_discount = (1 + self.g) / (1 + self.r), mpmath.log1p(self.r)
        self.flow, self.until = [mpf(1)], [mpf(0)]
        middle = (1 + self.r) ** -HALF
        for k in range(int(mpmath.floor(mpf(years)))):
            self.until.append(self.until[-1] + self._share(mpf(k), mpf(k + 1)) * self.flow[-1] * middle)
            self.flow.append(self.flow[-1] * self.factor)

    def _share(self, a: mpmath.mpf, b: mpmath.mpf) -> mpmath.mpf:
        if a >= self.ramp or a == b:
            return mpf(1)
        return (sold(b, self.ramp, self.shape) - sold(a, self.ramp, self.shape)) / (b - a)

    def worth(self, time: mpmath.mpf) -> mpmath.mpf:
        """Present value until a time within the years."""
        whole = int(mpmath.floor(time))
        rest = time - whole
        last = rest * mpmath.exp(-self.log_discount * rest / 2) * self._share(mpf(whole), time)
        return self.until[whole] + self.flow[whole] * last


def net_value(
    income: Income, flow: mpmath.mpf, years: float, fees: list[tuple[float, float, float]], after_tax: mpmath.mpf
) -> mpmath.mpf:
    """Best over all stops; fees are (due, lapse, amount), times in days, in order."""
    end, paid, best = mpf(years), mpf(0), mpf(0)
    for due_days, lapse_days, amount in fees:
        due, lapse = mpf(due_days) * 4 / 1461, mpf(lapse_days) * 4 / 1461
        if due <= 0 or lapse >= end:
            continue
        best = max(best, flow * income.worth(lapse) - paid)
        paid += mpf(amount) * after_tax * mpmath.exp(-income.log_discount * due)
    return max(best, flow * income.worth(end) - paid)


def chance(assumptions: Assumptions, success: float, challenged: bool) -> mpmath.mpf:
    """Success, validity and enforcement of one patent."""
    validity = assumptions.validity_probability["challenged" if challenged else "default"].value
    return mpf(success) * mpf(validity) * mpf(assumptions.enforcement_probability["default"].value)


def agrees(value: Any, exact: mpmath.mpf) -> bool:
    """Whether a float is the exact number within 1e-12 of it."""
    return bool(abs(mpf(float(value)) - exact) <= mpf("1e-12") * abs(exact))
