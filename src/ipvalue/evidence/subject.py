"""The patents to be valued, and the evidence: patents as columns, prices of single patents, and package deals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ipvalue.features import Features
from ipvalue.records.snapshot import Snapshot
from ipvalue.types import Columns, Dates, Floats, Ints, Mask, Objects, Texts

__all__ = ["Deals", "Evidence", "PackageDeals", "Subject"]


@dataclass(frozen=True)
class Subject:
    """The patents to be valued: all inputs of a method, as columns.

    Attributes
    ----------
    patent_id : ndarray of str, shape (n,)
    jurisdiction, right : ndarray of str, shape (n,)
    field : ndarray of int8, shape (n,)
        WIPO technology field; 0 unknown.
    features : Features
        One column a feature.
    money : dict of str to ndarray
        ``revenue``, ``cost_to_develop`` and ``historical_cost`` in the assumptions' currency, ``exchange_rate`` by
        which they were converted (NaN where no rate of their currency is known), and
        ``revenue_life`` and ``success_probability`` as given; ``price_trend``, the price level on the date over
        that of the day of the economics; ``fee_rate``, units of the assumptions' currency for one unit of the
        currency of the right's renewal fees; ``zero_rate_1`` to ``zero_rate_20``, the yield curve of the
        assumptions' currency. NaN where unknown. ``industry`` of the revenue, '' where unknown.
    dates : dict of str to ndarray of datetime64[D]
        ``as_of`` (the day of which the features are), ``filing`` and ``grant``.
    """

    patent_id: Objects
    jurisdiction: Texts
    right: Texts
    field: npt.NDArray[np.int8]
    features: Features
    money: Columns
    dates: Columns

    def __len__(self) -> int:
        return len(self.patent_id)

    def take(self, rows: npt.NDArray[np.integer] | Mask) -> Subject:
        """Keep some patents, in any order and number."""
        money = {name: values[rows] for name, values in self.money.items()}
        dates = {name: values[rows] for name, values in self.dates.items()}
        office, right = self.jurisdiction[rows], self.right[rows]
        return Subject(self.patent_id[rows], office, right, self.field[rows], self.features.take(rows), money, dates)

    @classmethod
    def concatenate(cls, parts: list[Subject]) -> Subject:
        """Put several subjects one after the other."""
        return cls(
            patent_id=np.concatenate([p.patent_id for p in parts]),
            jurisdiction=np.concatenate([p.jurisdiction for p in parts]),
            right=np.concatenate([p.right for p in parts]),
            field=np.concatenate([p.field for p in parts]),
            features=Features.concatenate([p.features for p in parts]),
            money={name: np.concatenate([p.money[name] for p in parts]) for name in parts[0].money},
            dates={name: np.concatenate([p.dates[name] for p in parts]) for name in parts[0].dates},
        )


@dataclass(frozen=True)
class Deals:
    """Arm's-length prices of single patents, each with what was known of the patent before the deal.

    Attributes
    ----------
    subject : Subject
        One element a deal.
    price : ndarray, shape (n_deals,)
        Price of the patent as a granted right and as by sale, in the assumptions' currency.
    date : ndarray of datetime64[D], shape (n_deals,)
    """

    subject: Subject
    price: Floats
    date: Dates

    def __len__(self) -> int:
        return len(self.price)

    def take(self, rows: npt.NDArray[np.integer] | Mask) -> Deals:
        """Keep some deals."""
        return Deals(self.subject.take(rows), self.price[rows], self.date[rows])


@dataclass(frozen=True)
class PackageDeals:
    """Patents that were sold together at arm's length, one element a patent, the patents of a deal together.

    Only deals of which every patent is known are here.

    Attributes
    ----------
    subject : Subject
        What was known of each patent before the deal.
    price : ndarray, shape (n,)
        Price of the deal as by sale, in the assumptions' currency: the same for all its patents.
    date : ndarray of datetime64[D], shape (n,)
    deal : ndarray of int64, shape (n,)
        Number of the deal, from 0.
    chance : ndarray, shape (n,)
        Probability of grant of each patent on that day; 1 where it was granted.
    """

    subject: Subject
    price: Floats
    date: Dates
    deal: Ints
    chance: Floats

    def __len__(self) -> int:
        return len(self.price)

    @property
    def size(self) -> Ints:
        """Number of patents in the deal of each patent."""
        return np.bincount(self.deal)[self.deal] if len(self) else np.zeros(0, np.int64)

    def without(self, patent_ids: Objects) -> PackageDeals:
        """Leave out every deal that holds one of the patents."""
        gone = np.unique(self.deal[np.isin(self.subject.patent_id.astype(str), patent_ids.astype(str))])
        rows = np.flatnonzero(~np.isin(self.deal, gone))
        deal = np.unique(self.deal[rows], return_inverse=True)[1]
        return PackageDeals(self.subject.take(rows), self.price[rows], self.date[rows], deal, self.chance[rows])


@dataclass(frozen=True)
class Evidence:
    """Evidence for a fit: the book as known on the fit date, and the deals until then.

    ``deals`` are prices of single patents. ``package_deals`` are patents sold together, whose single prices are
    unknown.
    """

    snapshot: Snapshot
    subject: Subject
    deals: Deals
    package_deals: PackageDeals | None = None

    def with_deals(self, rows: npt.NDArray[np.integer] | Mask) -> Evidence:
        """The same evidence with some of the deals; package deals with a patent that is left out are left out too."""
        chosen = self.deals.take(rows)
        if self.package_deals is None:
            return Evidence(self.snapshot, self.subject, chosen)
        gone = np.setdiff1d(self.deals.subject.patent_id.astype(str), chosen.subject.patent_id.astype(str))
        return Evidence(self.snapshot, self.subject, chosen, self.package_deals.without(gone))
