"""Books whose owners renew exactly as the renewal model says: known coefficients, spread and decay."""

from __future__ import annotations

import numpy as np

import ipvalue as ipv
from ipvalue.evidence.fee_years import by_year, slot_years
from ipvalue.evidence.renewal_history import Thresholds
from ipvalue.law.dates import years_between
from ipvalue.law.fees import calendar

__all__ = ["TRUE", "simulate"]

TRUE = {"intercept": 9.0, "n_claims": 0.6, "n_inventors": -0.3, "sigma": 1.8, "decay": 0.16}
"""Per unit of ln(1 + feature); sigma and decay a year."""
_LAPSE_CODE = {"CN": ("cnipa", "CF01"), "US": ("uspto", "EXP.")}
# each yuan of fee as one unit of money of every office, so that no rate of exchange plays a part
_RATES = {"CN": 1.0, "US": 7.0}


def simulate(n: int, seed: int, observed: str, assumptions: ipv.Assumptions) -> ipv.Book:
    """n Chinese and US patents, of which those not worth their next fee by the observation have lapsed."""
    random = np.random.default_rng(seed)
    office = np.where(random.random(n) < 0.5, "CN", "US")
    filing = np.datetime64("1999-01-01") + random.integers(0, 12 * 365, n).astype("timedelta64[D]")
    grant = filing + random.integers(400, 1800, n).astype("timedelta64[D]")
    claims, inventors = random.geometric(0.07, n), random.geometric(0.4, n)
    mu = TRUE["intercept"] + TRUE["n_claims"] * np.log1p(claims) + TRUE["n_inventors"] * np.log1p(inventors)
    first = np.exp(mu + TRUE["sigma"] * random.standard_normal(n))
    fees = calendar(office, "invention", filing, grant, n_claims=claims)
    end = filing.astype("datetime64[M]") + np.timedelta64(240, "M") + (filing - filing.astype("datetime64[M]"))
    rate = np.where(office == "CN", _RATES["CN"], _RATES["US"])
    table = by_year(fees, grant, rate, years_between(grant, end.astype("datetime64[D]")))
    discount = assumptions.discount_rate(np.zeros(n, np.int8))
    keep = Thresholds(table.amount, discount)
    reach = np.column_stack([keep.reach(TRUE["decay"], np.full(n, k)) for k in range(1, table.amount.shape[1] + 1)])
    year = slot_years(fees, grant)
    lapse = np.full(n, np.datetime64("NaT", "D"))
    for slot in reversed(range(year.shape[1])):
        used = (year[:, slot] >= 0) & np.isfinite(table.amount[np.arange(n), np.maximum(year[:, slot], 0)])
        stops = used & (first < reach[np.arange(n), np.maximum(year[:, slot], 0)])
        lapse = np.where(stops, fees.lapse[:, slot], lapse)
    gone = np.flatnonzero(lapse <= np.datetime64(observed))
    ids = np.array([f"{o}-{i:07d}-B" for i, o in enumerate(office)])
    schemes = np.array([_LAPSE_CODE[o] for o in office[gone]]).reshape(-1, 2)
    patents = {
        "patent_id": ids,
        "jurisdiction": office,
        "application_date": filing.astype(str),
        "grant_date": grant.astype(str),
        "publication_date": grant.astype(str),
        "n_claims": claims,
        "n_inventors": inventors,
    }
    events = {
        "patent_id": ids[gone],
        "effective_date": lapse[gone].astype(str),
        "announced_date": lapse[gone].astype(str),
        "scheme": schemes[:, 0],
        "code": schemes[:, 1],
    }
    fx = {"date": ["1999-01-01"], "currency": ["CNY"], "rate": [_RATES["CN"] / _RATES["US"]]}
    return ipv.Book(patents=patents, legal_events=events, fx=fx)
