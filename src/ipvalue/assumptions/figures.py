"""Figures with unit, date, certainty and source, and sets of them that are saved as JSON with a hash."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
from pathlib import Path
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ipvalue.errors import AssumptionError, IpvalueError

__all__ = ["Figure", "FigureSet"]


class Figure(BaseModel):
    """One number with its unit, date, source and certainty."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    value: float
    unit: str
    date: dt.date = Field(description="the day of which the figure is")
    certainty: Literal["published", "derived", "assumed"]
    source: str = Field(min_length=3)


class FigureSet(BaseModel):
    """A frozen set of figures that is read, written, described and hashed as JSON.

    Examples
    --------
    >>> from ipvalue import Assumptions
    >>> Assumptions.from_json(Assumptions.default("CN").to_json()) == Assumptions.default("CN")
    True
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    fault: ClassVar[type[IpvalueError]] = AssumptionError

    @classmethod
    def from_json(cls, source: str | os.PathLike[str]) -> Self:
        """Read a set from JSON text, or from a file.

        Parameters
        ----------
        source : str or path
            JSON text (it begins with ``{``) or the path of a file that holds it.

        Returns
        -------
        FigureSet
            Of this class.

        Raises
        ------
        AssumptionError
            If the file can't be read, or a figure is missing, unknown or out of bounds; the message names it. Other
            sets raise their own.
        """
        inline = isinstance(source, str) and source.lstrip().startswith("{")
        try:
            text = str(source) if inline else Path(source).read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise cls.fault(f"{source} can't be read as JSON of {cls.__name__}: {error}") from error
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(str(p) for p in first["loc"]) or "the set"
            raise cls.fault(f"{place}: {first['msg']} ({error.error_count()} fault(s) in all)") from error

    def to_json(self, path: str | os.PathLike[str] | None = None) -> str:
        """Write the set as JSON; also into a file where a path is given.

        Raises
        ------
        AssumptionError
            If the file can't be written. Other sets raise their own.
        """
        try:
            return _written(self.model_dump(mode="json"), path)
        except OSError as error:
            raise self.fault(f"{path} can't be written: {error}") from error

    @classmethod
    def json_schema(cls, path: str | os.PathLike[str] | None = None) -> dict[str, Any]:
        """Describe the JSON of a set as a JSON Schema (draft 2020-12), for editors and other systems.

        Parameters
        ----------
        path : path, optional
            Also write it there.

        Returns
        -------
        dict
            The schema. Bounds between figures (a floor below its ceiling, a key ``"default"``) are beyond it;
            :meth:`from_json` checks them.

        Examples
        --------
        >>> from ipvalue import Assumptions
        >>> schema = Assumptions.json_schema()
        >>> schema["$defs"]["Figure"]["required"]
        ['value', 'unit', 'date', 'certainty', 'source']
        """
        schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **cls.model_json_schema()}
        _written(schema, path)
        return schema

    @property
    def hash(self) -> str:
        """SHA-256 over the set's canonical JSON."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()


def _written(content: dict[str, Any], path: str | os.PathLike[str] | None) -> str:
    """Canonical JSON text, written into a file where a path is given."""
    text = json.dumps(content, indent=1, ensure_ascii=False, sort_keys=True)
    if path is not None:
        Path(path).write_text(text, "utf-8")
    return text
