"""Legal status: published and constructed histories, and the laws of the state machine."""

from __future__ import annotations

import csv
import re

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import ipvalue as ipv
from ipvalue.errors import BookError, SchemaError
from ipvalue.law import fees, status
from ipvalue.law._tables import rows
from ipvalue.law.events import Effect, encode
from ipvalue.law.states import ALIVE, DEAD, State
from tests.shared_data import DATA, FACTS, absent, existing

COLUMNS = ["patent_id", "office", "scheme", "code", "text", "detail", "effective_date", "announced_date"]
KNOWN = ("announced", "loaded")
FLAGS = ["pledged", "preserved", "licensed", "open_licence", "challenged", "partly_invalid", "suspended"]


def _vectors(name):
    path = FACTS / f"{name}.csv"
    if not path.exists():
        return absent(path)
    with path.open(encoding="utf-8") as handle:
        return [pytest.param(row, id=str(number)) for number, row in enumerate(csv.DictReader(handle))]


def events_of(*entries, office="CN", scheme="cnipa", patent="p"):
    """Events from (code, effective, announced, detail, text); the last three may be left out."""
    filled = [(*entry, "", "", "", "")[:5] for entry in entries]
    return pd.DataFrame(
        [
            (patent, office, scheme, code, text, detail, effective, announced or effective)
            for code, effective, announced, detail, text in filled
        ],
        columns=COLUMNS,
    )


def patents_of(office="CN", patent="p", **columns):
    return pd.DataFrame(
        {"patent_id": [patent], "jurisdiction": [office], "application_date": [None]}
        | {name: [value] for name, value in columns.items()}
    )


def state_on(events, date, patents=None, **options):
    return status.at(events, patents_of() if patents is None else patents, date, **options).iloc[0]


@pytest.mark.parametrize("row", _vectors("03_status_test_vectors"))
def test_point_in_time_histories(row):
    entries = re.findall(r"(\S+?)@(\S+?)/(\S+)", row["events(code@effective/known)"])
    events = events_of(*entries, office=row["office"], scheme="inpadoc")
    assert len(entries) > 0
    assert state_on(events, row["as_of"], patents_of(row["office"]))["state"] == row["expected"].lower()


@pytest.mark.parametrize("row", _vectors("03_cn_text_vectors"))
def test_chinese_gazette_texts(row):
    operators = encode(["CN"], ["cnipa"], [""], [row["text"]])
    assert Effect(operators.effect[0]).name == row["effect"]
    assert State(operators.target[0]).name == (row["operand"] or "UNKNOWN")
    assert operators.known[0]


def test_states_are_those_of_the_table():
    for row in rows("canonical_status"):
        state = State[row["status"]]
        assert int(state) == int(row["code"])
        assert ALIVE[state] == (row["alive"] == "1")
        assert status.ENFORCEABLE[state] == (row["enforceable"] == "1")


def test_every_row_of_every_map_can_be_read():
    for table, office, scheme in (("event_map", None, "inpadoc"), ("st27_codes", "KR", "st27")):
        known = [row for row in rows(table) if row["effect"]]
        places = [row.get("office", office) for row in known]
        operators = encode(places, scheme, [row["code"] for row in known])
        assert operators.known.all()
        assert [Effect(effect).name for effect in operators.effect] == [row["effect"] for row in known]


def test_st27_codes_are_read_by_detail_then_by_key_event():
    codes = ["N-4-6-H10-H13-OTH-PC1903", "A-4-4-U10-U11", "A-1-2-D10-D99", "N-2-6-B10-B00", "Z-9"]
    operators = encode(["KR"] * 5, "st27", codes)
    assert [Effect(effect).name for effect in operators.effect] == [
        "SET_IF_GRANTED", "PAY", "ADVANCE", "SET_IF_PENDING", "INFO",
    ]  # fmt: skip
    assert operators.known.tolist() == [True, True, True, True, False]


def test_text_decides_where_the_code_is_coarse():
    operators = encode(
        ["US", "US", "US", "EP", "CN", "US"],
        ["inpadoc", "inpadoc", "inpadoc", "inpadoc", "cnipa", "inpadoc"],
        ["AS", "AS", "MAFP", "STAA", "PLDC", "AS"],
        [
            "SECURITY INTEREST;ASSIGNOR:X",
            "RELEASE OF SECURITY INTEREST",
            "PAYMENT OF MAINTENANCE FEE, 8TH YEAR, LARGE ENTITY",
            "STATUS: THE PATENT HAS BEEN GRANTED",
            "专利权质押合同登记的注销",
            "ASSIGNMENT OF ASSIGNORS INTEREST",
        ],
    )
    assert [Effect(effect).name for effect in operators.effect] == [
        "PLEDGE_ON", "PLEDGE_OFF", "PAY", "SET", "PLEDGE_OFF", "OWNER",
    ]  # fmt: skip
    assert operators.year[2] == 8


def test_a_lapse_shows_only_after_it_was_gazetted():
    # CN: retroactive to the due date, gazetted about a year later (fact file 02b)
    events = events_of(("GR01", "2017-05-10"), ("CF01", "2020-08-15", "2021-09-03"))
    assert state_on(events, "2021-09-02")["state"] == "in_force"
    found = state_on(events, "2021-09-03")
    assert (found["state"], str(found["since"].date())) == ("lapsed", "2020-08-15")


def test_loaded_dates_delay_what_the_bank_knew():
    events = events_of(("GR01", "2017-05-10"), ("IW01", "2019-06-04"))
    events["loaded_date"] = ["2017-06-01", "2020-01-01"]
    assert state_on(events, "2019-07-01")["state"] == "invalidated"
    assert state_on(events, "2019-07-01", known="loaded")["state"] == "in_force"
    with pytest.raises(BookError, match="known"):
        status.at(events, patents_of(), "2019-07-01", known="never")


def test_what_the_bank_loaded_before_its_announcement_it_knew():
    """As in a snapshot: with known='loaded' the loaded date alone counts, the announced one where it is absent."""
    events = events_of(("GR01", "2017-05-10"), ("PE01", "2019-01-02", "2019-02-19"))
    events["loaded_date"] = [None, "2019-01-05"]
    for day, public, own in (("2019-01-04", False, False), ("2019-01-05", False, True), ("2019-02-19", True, True)):
        patents = patents_of(application_date="2014-08-15")
        snapshots = {k: ipv.Book(patents=patents, legal_events=events).as_of(day, known=k) for k in KNOWN}
        assert [bool(state_on(events, day, patents, known=k)["pledged"]) for k in KNOWN] == [public, own]
        assert [bool(ipv.extract(snapshots[k])["pledged"].iloc[0]) for k in KNOWN] == [public, own]


def test_own_dates_are_events_and_the_calendar_ends_them():
    patents = patents_of(application_date="2001-03-05", publication_date="2002-09-01", grant_date="2004-01-07")
    none = events_of()
    for date, expected in (
        ("2001-03-04", "unknown"), ("2001-03-05", "filed"), ("2002-09-01", "published"),
        ("2004-01-07", "in_force"), ("2021-03-04", "in_force"), ("2021-03-05", "expired"),
    ):  # fmt: skip
        assert state_on(none, date, patents.assign(application_date="2001-03-05"))["state"] == expected, date


def test_extension_follows_the_basic_term():
    patents = patents_of(
        "US",
        application_date="2000-06-01",
        grant_date="2003-01-07",
        term_adjustment_days=100.0,
        right="invention",
    )
    none = events_of()
    assert state_on(none, "2020-06-01", patents)["state"] == "in_force"
    found = state_on(none, "2020-06-02", patents)
    assert (found["state"], str(found["since"].date())) == ("in_extension", "2020-06-02")
    assert state_on(none, "2020-09-10", patents)["state"] == "expired"


def test_an_adjustment_event_counts_from_its_announcement():
    patents = patents_of(application_date="2003-01-10", grant_date="2022-03-01")
    events = events_of(("TG01", "2022-09-01", "2022-09-01", "661"))
    assert state_on(events, "2023-06-01", patents)["state"] == "in_extension"
    assert state_on(events.iloc[:0], "2023-06-01", patents)["state"] == "expired"


def test_grace_needs_a_fee_calendar_and_payments_that_would_be_seen():
    # US: due 3.5 years after grant, lapse after 4 (35 USC 41(b))
    patents = patents_of("US", application_date="2012-01-10", grant_date="2014-02-18")
    calendar = fees.calendar(["US"], ["invention"], ["2012-01-10"], ["2014-02-18"])
    paid = events_of(("M1551", "2017-08-01"), office="US", scheme="uspto")
    assert state_on(paid, "2021-09-01", patents)["state"] == "in_force"
    found = state_on(paid, "2021-09-01", patents, grace=calendar)
    assert (found["state"], found["last_paid_year"]) == ("grace", 4)
    assert state_on(paid, "2021-08-18", patents, grace=calendar)["state"] == "in_force"
    assert state_on(paid, "2022-04-17", patents, grace=calendar)["state"] == "grace", "a lapse may not be published yet"
    assert state_on(paid, "2022-04-18", patents, grace=calendar)["state"] == "in_force"
    unpaid = paid.iloc[:0]
    assert state_on(unpaid, "2017-09-01", patents, grace=calendar)["state"] == "in_force"
    assert state_on(unpaid, "2017-09-01", patents, grace=calendar, payments_known=[True])["state"] == "grace"


def test_an_unpaid_us_patent_is_overdue_until_its_lapse_is_published():
    """Grace to 2025-07-18, lapse posted 35 days later: in between nobody has paid, and nothing says that it ended."""
    patents = patents_of("US", application_date="2015-06-01", grant_date="2017-07-18")
    paid, lapse = ("M1551", "2021-01-10"), ("EXP.", "2025-07-18", "2025-08-22")
    cases = [
        ([paid], "2025-01-18", 5, 1), ([paid], "2025-01-19", 6, 1), ([paid], "2025-07-19", 6, 1),
        ([paid, lapse], "2025-08-21", 6, 1), ([paid, lapse], "2025-08-22", 8, 1),
        ([paid], "2025-09-14", 6, 1), ([paid], "2025-09-15", 5, 2),  # 58 days: had it lapsed, it would show
    ]  # fmt: skip
    for entries, day, state, fees_paid in cases:
        events = events_of(*entries, office="US", scheme="uspto")
        found = ipv.extract(ipv.Book(patents=patents, legal_events=events).as_of(day)).iloc[0]
        assert (found["legal_state"], found["fees_paid"]) == (state, fees_paid), day


def test_a_revival_restores_the_last_alive_state():
    events = events_of(("GR01", "2017-05-10"), ("CF01", "2020-08-15"), ("RR01", "2021-01-05"))
    assert state_on(events, "2021-01-04")["state"] == "lapsed"
    assert state_on(events, "2021-01-05")["state"] == "in_force"
    assert state_on(events.iloc[1:], "2021-01-05")["state"] == "in_force"


def test_a_grant_after_a_refusal_shows_that_the_appeal_won():
    patents = patents_of("JP", application_date="2015-01-01", grant_date="2020-05-01")
    events = events_of(("A02", "2018-03-01"), office="JP", scheme="inpadoc")
    assert state_on(events, "2019-01-01", patents)["state"] == "refused"
    assert state_on(events, "2020-05-01", patents)["state"] == "in_force"


def test_pledges_are_closed_by_their_registration_number():
    events = events_of(
        ("GR01", "2017-05-10"),
        ("PE01", "2018-01-02", "2018-01-19", "Y2018A"),
        ("PE01", "2019-01-02", "2019-01-19", "Y2019B"),
        ("PC01", "2020-01-02", "2020-01-19", "Y2018A"),
        ("PC01", "2021-01-02", "2021-01-19", "Y2019B"),
    )
    counts = [state_on(events, date)["n_pledges"] for date in ("2018-01-18", "2018-01-19", "2019-06-01")]
    assert counts == [0, 1, 2]
    assert state_on(events, "2020-06-01")["n_pledges"] == 1
    found = state_on(events, "2021-06-01")
    assert (found["n_pledges"], found["pledged"], found["state"]) == (0, False, "in_force")


def test_a_pledge_rolled_over_on_one_day_stands():
    events = events_of(("PE01", "2018-01-02", "", "A"), ("PC01", "2019-01-02", "", ""), ("PE01", "2019-01-02", "", "B"))
    assert state_on(events, "2019-02-01")["n_pledges"] == 1


def test_preservation_ends_after_six_months_unless_renewed():
    events = events_of(("PP01", "2020-01-15"), ("PP01", "2020-07-10"))
    for date, expected in (
        ("2020-07-14", True),
        ("2020-07-15", True),
        ("2021-01-09", True),
        ("2021-01-10", False),
    ):
        assert state_on(events, date)["preserved"] == expected, date
    assert not state_on(events.iloc[:1], "2020-07-15")["preserved"]


def test_a_survived_opposition_is_told_from_a_pending_one():
    events = events_of(("26", "2015-01-01"), ("27O", "2017-01-01"), office="EP", scheme="inpadoc")
    before, after = (state_on(events, date, patents_of("EP")) for date in ("2016-01-01", "2018-01-01"))
    assert (before["challenged"], before["opposition_survived"]) == (True, False)
    assert (after["challenged"], after["opposition_survived"]) == (False, True)


def test_transfers_recorded_twice_on_one_day_count_once():
    events = events_of(("C41", "2015-01-01"), ("ASS", "2015-01-01"), ("TR01", "2017-01-01"), ("CP01", "2018-01-01"))
    assert state_on(events, "2019-01-01")["n_transfers"] == 2


def test_states_of_a_european_patent_live_apart():
    # EP2110298: lapse dates of PG25 entries by state (fact file 02b)
    patents = patents_of("EP", application_date="2008-01-19", grant_date="2012-06-06")
    events = events_of(
        ("PG25", "2024-01-31", "2024-03-01", "FR"),
        ("GBPC", "2024-01-19", "2024-03-01", ""),
        ("PGFP", "2024-01-10", "2024-01-10", "DE 17"),
        ("PGRI", "2024-06-01", "2024-06-01", "FR"),
        office="EP",
        scheme="inpadoc",
    )
    assert state_on(events, "2024-04-01", patents)["state"] == "in_force"
    validations = pd.DataFrame({"patent_id": ["p"], "state": ["IT"]})

    def found(date):
        table = status.state_rights(events, patents, date, validations=validations)
        return dict(zip(table["state"], table["status"]))

    assert found("2024-02-15") == dict.fromkeys(["DE", "FR", "GB", "IT"], "in_force")
    assert found("2024-04-01") == {"DE": "in_force", "FR": "lapsed", "GB": "lapsed", "IT": "in_force"}
    assert found("2024-07-01")["FR"] == "in_force"
    assert found("2028-01-20") == {"DE": "expired", "FR": "expired", "GB": "lapsed", "IT": "expired"}
    assert found("2012-01-01") == {}
    revoked = pd.concat([events, events_of(("27W", "2014-01-01"), office="EP", scheme="inpadoc")], ignore_index=True)
    everywhere = status.state_rights(revoked, patents, "2025-01-01", validations=validations)
    assert set(everywhere["status"]) == {"invalidated"}


def test_missing_columns_and_double_patents_are_refused():
    with pytest.raises(SchemaError, match="code"):
        status.at(events_of().drop(columns="code"), patents_of(), "2020-01-01")
    twice = pd.concat([patents_of(), patents_of()])
    with pytest.raises(SchemaError, match="appears twice"):
        status.at(events_of(), twice, "2020-01-01")
    with pytest.raises(BookError, match="date"):
        status.at(events_of(), patents_of(), "yesterday")


CODES = [*sorted({row["code"] for row in rows("event_map") if row["office"] == "CN"}), "XX99", ""]
TEXTS = ["", "专利权的终止", "专利权的恢复", "授权", "whatever"]
dates = st.integers(0, 60).map(lambda day: str(np.datetime64("2010-01-01") + 31 * np.timedelta64(day, "D")))
histories = st.lists(
    st.tuples(
        st.sampled_from(["a", "b", "c"]), st.sampled_from(CODES), st.sampled_from(TEXTS),
        st.sampled_from(["", "Y1", "Y2", "7", "2031-01-01"]), dates, dates,
    ),
    max_size=25,
)  # fmt: skip
PATENTS = pd.DataFrame(
    {
        "patent_id": ["a", "b", "c"],
        "jurisdiction": "CN",
        "right": ["invention", "utility_model", "design"],
        "application_date": ["2009-05-01", "2005-02-28", None],
        "grant_date": ["2013-01-02", None, None],
        "publication_date": ["2010-11-01", "2006-01-01", None],
    }
)


def table_of(history):
    columns = ["patent_id", "code", "text", "detail", "effective_date", "announced_date"]
    return pd.DataFrame(history, columns=columns).assign(office="CN", scheme="cnipa")


@settings(deadline=None, max_examples=80)
@given(histories, dates, st.randoms())
def test_the_order_of_the_rows_never_matters(history, date, random):
    shuffled = list(history)
    random.shuffle(shuffled)
    one, other = (status.at(table_of(rows_), PATENTS, date) for rows_ in (history, shuffled))
    pd.testing.assert_frame_equal(one, other)
    pd.testing.assert_frame_equal(
        status.timeline(table_of(history), PATENTS), status.timeline(table_of(shuffled), PATENTS)
    )


@settings(deadline=None, max_examples=80)
@given(histories, dates)
def test_what_is_not_yet_known_changes_nothing(history, date):
    known = [entry for entry in history if max(entry[4], entry[5]) <= date]
    future = PATENTS["grant_date"] > date
    today = PATENTS.assign(grant_date=PATENTS["grant_date"].mask(future))
    pd.testing.assert_frame_equal(status.at(table_of(history), PATENTS, date), status.at(table_of(known), today, date))


@settings(deadline=None, max_examples=80)
@given(histories, dates)
def test_unknown_codes_change_nothing_but_their_count(history, date):
    unknown = [(patent, "XX99", "", detail, effective, announced)
               for patent, _, _, detail, effective, announced in history]  # fmt: skip
    plain = status.at(table_of(history), PATENTS, date)
    more = status.at(table_of(history + unknown), PATENTS, date)
    pd.testing.assert_frame_equal(plain.drop(columns="n_unknown_codes"), more.drop(columns="n_unknown_codes"))
    counted = sum(max(entry[4], entry[5]) <= date for entry in history)
    assert (more["n_unknown_codes"] - plain["n_unknown_codes"]).sum() == counted


@settings(deadline=None, max_examples=80)
@given(histories, dates, dates)
def test_the_dead_stay_dead_unless_revived_or_granted(history, first, second):
    first, second = sorted([first, second])
    reviving = (Effect.REVIVE, Effect.REVIVE_GRANT)
    operators = encode("CN", "cnipa", [entry[1] for entry in history], [entry[2] for entry in history])
    kept = [entry for entry, effect in zip(history, operators.effect) if effect not in reviving]
    # with effective = announced nothing can reach back before the first date
    kept = [(*entry[:4], entry[5], entry[5]) for entry in kept]
    earlier, later = (status.at(table_of(kept), PATENTS, date)["state"] for date in (first, second))
    for before, after in zip(earlier, later):
        if DEAD[State[before.upper()]]:
            granted = before in ("withdrawn", "refused")
            assert DEAD[State[after.upper()]] or (granted and after in ("in_force", "in_extension"))
        if before == "invalidated":
            assert after == "invalidated"


@settings(deadline=None, max_examples=80)
@given(histories, dates)
def test_the_timeline_and_the_status_on_a_date_agree(history, date):
    # in hindsight everything is announced when it takes effect
    announced = [(*entry[:3], "", entry[4], entry[4]) for entry in history]
    table = table_of(announced)
    on_date = status.at(table, PATENTS, date).set_index("patent_id")
    lines = status.timeline(table, PATENTS)
    day = pd.Timestamp(date)
    now = lines[(lines["from"] <= day) & ~(lines["to"] <= day)].set_index("patent_id")
    assert now.index.is_unique
    for patent in PATENTS["patent_id"]:
        expected = now["state"].get(patent, "unknown")
        assert on_date["state"][patent] == expected
    assert ((lines["to"] > lines["from"]) | lines["to"].isna()).all()


@settings(deadline=None, max_examples=40)
@given(histories, dates)
def test_one_patent_alone_has_the_status_it_has_in_the_book(history, date):
    book = status.at(table_of(history), PATENTS, date)
    for number in range(len(PATENTS)):
        alone = status.at(table_of(history), PATENTS.iloc[[number]], date)
        pd.testing.assert_frame_equal(alone, book.iloc[[number]])


def test_real_chinese_histories_end_as_their_register_says():
    path = existing(DATA / "cn_legal_status_survival" / "cn_inventions_half.csv")
    book = pd.read_csv(path, encoding="utf-8", encoding_errors="replace", dtype=str)
    book = book[book["app_year"].str.fullmatch(r"\d{4}", na=False)].drop_duplicates("app_num")
    codes = {
        "substantive_review": "SE01", "app_withdraw": "WD01", "reject": "RJ01", "recover": "RR01",
        "grant": "GR01", "waive": "AD01", "terminate": "CF01",
    }  # fmt: skip
    events = pd.concat(
        [
            pd.DataFrame({"patent_id": book["app_num"], "code": code, "effective_date": book[column]})
            for column, code in codes.items()
        ]
    )
    events = events[events["effective_date"].astype(str).str.fullmatch(r"\d{4}-\d\d-\d\d")]
    events = events.assign(office="CN", scheme="cnipa")
    patents = pd.DataFrame({"patent_id": book["app_num"], "jurisdiction": "CN", "application_date": book["app_date"]})
    found = status.at(events, patents, "2017-08-31").set_index("patent_id")["state"]
    book = book.set_index("app_num")
    assert len(book) > 1500
    assert (found[book["event"].astype(str) == "1"] == "withdrawn").mean() > 0.98
    assert (found[book["event"].astype(str) == "2"] == "refused").mean() > 0.95
    # the file counts as granted (event 3) also rights that were never taken up (waive, 视为放弃)
    granted, ended = book["grant"].notna(), book["terminate"].notna()
    assert (found[granted & ended] == "lapsed").mean() > 0.98
    assert (found[granted & ~ended] == "in_force").mean() > 0.98
    assert (found[~granted & book["waive"].notna()] == "withdrawn").mean() > 0.98


def big_book(size, n_events):
    random = np.random.default_rng(7)
    codes = np.array(["PB01", "SE01", "GR01", "CF01", "RR01", "PE01", "PC01", "TR01", "CP01", "IP01"], object)
    patent = random.integers(0, size, n_events)
    effective = np.datetime64("2005-01-01") + random.integers(0, 6500, n_events).astype("timedelta64[D]")
    announced = effective + random.integers(0, 300, n_events).astype("timedelta64[D]")
    code = codes[random.integers(0, codes.size, n_events)]
    number = np.char.add("Y", random.integers(0, 5, n_events).astype(str)).astype(object)
    filing = np.datetime64("2000-01-01") + random.integers(0, 6500, size).astype("timedelta64[D]")
    return patent, effective, announced, code, number, filing


def test_of_many_rights_each_has_the_state_that_it_has_alone():
    size, n_events = 40_000, 300_000
    patent, effective, announced, code, number, filing = big_book(size, n_events)
    operators = encode(np.full(n_events, "CN", object), np.full(n_events, "cnipa", object), code)
    end = filing + np.timedelta64(7305, "D")
    found = status.states_at(
        size, patent, effective, announced, operators, number, "2021-01-01",
        application=filing, publication=filing + np.timedelta64(550, "D"),
        grant=filing + np.timedelta64(1200, "D"),
        term_statutory=end, term_actual=end,
    )  # fmt: skip
    some = np.arange(0, size, 997)
    place = np.full(size, -1)
    place[some] = np.arange(len(some))
    mine = place[patent] >= 0
    alone = status.states_at(
        len(some), place[patent[mine]], effective[mine], announced[mine], operators.take(np.flatnonzero(mine)),
        number[mine], "2021-01-01",
        application=filing[some], publication=filing[some] + np.timedelta64(550, "D"),
        grant=filing[some] + np.timedelta64(1200, "D"),
        term_statutory=end[some], term_actual=end[some],
    )  # fmt: skip
    np.testing.assert_array_equal(found.state[some], alone.state)
    np.testing.assert_array_equal(found.since[some], alone.since)
    assert len(np.unique(found.state)) > 3


def test_empty_tables_give_empty_answers():
    none = events_of()
    nobody = patents_of().iloc[:0]
    assert len(status.at(none, nobody, "2020-01-01")) == 0
    assert len(status.timeline(none, nobody)) == 0
    assert len(status.state_rights(none, patents_of("EP"), "2020-01-01")) == 0
    assert len(status.timeline(none, patents_of())) == 0
    assert encode([], [], [], []).effect.shape == (0,)


def test_events_without_a_date_or_a_known_patent_never_count():
    events = pd.concat([events_of(("GR01", None)), events_of(("GR01", "2015-01-01"), patent="other")])
    assert state_on(events, "2020-01-01")["state"] == "unknown"
    only_announced = events_of(("GR01", "2015-01-01")).assign(effective_date=None)
    assert state_on(only_announced, "2020-01-01")["state"] == "in_force"
