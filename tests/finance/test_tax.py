import json

import numpy as np
import pytest

from ipvalue.finance.discounting import annuity
from ipvalue.finance.tax import amortisation_factor
from tests.shared_data import CASES, needs


@needs(CASES)
def test_published_amortisation_factors():
    cases = [case for case in json.loads(CASES.read_text()) if case["method"] == "tax_amortisation_factor"]
    assert len(cases) == 3
    for case in cases:
        np.testing.assert_allclose(amortisation_factor(**case["inputs"]), case["expected"], rtol=case["tolerance"])


@needs(CASES)
def test_no_published_case_of_income_is_left_out():
    """The cases are on options (tests/finance/test_options.py), generality (test_graph.py) and the factor above."""
    methods = {case["method"] for case in json.loads(CASES.read_text())}
    elsewhere = {"american", "european", "perpetual", "perpetual_threshold", "generality"}
    assert methods - elsewhere == {"tax_amortisation_factor"}


@pytest.mark.parametrize("timing", ["mid", "end"])
def test_factor_solves_the_circular_equation(timing):
    tax, rate, years = np.array([0.15, 0.21, 0.25]), 0.11, np.array([4.5, 15.0, 10.0])
    factor = amortisation_factor(tax, rate, years, timing=timing)
    np.testing.assert_allclose(factor, 1.0 + factor * tax / years * annuity(rate, years, timing=timing), rtol=1e-14)


def test_factor_at_the_limits():
    np.testing.assert_allclose(amortisation_factor(0.25, 0.12, [0.0, 1e-9]), 1 / 0.75, rtol=1e-8)
    assert amortisation_factor(0.0, 0.12, 10) == 1.0
    assert amortisation_factor(0.25, 0.0, 10) == pytest.approx(1 / 0.75)
    assert np.isnan(amortisation_factor([np.nan, 1.0, -0.1, 0.25], 0.1, [10, 10, 10, -1.0])).all()


def test_factor_falls_with_rate_and_length_and_rises_with_tax():
    assert (np.diff(amortisation_factor(0.25, [0.05, 0.1, 0.2], 10)) < 0).all()
    assert (np.diff(amortisation_factor(0.25, 0.1, [5, 10, 15])) < 0).all()
    assert (np.diff(amortisation_factor([0.1, 0.2, 0.3], 0.1, 10)) > 0).all()
