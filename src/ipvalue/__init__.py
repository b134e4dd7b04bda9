"""An internal patent valuation engine: features, valuation methods and a batch scorer.

Tables become a :class:`Book`, a book as of a date a snapshot, a snapshot features and values; every value has
its interval, its reasons and its provenance.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ipvalue.assumptions.sets import Assumptions, Figure
    from ipvalue.batch import revalue
    from ipvalue.batch.finished import explain
    from ipvalue.engine import ValuationEngine
    from ipvalue.evaluation.backtest import backtest
    from ipvalue.evaluation.compare import compare
    from ipvalue.features import Family, Feature, extract, feature_catalogue, register_feature
    from ipvalue.methods.base import Method, register_method
    from ipvalue.methods.comparable_sales import ComparableSales
    from ipvalue.methods.excess_earnings import ExcessEarnings
    from ipvalue.methods.gradient_boosting import GradientBoosting
    from ipvalue.methods.hedonic_price import HedonicPrice
    from ipvalue.methods.incremental_income import IncrementalIncome
    from ipvalue.methods.indicator_score import IndicatorScore
    from ipvalue.methods.profit_split import ProfitSplit
    from ipvalue.methods.real_option import RealOption
    from ipvalue.methods.relief_from_royalty import ReliefFromRoyalty
    from ipvalue.methods.renewal_option import RenewalOption
    from ipvalue.methods.replacement_cost import ReplacementCost
    from ipvalue.overrides.record import Override, Overrides
    from ipvalue.reconcile import FixedWeights, PrecisionWeights, Reconciliation, StackedWeights
    from ipvalue.records.book import Book
    from ipvalue.records.check import read_tables
    from ipvalue.records.csv_out import write_csv
    from ipvalue.records.snapshot import Snapshot
    from ipvalue.records.store import read_book, write_book
    from ipvalue.reports.document import dossier
    from ipvalue.risk.attribution import attribute
    from ipvalue.risk.collateral import collateral
    from ipvalue.risk.monitoring import monitor
    from ipvalue.risk.policy import CollateralPolicy
    from ipvalue.risk.portfolio import portfolio
    from ipvalue.risk.reverse import reverse_stress
    from ipvalue.risk.scenarios import Scenario
    from ipvalue.risk.stress import stress
    from ipvalue.sources.cnipa import read_cnipa
    from ipvalue.sources.damodaran import industry_figures, read_damodaran
    from ipvalue.sources.exchange_rates import read_ecb_fx
    from ipvalue.sources.family_exports import read_family_export
    from ipvalue.sources.google_patents import read_google_patents
    from ipvalue.sources.joining.assemble import combine
    from ipvalue.sources.jpo import read_jpo
    from ipvalue.sources.lens import read_lens
    from ipvalue.sources.maintenance_fees import read_maintenance_fees
    from ipvalue.sources.odp import read_odp
    from ipvalue.sources.ops import read_ops
    from ipvalue.sources.patentsview import read_patentsview
    from ipvalue.sources.patstat import read_patstat
    from ipvalue.sources.royalties import read_royalties
    from ipvalue.sources.sniffing import sniff
    from ipvalue.sources.university_renewals import read_university_renewals
    from ipvalue.sources.uspto import read_uspto_grants
    from ipvalue.sources.wipo import read_wipo_xml
    from ipvalue.sources.world_bank import read_world_bank
    from ipvalue.sources.yield_curves import read_yield_curve
    from ipvalue.synthetic.book import synthetic_book
    from ipvalue.valuation import Valuation

# where each public name lives; a name is imported when it is first used, so that importing ipvalue is quick
_PLACES = {
    # what is known
    "Book": "ipvalue.records.book",
    "Snapshot": "ipvalue.records.snapshot",
    "read_book": "ipvalue.records.store",
    "write_book": "ipvalue.records.store",
    "synthetic_book": "ipvalue.synthetic.book",
    "read_uspto_grants": "ipvalue.sources.uspto",
    "read_patentsview": "ipvalue.sources.patentsview",
    "read_maintenance_fees": "ipvalue.sources.maintenance_fees",
    "read_odp": "ipvalue.sources.odp",
    "read_cnipa": "ipvalue.sources.cnipa",
    "read_ops": "ipvalue.sources.ops",
    "read_wipo_xml": "ipvalue.sources.wipo",
    "read_patstat": "ipvalue.sources.patstat",
    "read_jpo": "ipvalue.sources.jpo",
    "read_university_renewals": "ipvalue.sources.university_renewals",
    "read_tables": "ipvalue.records.check",
    "write_csv": "ipvalue.records.csv_out",
    "combine": "ipvalue.sources.joining.assemble",
    "sniff": "ipvalue.sources.sniffing",
    "read_lens": "ipvalue.sources.lens",
    "read_google_patents": "ipvalue.sources.google_patents",
    "read_family_export": "ipvalue.sources.family_exports",
    "read_yield_curve": "ipvalue.sources.yield_curves",
    "read_ecb_fx": "ipvalue.sources.exchange_rates",
    "read_royalties": "ipvalue.sources.royalties",
    "read_damodaran": "ipvalue.sources.damodaran",
    "industry_figures": "ipvalue.sources.damodaran",
    "read_world_bank": "ipvalue.sources.world_bank",
    # what a patent looks like
    "extract": "ipvalue.features",
    "feature_catalogue": "ipvalue.features",
    "Feature": "ipvalue.features",
    "Family": "ipvalue.features",
    "register_feature": "ipvalue.features",
    # what it is worth
    "Assumptions": "ipvalue.assumptions.sets",
    "Figure": "ipvalue.assumptions.sets",
    "Method": "ipvalue.methods.base",
    "register_method": "ipvalue.methods.base",
    "ReliefFromRoyalty": "ipvalue.methods.relief_from_royalty",
    "ComparableSales": "ipvalue.methods.comparable_sales",
    "GradientBoosting": "ipvalue.methods.gradient_boosting",
    "HedonicPrice": "ipvalue.methods.hedonic_price",
    "ExcessEarnings": "ipvalue.methods.excess_earnings",
    "IncrementalIncome": "ipvalue.methods.incremental_income",
    "ProfitSplit": "ipvalue.methods.profit_split",
    "IndicatorScore": "ipvalue.methods.indicator_score",
    "RealOption": "ipvalue.methods.real_option",
    "RenewalOption": "ipvalue.methods.renewal_option",
    "ReplacementCost": "ipvalue.methods.replacement_cost",
    "Reconciliation": "ipvalue.reconcile",
    "PrecisionWeights": "ipvalue.reconcile",
    "FixedWeights": "ipvalue.reconcile",
    "StackedWeights": "ipvalue.reconcile",
    "ValuationEngine": "ipvalue.engine",
    "Valuation": "ipvalue.valuation",
    "Override": "ipvalue.overrides.record",
    "Overrides": "ipvalue.overrides.record",
    # what it means for risk
    "attribute": "ipvalue.risk.attribution",
    "Scenario": "ipvalue.risk.scenarios",
    "stress": "ipvalue.risk.stress",
    "reverse_stress": "ipvalue.risk.reverse",
    "CollateralPolicy": "ipvalue.risk.policy",
    "collateral": "ipvalue.risk.collateral",
    "monitor": "ipvalue.risk.monitoring",
    "portfolio": "ipvalue.risk.portfolio",
    # a whole book on disk
    "revalue": "ipvalue.batch",
    "explain": "ipvalue.batch.finished",
    # how good the values are
    "backtest": "ipvalue.evaluation.backtest",
    "compare": "ipvalue.evaluation.compare",
    # what a validator reads
    "dossier": "ipvalue.reports.document",
}

__version__ = "0.1.0"

__all__ = [
    "Assumptions",
    "Book",
    "CollateralPolicy",
    "ComparableSales",
    "ExcessEarnings",
    "Family",
    "Feature",
    "Figure",
    "FixedWeights",
    "GradientBoosting",
    "HedonicPrice",
    "IncrementalIncome",
    "IndicatorScore",
    "Method",
    "Override",
    "Overrides",
    "PrecisionWeights",
    "ProfitSplit",
    "RealOption",
    "Reconciliation",
    "ReliefFromRoyalty",
    "RenewalOption",
    "ReplacementCost",
    "Scenario",
    "Snapshot",
    "StackedWeights",
    "Valuation",
    "ValuationEngine",
    "attribute",
    "backtest",
    "collateral",
    "combine",
    "compare",
    "dossier",
    "explain",
    "extract",
    "feature_catalogue",
    "monitor",
    "portfolio",
    "register_feature",
    "register_method",
    "read_book",
    "read_cnipa",
    "read_ops",
    "read_damodaran",
    "industry_figures",
    "read_ecb_fx",
    "read_family_export",
    "read_google_patents",
    "read_lens",
    "read_maintenance_fees",
    "read_odp",
    "read_patentsview",
    "read_royalties",
    "read_tables",
    "read_wipo_xml",
    "read_patstat",
    "read_jpo",
    "read_university_renewals",
    "read_uspto_grants",
    "read_world_bank",
    "read_yield_curve",
    "revalue",
    "reverse_stress",
    "sniff",
    "stress",
    "synthetic_book",
    "write_book",
    "write_csv",
]


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module 'ipvalue' has no attribute {name!r}")
    value = getattr(import_module(_PLACES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
