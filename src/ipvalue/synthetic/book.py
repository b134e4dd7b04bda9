"""A synthetic patent book with a known true value for each patent.

It is used in the demo, in tests, and to compare methods with a true value that no real book has. Nothing in it is a
real patent, owner or deal.

The truth
---------
Every patent has a quality z, standard normal; members of one family share most of it (correlation 0.72). Its
yearly income after tax at filing, in the currency of its jurisdiction, is

    theta = 150,000 CNY * exp(level of the field + level of the jurisdiction and right + t(z)),
    t(z)  = s z  up to the 98 % quantile,  s z98 + log(0.02 / (1 - Phi(z))) / 1.35  above it (a Pareto tail),

with s = 1.2 to 1.5 by field, times 0.85 for utility models and designs. Income falls at the field's rate
delta for each year from filing, and is discounted at the field's continuous rate k. With T the years left to
the end of the term, the value on a day is

    V = theta exp(-delta age) (1 - exp(-(delta + k) T)) / (delta + k)     while granted and alive,
    p V     while pending, p = expit(logit(grant share of the right) + 0.5 z) the probability of grant,
    0       once dead (and in the gap between a lapse and a restoration),       NaN before filing.

For a right that is alive, log V is t(z) plus what dates, field, jurisdiction and right tell exactly. The
best possible predictor of V therefore is an average over the distribution of z given all that is observed,
together with the probability that the right has already ended and the office has not yet published it. Given z, the
observables below are independent of each other, but for the errors that two rows or two fees of one patent share and
for the quality that a family shares.

How observables depend on z (coefficient of z in the log of the mean, or in the logit)
--------------------------------------------------------------------------------------
=========================  ======  ==========================================================
observable                 on z    noise
=========================  ======  ==========================================================
forward citations          0.45    negative binomial, shape 1.2; lag gamma(3, 2 years)
outside family members     0.35    Poisson
economics.revenue          t(z)    lognormal, 0.4 a patent and 0.3 a row; known for 40 %
renewal at each fee        t(z)    lognormal, 0.45 a patent and 0.35 a fee
price of a sale            t(z)    lognormal, 0.25; known for 5 %
which patents are sold     0.15    Bernoulli
grant                      0.50    logit
opposition, invalidation   0.40    logit, European patents; 0.60 elsewhere; revoked: -0.20
refusal, of failures       -0.30   logit
pledge, recorded licence   0.30    Bernoulli; 0.40 for licences, 0.20 for preservations
whether revenue is known   0.10    logit
literature cited           0.15    negative binomial, shape 0.5
backward citations         0.10    negative binomial, shape 2
claims                     0.08    negative binomial, shape 3
inventors, IPC symbols     0.08    Poisson
first claim's length       -0.10   lognormal, 0.40 a patent and 0.25 a claim
historical cost            0.15    lognormal, 0.80
=========================  ======  ==========================================================

At a fee the owner keeps the right if the income of the years it covers, as he sees it, exceeds the fee times
a multiple (2 to 6 by office) for all that keeping costs besides.

What is known when
------------------
Tables hold only what was public on the day ``until``: a Chinese lapse of the last thirteen months is in the
truth (``death_date``) and not in the tables. The kind code, and so the identifier, is that of the last day. A
European patent is validated in Germany, France and the United Kingdom, and dies by an entry for each of them.
A loan is secured by one patent. Numbers in ``tables/*.csv`` are assumed unless their source says
otherwise; terms are those of filings since 1995.

References
----------
Silverberg, G. and Verspagen, B. (2007), The size distribution of innovations revisited, Journal of
Econometrics 139, 318-339 (tail index). Schankerman, M. and Pakes, A. (1986), Economic Journal 96, 1052-1076
(renewal). Harhoff, D., Scherer, F. M. and Vopel, K. (2003), Citations, family size, opposition and the value
of patent rights, Research Policy 32, 1343-1363 (which observables show value, and their signs).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from ipvalue.errors import BookError
from ipvalue.records.book import Book, parse_date
from ipvalue.records.schema import TABLES
from ipvalue.synthetic.citations import citations_table
from ipvalue.synthetic.claims import claims_table
from ipvalue.synthetic.deals import draw_deals, transactions_table
from ipvalue.synthetic.documents import claims_numbers, family_table, patents_table
from ipvalue.synthetic.encumbrances import draw_encumbrances, loans_table
from ipvalue.synthetic.events import events_table
from ipvalue.synthetic.market import economics_table, licences_table
from ipvalue.synthetic.population import draw_population, patent_ids
from ipvalue.synthetic.rates import curves_table, fx_table, price_index_table, to_currency
from ipvalue.synthetic.truth import draw_truth, truth_frame, value_on

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = ["SyntheticBook", "synthetic_book", "synthetic_tables"]

EARLIEST_UNTIL = np.datetime64("2010-12-31", "D")
LATEST_UNTIL = np.datetime64("2100-12-31", "D")


class SyntheticBook(Book):
    """A book of synthetic patents, with the truth about them beside it.

    Made by :func:`synthetic_book`. Methods and features never see :attr:`truth`.

    Parameters
    ----------
    tables : dict of str to pyarrow.Table
        From :func:`synthetic_tables`.
    truth : pandas.DataFrame
        From :func:`synthetic_tables`.
    until : datetime64[D]
        Last day of the book.

    Attributes
    ----------
    truth : pandas.DataFrame
        One row a patent, in the order of :attr:`patent_ids`; columns as :func:`synthetic_tables` says.
    until : datetime64[D]
        Last day of the book.
    """

    def __init__(self, tables: dict[str, pa.Table], truth: pd.DataFrame, until: np.datetime64) -> None:
        super().__init__(**tables, strict=True)
        order = truth["patent_id"].argsort(kind="stable")
        self.truth = truth.iloc[order].reset_index(drop=True)
        self.until = until

    def true_value(self, as_of: object, currency: str = "CNY") -> pd.Series[float]:
        """True value of every patent on a day.

        Parameters
        ----------
        as_of : str, datetime.date, numpy.datetime64 or pandas.Timestamp
            The day, not after the last day of the book.
        currency : str
            Currency wanted, ISO 4217; the book's exchange rates convert.

        Returns
        -------
        pandas.Series
            Whole units of the currency, indexed by patent_id: NaN before the filing, 0 where the right is dead.

        Raises
        ------
        BookError
            If the day lies after the book's last day or the currency has no rate.

        Examples
        --------
        >>> book = synthetic_book(100, seed=1)
        >>> bool((book.true_value("2024-12-31").dropna() >= 0).all())
        True
        """
        import pandas as pd

        day = parse_date(as_of)
        if day > self.until:
            raise BookError(f"the synthetic truth ends on {self.until}: {day} lies after it")
        fx = {name: self["fx"][name].to_numpy() for name in ("date", "currency", "rate")}
        if currency not in set(fx["currency"].tolist()):
            raise BookError(f"the book has no exchange rate for {currency!r}")
        local = value_on(day, {str(name): values for name, values in self.truth.items()})
        value = to_currency(local, self.truth["currency"], currency, fx, day)
        return pd.Series(value, index=pd.Index(self.truth["patent_id"], name="patent_id"), name="true_value")

    def __repr__(self) -> str:
        return f"Synthetic {super().__repr__()[:1].lower()}{super().__repr__()[1:]}"


def synthetic_book(n: int, seed: int = 0, *, until: object = "2024-12-31", claim_texts: bool = False) -> SyntheticBook:
    """Make a synthetic book with a known true value for each patent.

    Parameters
    ----------
    n : int
        Number of patents, at least 1.
    seed : int
        Seed, not negative; the same n, seed and options give the same book.
    until : str, datetime.date, numpy.datetime64 or pandas.Timestamp
        Last day of the book, not before 2010-12-31; filings lie in the 25 years before it.
    claim_texts : bool
        Write the wording of Chinese, American, European and German claims; else claims have numbers only.

    Returns
    -------
    SyntheticBook

    Raises
    ------
    BookError
        If an argument is out of range.

    Examples
    --------
    >>> book = synthetic_book(50, seed=7)
    >>> len(book), len(book.rejects), len(book.truth)
    (50, 0, 50)
    """
    tables, truth = synthetic_tables(n, seed, until=until, claim_texts=claim_texts)
    return SyntheticBook(tables, truth, parse_date(until))


def synthetic_tables(
    n: int, seed: int = 0, *, until: object = "2024-12-31", claim_texts: bool = False
) -> tuple[dict[str, pa.Table], pd.DataFrame]:
    """Tables of a synthetic book, and the truth about its patents.

    Parameters
    ----------
    n : int
        Number of patents, at least 1.
    seed : int
        Seed, not negative; the same n, seed and options give the same tables.
    until : str or datetime64
        Last day of the book, not before 2010-12-31; filings lie in the 25 years before it.
    claim_texts : bool
        Write the wording of Chinese, American, European and German claims; else claims have numbers only.

    Returns
    -------
    dict of str to pyarrow.Table
        Every table of the schema, in its columns and types.
    pandas.DataFrame
        One row a patent: patent_id, jurisdiction, right, currency, field (1 to 35); theta (yearly income at
        filing in the currency), delta and discount (per year, continuous), grant_probability;
        application_date, outcome_date (end of the examination), grant_date (after ``until`` for some that
        are pending), term_end (last day), death_date (first day dead, NaT while alive), gap_start and
        gap_end (lapse and restoration); z, log_theta_z (t above), quality (Phi(z)), death_kind.

    Raises
    ------
    BookError
        If an argument is out of range.

    Examples
    --------
    >>> tables, truth = synthetic_tables(10, seed=7)
    >>> tables["patents"].num_rows, len(truth)
    (10, 10)
    """
    last = _checked(n, seed, until)
    population = draw_population(n, seed, last)
    truth = draw_truth(population, seed)
    patent_id = patent_ids(population, truth.grant <= last, seed)
    claims = claims_numbers(population, seed)
    fx = fx_table(seed, last)
    deals = draw_deals(population, truth, fx, seed)
    encumbrances = draw_encumbrances(population, truth, seed)
    patents, leading = patents_table(population, truth, patent_id, claims, seed)
    parts = {
        "patents": [patents],
        "citations": citations_table(population, truth, patent_id, leading, seed),
        "claims": [claims_table(population, truth, patent_id, claims, seed, texts=claim_texts)],
        "legal_events": events_table(population, truth, deals, encumbrances, patent_id, seed),
        "family_members": [family_table(population, truth, patent_id, seed)],
        "economics": [economics_table(population, truth, patent_id, seed)],
        "transactions": [transactions_table(population, deals, patent_id)],
        "licences": [licences_table(n, last, seed)],
        "loans": [loans_table(population, truth, encumbrances["pledge"], patent_id, seed)],
        "curves": [curves_table(seed, last)],
        "fx": [fx],
        "price_index": [price_index_table(seed, last)],
    }
    tables = {name: _arrow_table(name, part) for name, part in parts.items()}
    return tables, truth_frame(population, truth, patent_id)


def _checked(n: int, seed: int, until: object) -> np.datetime64:
    """The last day, after a look at all arguments."""
    if isinstance(n, bool) or not isinstance(n, int | np.integer) or n < 1:
        raise BookError(f"a synthetic book needs a whole number of patents of at least 1, not {n!r}")
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise BookError(f"the seed must be a whole number of at least 0, not {seed!r}")
    last = parse_date(until)
    if not EARLIEST_UNTIL <= last <= LATEST_UNTIL:
        raise BookError(f"until={until!r}: it must lie between {EARLIEST_UNTIL} and {LATEST_UNTIL}")
    return last


def _arrow_table(name: str, parts: list[dict[str, Any]]) -> pa.Table:
    """Parts of a table, laid one below the other, in the schema's columns and types."""
    import pyarrow as pa

    schema = TABLES[name].arrow_schema()
    tables = []
    for part in parts:
        rows = len(next(iter(part.values())))
        columns = [_column(part.get(field.name), field.type, rows) for field in schema]
        tables.append(pa.Table.from_arrays(columns, schema=schema))
    return pa.concat_tables(tables)


def _column(values: Any, kind: pa.DataType, rows: int) -> pa.Array:
    """One column of the schema's type; missing values where the generator has none."""
    import pyarrow as pa

    if values is None:
        return pa.nulls(rows, kind)
    column = values if isinstance(values, pa.Array | pa.ChunkedArray) else pa.array(values)
    return column if column.type == kind else column.cast(kind)
