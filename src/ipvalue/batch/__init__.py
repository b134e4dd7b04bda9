"""Revalue a book on disk: planned, shard by shard, resumed where it was stopped."""

from ipvalue.batch.local import revalue
from ipvalue.batch.plan import BatchReport

__all__ = ["BatchReport", "revalue"]
