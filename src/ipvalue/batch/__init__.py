"""Revalue a book on disk: planned, shard by shard, resumed where it was stopped.

What happens is told three times: to the journal in the folder of the values, to the logger ``ipvalue.batch`` with the
same fields (:mod:`ipvalue.batch.journal` lists them), and, when all is done, in the manifest
(:mod:`ipvalue.batch.manifest`). Nothing is printed but a progress bar on a terminal.
"""

from ipvalue.batch.local import revalue
from ipvalue.batch.plan import BatchReport

__all__ = ["BatchReport", "revalue"]
