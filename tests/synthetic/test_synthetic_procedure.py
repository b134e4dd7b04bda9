"""Register entries between the steps: they fill the register as offices do, and tell nothing that the steps do not."""

import csv
from importlib.resources import files

import numpy as np
import pytest

import ipvalue as ipv
from ipvalue.law.events import encode
from ipvalue.synthetic import events as synthetic_events
from ipvalue.synthetic.book import synthetic_tables
from ipvalue.synthetic.common import small_table

N = 4_000


@pytest.fixture(scope="module")
def tables():
    return synthetic_tables(N, seed=3)[0]


@pytest.fixture(scope="module")
def steps_alone():
    """The same tables without the entries."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(synthetic_events, "procedure_columns", lambda *_: [])
        return synthetic_tables(N, seed=3)[0]


def test_entries_come_after_the_steps_and_change_no_other_row(tables, steps_alone):
    steps = steps_alone["legal_events"]
    assert tables["legal_events"].slice(0, steps.num_rows).equals(steps)
    assert tables["legal_events"].num_rows > 1.5 * steps.num_rows
    assert all(tables[name].equals(steps_alone[name]) for name in tables if name != "legal_events")


@pytest.mark.parametrize("known", ["announced", "loaded"])
@pytest.mark.parametrize("day", ["2014-06-30", "2024-12-31"])
def test_entries_change_no_feature(tables, steps_alone, day, known):
    names = ("patents", "legal_events", "transactions", "fx", "price_index")
    told, plain = (
        ipv.extract(ipv.Book(**{name: each[name] for name in names}).as_of(day, known=known))
        for each in (tables, steps_alone)
    )
    assert len(plain) > 1_000 and plain["renewals_paid"].max() > 5
    changed = [name for name in plain if not np.array_equal(told[name], plain[name], equal_nan=True)]
    assert changed == []


def test_the_event_tables_of_the_law_know_every_entry():
    table = small_table("procedure")
    read = encode(table["jurisdiction"], table["scheme"], table["code"], table["text"])
    assert read.known.all()
    assert len(set(zip(table["jurisdiction"], table["name"]))) == len(table["name"])
    owned = {row["code"].rstrip(".") for row in csv.DictReader(_event_map()) if row["effect"] == "OWNER"}
    assert not owned & set(table["code"])  # a transfer is a step: it follows a deal


def test_every_entry_occurs_in_its_office_and_stands_once_a_day(tables):
    events = tables["legal_events"].to_pandas()
    found = set(zip(events["office"], events["code"], events["text"]))
    table = small_table("procedure")
    assert set(zip(table["jurisdiction"], table["code"], table["text"])) <= found
    book = ipv.Book(patents=tables["patents"], legal_events=tables["legal_events"])
    assert len(book.rejects) == 0 and not book.duplicates


def test_registers_are_as_full_as_the_offices_keep_them(tables):
    """Entries a patent: an American or European register is many times as long as a Chinese gazette."""
    events = tables["legal_events"].to_pandas()
    patents = tables["patents"].to_pandas()
    mean = events.groupby("office").size() / patents.groupby("jurisdiction").size()
    assert 2 < mean["CN"] < 4
    assert 12 < mean["US"] < 20 and 20 < mean["EP"] < 40
    assert 7.2 < len(events) / N < 8.2  # 3 million for 400,000


def _event_map():
    return files("ipvalue.law").joinpath("tables", "event_map.csv").read_text(encoding="utf-8").splitlines()
