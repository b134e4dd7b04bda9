"""The schema of every table: columns, types, units, ranges, keys and meaning.

Coercion, rejects, storage, the README's tables and ``check`` all read :data:`TABLES`. A new column is one line here.

Examples
--------
>>> from ipvalue.records.schema import TABLES
>>> TABLES["patents"].required
('patent_id', 'jurisdiction', 'application_date')
>>> TABLES["transactions"].columns["price"].unit
'currency units'
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Column", "Kind", "RIGHTS", "TABLES", "Table", "markdown"]

Kind = Literal["id", "code", "text", "integer", "number", "date", "list", "flag"]

_FIRST_DATE = "1790-01-01"  # the first patent statute of the United States is of 1790
_LAST_DATE = "2200-01-01"


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Parameters
    ----------
    name, kind, meaning : str
        ``kind`` is id, code, text, integer, number, date, list (of strings) or flag.
    unit : str
        What one unit of the number is; empty where there is none.
    required : bool
        A table without this column is refused, and a row without a value is rejected.
    lower, upper : float
        Closed range of a number or integer.
    codes : tuple of str
        Permitted codes; empty where ``pattern`` decides.
    pattern : str
        Regular expression that a code must match as a whole.
    max_length : int
        Longest text in characters (for a list: of each element).
    added : str
        The release that added it; empty for a column of the first one. Books that were written before have no values
        in it, and keep their fingerprint: see :func:`ipvalue.records.fingerprint.fingerprint`.
    """

    name: str
    kind: Kind
    meaning: str
    unit: str = ""
    required: bool = False
    lower: float | None = None
    upper: float | None = None
    codes: tuple[str, ...] = ()
    pattern: str = ""
    max_length: int = 200
    added: str = ""

    @property
    def earliest(self) -> str:
        """Earliest date that a date column takes."""
        return _FIRST_DATE

    @property
    def latest(self) -> str:
        """Latest date that a date column takes."""
        return _LAST_DATE

    def arrow_type(self) -> pa.DataType:
        """Arrow type of the column."""
        import pyarrow as pa

        types: dict[str, pa.DataType] = {
            "id": pa.string(),
            "code": pa.string(),
            "text": pa.large_string(),  # the wording of many claims is longer than offsets of 32 bits reach
            "integer": pa.int32(),
            "number": pa.float64(),
            "date": pa.date32(),
            "list": pa.list_(pa.string()),
            "flag": pa.bool_(),
        }
        return types[self.kind]

    @property
    def range_text(self) -> str:
        """The permitted values, for people."""
        if self.codes:
            return ", ".join(self.codes)
        if self.kind == "date":
            return f"{self.earliest} to {self.latest}"
        if self.lower is None and self.upper is None:
            return self.pattern
        low = "" if self.lower is None else f"{self.lower:g}"
        high = "" if self.upper is None else f"{self.upper:g}"
        return f"{low} to {high}".strip()


@dataclass(frozen=True)
class Table:
    """One table: its columns, its key, and how its rows belong to patents.

    Parameters
    ----------
    name, meaning : str
        The name as in ``Book(name=...)`` and what a row is.
    columns : dict of str to Column
        In the order of the stored table.
    key : tuple of str
        Columns that identify a row: of two rows with the same key and other values, one is rejected. Empty: rows
        are identified by all their values.
    patent_columns : tuple of str
        Columns that hold a patent_id of the book. With ``any_patent`` one of them is enough.
    known_column : str
        The date from which a row is known; empty where the snapshot has a rule of its own.
    """

    name: str
    meaning: str
    columns: dict[str, Column]
    key: tuple[str, ...] = ()
    patent_columns: tuple[str, ...] = ()
    known_column: str = ""
    required: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        needed = tuple(c.name for c in self.columns.values() if c.required)
        object.__setattr__(self, "required", needed)

    def arrow_schema(self) -> pa.Schema:
        """Arrow schema of the table in memory and on disk."""
        import pyarrow as pa

        return pa.schema([pa.field(c.name, c.arrow_type()) for c in self.columns.values()])


RIGHTS = ("invention", "utility_model", "design", "plant")


def _id(name: str, meaning: str, **more: object) -> Column:
    return Column(name, "id", meaning, **more)  # type: ignore[arg-type]


def _date(name: str, meaning: str, required: bool = False) -> Column:
    return Column(name, "date", meaning, unit="day", required=required)


def _office(name: str = "jurisdiction", required: bool = True) -> Column:
    return Column(name, "code", "office or state, WIPO ST.3", required=required, pattern="[A-Z]{2}")


_CURRENCY = Column("currency", "code", "currency, ISO 4217; the valuation's where absent", pattern="[A-Z]{3}")
_ANYTHING = 1e15  # no single amount in any currency is larger


def _table(name: str, meaning: str, columns: list[Column], **more: object) -> Table:
    return Table(name, meaning, {c.name: c for c in columns}, **more)  # type: ignore[arg-type]


_PATENTS = _table(
    "patents",
    "a patent or application",
    [
        _id("patent_id", "the patent's identifier, unique in the book", required=True),
        _office(),
        Column("right", "code", "kind of right; from the kind code where absent", codes=RIGHTS),
        Column("kind", "code", "kind code, WIPO ST.16", pattern="[A-Z][0-9]{0,2}"),
        _date("application_date", "national or international filing date", required=True),
        _date("priority_date", "earliest priority"),
        _date("parent_filing_date", "earliest filing of which the term is counted (US continuation parent)"),
        _date("publication_date", "first publication"),
        _date("grant_date", "grant or registration"),
        _id("family_id", "the family's identifier"),
        Column("ipc", "list", "IPC or CPC symbols, the first one leading", max_length=40),
        Column("owners", "list", "owners, normalised names or identifiers", max_length=500),
        Column("n_inventors", "integer", "inventors", unit="persons", lower=0, upper=1000),
        Column("npl_citations", "integer", "non-patent literature cited", unit="documents", lower=0, upper=1e5),
        Column("n_claims", "integer", "claims, where the claims table lacks them", unit="claims", lower=0, upper=1e5),
        Column("term_adjustment_days", "integer", "term adjustment (PTA)", unit="days", lower=0, upper=20_000),
        _date("term_adjustment_known_date", "publication of the adjustment; the grant where absent"),
        Column("term_extension_days", "integer", "term extension (PTE, SPC)", unit="days", lower=0, upper=5_500),
        _date("term_extension_known_date", "publication of the extension; the grant where absent"),
        _date("disclaimer_date", "terminal disclaimer: the date to which the term is cut"),
        _date("disclaimer_known_date", "publication of the disclaimer; the grant where absent"),
    ],
    key=("patent_id",),
    patent_columns=("patent_id",),
    known_column="application_date",
)

_CITATIONS = _table(
    "citations",
    "one document citing another",
    [
        _id("citing_id", "the citing document", required=True),
        _id("cited_id", "the cited document", required=True),
        _date("citing_date", "publication of the citing document"),
        Column("citing_ipc", "code", "leading IPC symbol of the citing document", pattern=".{1,40}"),
        _id("citing_owner", "first owner of the citing document", max_length=500),
        _id("citing_family", "family of the citing document"),
        _date("cited_date", "publication of the cited document"),
        Column("cited_ipc", "code", "leading IPC symbol of the cited document", pattern=".{1,40}"),
        _id("cited_owner", "first owner of the cited document", max_length=500),
        Column("origin", "code", "origin of the citation", codes=("examiner", "applicant", "third_party")),
        Column("category", "code", "search-report category", pattern="[A-Z]{1,4}"),
    ],
    patent_columns=("citing_id", "cited_id"),
    known_column="citing_date",
)

_CLAIMS = _table(
    "claims",
    "a claim",
    [
        _id("patent_id", "the patent", required=True),
        Column("claim_number", "integer", "number of the claim", required=True, lower=1, upper=100_000),
        Column("text", "text", "wording", max_length=1_000_000),
        Column("language", "code", "language of the wording, ISO 639-1", pattern="[a-z]{2}"),
        _date("publication_date", "publication of this claim set; the patent's where absent"),
        Column("independent", "flag", "independent claim; read from the wording where absent"),
        Column("length", "integer", "words (characters in zh, ja); from the wording where absent", lower=0, upper=1e7),
    ],
    key=("patent_id", "publication_date", "claim_number"),
    patent_columns=("patent_id",),
    known_column="publication_date",
)

_LEGAL_EVENTS = _table(
    "legal_events",
    "an event in a register",
    [
        _id("patent_id", "the patent", required=True),
        _date("effective_date", "when it takes effect", required=True),
        _date("announced_date", "when the office made it public; the effective date where absent"),
        _date("loaded_date", "when the bank loaded it; the announced date where absent"),
        _office("office", required=False),
        Column("scheme", "code", "code list", codes=("st27", "inpadoc", "cnipa", "uspto")),
        Column("code", "code", "event code of the scheme", pattern=".{1,40}"),
        Column("text", "text", "wording of the event", max_length=20_000),
        Column("detail", "text", "fee year, registration number, state or term end, by event", max_length=2_000),
    ],
    patent_columns=("patent_id",),
)

_FAMILY_MEMBERS = _table(
    "family_members",
    "a family member's office",
    [
        _id("family_id", "the family", required=True),
        _office(),
        Column("kind", "code", "kind code, WIPO ST.16", pattern="[A-Z][0-9]{0,2}"),
        _date("publication_date", "publication of the member; a row without one is never counted"),
        _id("patent_id", "the member, where it has an identifier"),
    ],
    known_column="publication_date",
)

_ECONOMICS = _table(
    "economics",
    "what is expected to be earned with the patent, as known on a date",
    [
        _id("patent_id", "the patent", required=True),
        _date("known_date", "when this was known", required=True),
        Column(
            "revenue", "number", "yearly revenue of the products", "currency units a year", lower=0, upper=_ANYTHING
        ),
        _CURRENCY,
        Column("growth", "number", "growth of revenue", "per year", lower=-0.99, upper=5),
        Column("revenue_life", "number", "years for which revenue is expected", "years", lower=0, upper=100),
        Column("attribution", "number", "share of revenue that the patent carries", "share", lower=0, upper=1),
        Column("royalty_rate", "number", "royalty rate on revenue", "share", lower=0, upper=1),
        Column("margin", "number", "operating margin", "share", lower=-10, upper=1),
        _id("industry", "industry of the revenue"),
        Column("success_probability", "number", "probability of commercial success", "share", lower=0, upper=1),
        Column("cost_to_develop", "number", "cost still to be spent", "currency units", lower=0, upper=_ANYTHING),
        Column("historical_cost", "number", "cost spent", "currency units", lower=0, upper=_ANYTHING),
    ],
    key=("patent_id", "known_date"),
    patent_columns=("patent_id",),
    known_column="known_date",
)

_TRANSACTIONS = _table(
    "transactions",
    "a patent in a deal",
    [
        _id("deal_id", "the deal", required=True),
        _id("patent_id", "the patent", required=True),
        _date("deal_date", "when the deal was made public", required=True),
        Column(
            "price",
            "number",
            "price of the deal, all its patents together",
            "currency units",
            required=True,
            lower=0,
            upper=_ANYTHING,
        ),
        _CURRENCY,
        Column(
            "kind",
            "code",
            "kind of deal; a sale where absent",
            codes=("sale", "exclusive_licence", "licence", "auction", "court"),
        ),
        Column("arms_length", "flag", "between unrelated parties; not taken as such where absent"),
        Column("deal_patents", "integer", "patents in the deal; counted where absent", lower=1, upper=1e6),
    ],
    key=("deal_id", "patent_id"),
    patent_columns=("patent_id",),
    known_column="deal_date",
)

_LICENCES = _table(
    "licences",
    "a royalty agreement",
    [
        _id("licence_id", "the agreement", required=True),
        _date("licence_date", "when it was known", required=True),
        Column("ipc", "list", "IPC symbols of what is licensed", max_length=40),
        _id("industry", "industry"),
        Column("rate", "number", "royalty rate", "share of the base", required=True, lower=0, upper=1),
        Column("base", "code", "what the rate is applied to", codes=("net_sales", "gross_sales", "profit", "unit")),
        Column("exclusive", "flag", "exclusive licence"),
        _id("territory", "territory"),
    ],
    key=("licence_id",),
    known_column="licence_date",
)

_LOANS = _table(
    "loans",
    "a loan that a patent secures",
    [
        _id("loan_id", "the loan", required=True),
        _id("patent_id", "the patent", required=True),
        _date("drawn_date", "when it was drawn"),
        _date("maturity_date", "when it is due"),
        Column("exposure", "number", "amount owed", "currency units", required=True, lower=0, upper=_ANYTHING),
        _CURRENCY,
        Column(
            "rank", "integer", "rank of the loan's claim; by drawn date where absent", lower=1, upper=1e6, added="0.2"
        ),
        Column("consent", "flag", "the co-owners' consent to the pledge is on file", added="0.2"),
    ],
    key=("loan_id", "patent_id"),
    patent_columns=("patent_id",),
    known_column="drawn_date",
)

_CURVES = _table(
    "curves",
    "a point of a yield curve",
    [
        _date("date", "date of the quotation", required=True),
        Column("currency", "code", "currency, ISO 4217", required=True, pattern="[A-Z]{3}"),
        Column("tenor_years", "number", "tenor", "years", required=True, lower=0, upper=100),
        Column("rate", "number", "zero rate, annually compounded", "per year", required=True, lower=-0.5, upper=10),
    ],
    key=("date", "currency", "tenor_years"),
    known_column="date",
)

_FX = _table(
    "fx",
    "an exchange rate",
    [
        _date("date", "date of the quotation", required=True),
        Column("currency", "code", "currency, ISO 4217", required=True, pattern="[A-Z]{3}"),
        Column("rate", "number", "US dollars for one unit", "USD", required=True, lower=1e-9, upper=1e6),
    ],
    key=("date", "currency"),
    known_column="date",
)

_PRICE_INDEX = _table(
    "price_index",
    "the level of a price index",
    [
        _date("date", "date of the level", required=True),
        Column("currency", "code", "currency, ISO 4217", required=True, pattern="[A-Z]{3}"),
        Column("level", "number", "level of the index", "index points", required=True, lower=1e-9, upper=1e12),
    ],
    key=("date", "currency"),
    known_column="date",
)

TABLES: dict[str, Table] = {
    table.name: table
    for table in (
        _PATENTS,
        _CITATIONS,
        _CLAIMS,
        _LEGAL_EVENTS,
        _FAMILY_MEMBERS,
        _ECONOMICS,
        _TRANSACTIONS,
        _LICENCES,
        _LOANS,
        _CURVES,
        _FX,
        _PRICE_INDEX,
    )
}


def markdown() -> str:
    """Write all tables as Markdown, as the README shows them.

    Returns
    -------
    str
        One table a schema table; required columns are set in bold.

    Examples
    --------
    >>> print(markdown().splitlines()[0])
    **patents**: a patent or application
    """
    parts = []
    for table in TABLES.values():
        parts += [
            f"**{table.name}**: {table.meaning}",
            "",
            "| column | type | unit | range | meaning |",
            "|---|---|---|---|---|",
        ]
        for c in table.columns.values():
            name = f"**{c.name}**" if c.required else c.name
            parts.append(f"| {name} | {c.kind} | {c.unit} | {c.range_text} | {c.meaning} |")
        parts.append("")
    return "\n".join(parts).rstrip() + "\n"
