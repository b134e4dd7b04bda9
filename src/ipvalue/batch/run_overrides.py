"""Experts' overrides in a batch: read completely or refused, sent to the workers, and counted over all shards.

A set of overrides is an input of the run, as the engine is. Each part has the model's columns beside the experts' and
the set in its provenance; how many overrides are applied is counted over all parts.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ipvalue.errors import BatchError, OverrideError, Reason
from ipvalue.overrides.apply import COLUMNS, judge, model_of
from ipvalue.overrides.record import Overrides, given_set
from ipvalue.valuation import Valuation

__all__ = ["override_counts", "overrides_from", "with_overrides"]

_COUNTS = ("applied", "not_applied")
_TABLES = (".csv", ".parquet")


def overrides_from(given: Overrides | str | os.PathLike[str] | None) -> Overrides | None:
    """Overrides of a batch, given as a set or as the path of a JSON, CSV or Parquet file; None without any.

    Raises
    ------
    OverrideError
        If a file or any row of it can't be read: a batch leaves out no override silently.
    """
    if given is None:
        return None
    if not isinstance(given, str | os.PathLike):
        return given_set(given) if len(given_set(given)) else None
    path = Path(given)
    if path.suffix.lower() not in _TABLES:
        try:
            return overrides_from(Overrides.from_json(path))
        except OverrideError as error:
            raise OverrideError(f"{path} is not a set of overrides (.json, .csv or .parquet): {error}") from error
    found, rejects = Overrides.from_table(path, name=path.stem)
    if len(rejects):
        row = rejects.iloc[0]
        raise OverrideError(
            f"{path}: {len(rejects)} row(s) can't be taken; the first is row {row['row']} of {row['patent_id']!r}, "
            f"column {row['column'] or '(several)'}: {row['message']}. Correct them, or pass Overrides.from_table(...)"
            ".overrides to leave them out"
        )
    return overrides_from(found)


def with_overrides(valuation: Valuation, path: Path, overrides_hash: str) -> Valuation:
    """A shard's values with the run's overrides; the provenance is the same in all shards."""
    made = valuation.override(_read(os.fspath(path), overrides_hash))
    lasting = {name: content for name, content in made.provenance["overrides"].items() if name not in _COUNTS}
    return Valuation(made.table, made.provenance | {"overrides": lasting})


def override_counts(overrides: Overrides | None, parts: Iterable[Path]) -> dict[str, int]:
    """Count overrides by status over all parts, as :meth:`ipvalue.Valuation.override_log` gives it."""
    if overrides is None:
        return {}
    wanted = sorted({item.patent_id for item in overrides.items})
    columns = ["patent_id", *(name for name in COLUMNS if name.startswith("model_"))]
    tables = []
    for file in parts:
        try:
            tables.append(
                pq.read_table(file, columns=columns, filters=[("patent_id", "in", wanted)], partitioning=None)
            )
        except (OSError, pa.ArrowException) as error:
            raise BatchError(f"{file} is damaged: {error}; run again to replace it") from error
        provenance = json.loads(pq.read_schema(file).metadata[b"ipvalue"])
    codes = judge(overrides, model_of(Valuation(pa.concat_tables(tables), provenance))).code
    return dict(sorted(Counter(Reason(int(code)).label for code in np.asarray(codes)).items()))


@lru_cache(maxsize=2)
def _read(path: str, overrides_hash: str) -> Overrides:
    """Read a set once a worker."""
    return Overrides.from_json(Path(path))
