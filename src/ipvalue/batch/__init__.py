"""Revalue a book on disk, shard by shard; a run that was stopped is resumed.

Progress is recorded in the journal in the folder of the values, and with the same fields by the logger
``ipvalue.batch`` (:mod:`ipvalue.batch.journal` lists them). A finished batch has a manifest
(:mod:`ipvalue.batch.manifest`). Only a progress bar is printed, on a terminal.
"""

from ipvalue.batch.local import revalue
from ipvalue.batch.plan import BatchReport

__all__ = ["BatchReport", "revalue"]
