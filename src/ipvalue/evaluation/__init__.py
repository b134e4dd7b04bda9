"""How good the values are: metrics, walk-forward backtests, comparisons of engines, and predicted renewals."""

from __future__ import annotations

from ipvalue.evaluation.backtest import Backtest, backtest
from ipvalue.evaluation.compare import Comparison, compare
from ipvalue.evaluation.renewal_prediction import RenewalScore, renewal_score, renewal_survival

__all__ = ["Backtest", "Comparison", "RenewalScore", "backtest", "compare", "renewal_score", "renewal_survival"]
