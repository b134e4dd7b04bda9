"""Read a finished batch shard by shard: values with the worksheet behind them, from the files of the run.

The batch wrote the book-level statistics beside its values. With them, the book and the engine, a shard is computed
again to the same bits without reading the rest of the book.
"""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ipvalue.batch.plan import STATISTICS
from ipvalue.batch.statistics_files import StatisticsFiles, is_sound, read_counts, read_graph, recorded_digest
from ipvalue.engine import ValuationEngine
from ipvalue.errors import BatchError, BookError
from ipvalue.records.snapshot import Snapshot
from ipvalue.records.statistics import Statistics
from ipvalue.records.store import BookOnDisk, shard_of
from ipvalue.valuation import Valuation
from ipvalue.values import PROVENANCE_KEY
from ipvalue.worksheet import work

__all__ = ["FinishedBatch", "explain"]

Place = str | os.PathLike[str]


class FinishedBatch:
    """The values of a finished batch, with the book and the engine that they were made from.

    Parameters
    ----------
    values, book : path
        Folders of the values and of the book.
    engine : ValuationEngine or path
        The engine, or the folder of a saved one.

    Raises
    ------
    BatchError
        If the batch has not finished, has no statistics of the book, or was made from another book or engine.
    """

    def __init__(self, values: Place, book: Place, engine: ValuationEngine | Place) -> None:
        self.path = Path(values)
        self.run = _run_of(self.path)
        self.disk = BookOnDisk(book)
        self.engine = engine if isinstance(engine, ValuationEngine) else ValuationEngine.load(engine)
        self._statistics = StatisticsFiles(self.path / STATISTICS)
        for what, made, given in (
            ("book", self.run["book"], self.disk.fingerprint),
            ("engine", self.run["engine"], self.engine.hash),
        ):
            if made != given:
                raise BatchError(
                    f"the values in {self.path} were made from another {what}: "
                    f"{str(made)[:12]} there, {given[:12]} here"
                )

    @property
    def shards(self) -> int:
        """Shards of the book and of the values."""
        return self.disk.shards

    def values(self, shard: int) -> Valuation:
        """The values of a shard as they were written, without a worksheet."""
        table = self._part(shard)
        try:
            provenance = json.loads(table.schema.metadata[PROVENANCE_KEY])
        except (KeyError, ValueError, TypeError) as error:
            raise BatchError(f"the provenance of shard {shard} in {self.path} is damaged: {error!r}") from error
        return Valuation(table.replace_schema_metadata(None), provenance)

    def _part(self, shard: int, columns: list[str] | None = None) -> pa.Table:
        file = self.path / f"part-{shard:05d}.parquet"
        try:
            return pq.read_table(file, columns=columns, partitioning=None)
        except (OSError, pa.ArrowException) as error:
            raise BatchError(f"{file} is missing or damaged: {error}; run the batch again") from error

    def snapshot(self, shard: int) -> Snapshot:
        """The shard's part of the book as of the valuation date, with the statistics of the whole book.

        Raises
        ------
        BatchError
            If the statistics are missing or damaged.
        """
        files = self._statistics
        for file in (files.counts, files.graph(shard)):
            if not is_sound(file):
                raise BatchError(f"{file} is missing or damaged: run the batch again to replace it")
        statistics = Statistics(
            read_counts(files.counts, recorded_digest(files.counts) or ""), read_graph(files.graph(shard))
        )
        state = self.disk.read([shard]).as_of(self.run["as_of"], known=self.run["known"])
        return state.with_statistics(statistics, self.disk.fingerprint)

    def valuation(self, shard: int) -> Valuation:
        """The values of a shard as they were written, with the worksheet behind them."""
        sheet = work(self.engine.model, self.snapshot(shard)).without_details()
        return replace(self.values(shard), worksheet=sheet)

    def one(self, patent_id: str) -> Valuation:
        """The value of one patent as it was written, with the worksheet behind it.

        Raises
        ------
        BookError
            If the batch has no such patent.
        BatchError
            If the patent, computed again, has another value.
        """
        if not isinstance(patent_id, str):
            raise BookError(f"patent_id={patent_id!r}: give the identifier as text")
        shard = self._shard_of(patent_id)
        written = self.values(shard)
        place = np.flatnonzero(np.asarray(written.table["patent_id"].to_numpy(zero_copy_only=False)) == patent_id)
        state = self.snapshot(shard)
        sheet = work(self.engine.model, state.select(np.array([state.position(patent_id)])))
        found = replace(written, table=written.table.take(pa.array(place)), worksheet=sheet)
        _check_bits(found.without_overrides(), patent_id)
        return found

    def _shard_of(self, patent_id: str) -> int:
        """The shard of a patent: where its identifier says, or, in a book of another make, wherever it is."""
        likely = int(shard_of(np.array([patent_id], object), self.shards)[0])
        for shard in (likely, *(k for k in range(self.shards) if k != likely)):
            if pc.any(pc.equal(self._part(shard, ["patent_id"])["patent_id"], patent_id)).as_py():
                return shard
        raise BookError(f"there is no patent {patent_id!r} in the values {self.path}")


def explain(values: Place, patent_id: str, *, book: Place, engine: ValuationEngine | Place) -> pd.DataFrame:
    """Explain one value of a finished batch, from input to result, by reading one shard.

    Parameters
    ----------
    values : path
        Folder of the values, as :func:`ipvalue.revalue` left it.
    patent_id : str
        The patent.
    book : path
        Folder of the book that was revalued.
    engine : ValuationEngine or path
        The engine that valued it, or the folder of a saved one.

    Returns
    -------
    pandas.DataFrame
        As :meth:`ipvalue.Valuation.explain`: one row a step; the last row is the value that the batch wrote, to the
        last bit.

    Raises
    ------
    BookError
        If the batch has no such patent.
    BatchError
        If the batch has not finished, was made from another book or engine, or the value cannot be reproduced.

    Examples
    --------
    >>> import ipvalue as ipv, tempfile, pathlib
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> book = ipv.synthetic_book(300, seed=7)
    >>> ipv.write_book(book, folder / "book", shards=2)
    >>> engine = ipv.ValuationEngine(methods=[ipv.ReliefFromRoyalty()]).fit(book, as_of="2024-12-31")
    >>> report = ipv.revalue(folder / "book", folder / "values", engine=engine, as_of="2024-12-31")
    >>> written = ipv.Valuation.from_parquet(folder / "values").to_pandas()["value"]
    >>> steps = ipv.explain(folder / "values", written.idxmax(), book=folder / "book", engine=engine)
    >>> bool(steps["value"].iloc[-1] == written.max())
    True
    """
    return FinishedBatch(values, book, engine).one(patent_id).explain(patent_id)


def _run_of(path: Path) -> dict[str, Any]:
    """The run that a finished batch belongs to, from its manifest."""
    try:
        run: dict[str, Any] = json.loads((path / "_manifest.json").read_text("utf-8"))["run"]
        return {name: run[name] for name in ("book", "engine", "as_of", "known", "shards")}
    except FileNotFoundError as error:
        raise BatchError(f"{path} holds no finished batch: there is no _manifest.json in it") from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BatchError(
            f"{path / '_manifest.json'} is damaged: {error!r}; run the batch again to replace it"
        ) from error


def _check_bits(written: Valuation, patent_id: str) -> None:
    """Refuse to explain a value that cannot be reproduced."""
    assert written.worksheet is not None
    there = written.table["value"].to_numpy(zero_copy_only=False).astype(np.float64)[0]
    here = written.worksheet.value[0]
    if not (here == there or (np.isnan(here) and np.isnan(there))):
        raise BatchError(
            f"{patent_id} was written as {there!r} and is computed as {here!r} here: the versions or the machine "
            "differ from those of the run"
        )
