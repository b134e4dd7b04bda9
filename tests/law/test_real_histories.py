"""Term, fees and status against real registers: USPTO histories and lapses, the Orange Book, Chinese registers."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import ipvalue as ipv
from ipvalue.features.legal import legal_facts
from ipvalue.law import fees, status, term
from ipvalue.law.dates import add_months
from ipvalue.law.events import Effect, encode
from ipvalue.law.states import State
from tests.shared_data import existing

RECORDED = pd.Timestamp("2024-06-30")  # the USPTO histories were recorded in 2024


def folder(data_dir: Path, name: str) -> Path:
    found = existing(data_dir / name)
    return found


def days(values: pd.Series) -> np.ndarray:
    return pd.to_datetime(values).to_numpy().astype("datetime64[D]")


@pytest.fixture(scope="module")
def peds(request: pytest.FixtureRequest) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Patents, register events and the files' own columns of 94 US applications."""
    source = folder(request.getfixturevalue("data_dir"), "uspto_peds_status")
    own = pd.read_csv(source / "applications.csv", dtype=str)
    parents = pd.read_csv(source / "parent_continuity.csv", dtype=str)
    # a provisional starts no term (35 USC 154(a)(3)); "01-01-0001" is no date
    parents = parents[~parents["relationship"].str.contains("Provisional")]
    filed = pd.to_datetime(parents["parent_filing_date"], format="%m-%d-%Y", errors="coerce")
    patents = pd.DataFrame(
        {
            "patent_id": own["application"],
            "jurisdiction": "US",
            "right": "invention",
            "application_date": own["filing_date"],
            "grant_date": own["grant_date"],
            "parent_filing_date": own["application"].map(filed.groupby(parents["application"]).min()),
            "term_adjustment_days": pd.to_numeric(own["pta_total_days"]),
        }
    )
    entries = pd.read_csv(source / "transactions.csv.gz", dtype=str)
    events = pd.DataFrame(
        {
            "patent_id": entries["application"],
            "office": "US",
            "scheme": "uspto",
            "code": entries["code"],
            "text": entries["description"],
            "effective_date": entries["date"],
            "announced_date": entries["date"],
        }
    )
    return patents, events, own


def test_us_terms_run_from_the_earliest_parent_with_the_adjustment(peds) -> None:
    patents, _, own = peds
    found = term.expiry(patents)
    first = pd.to_datetime(patents["parent_filing_date"]).fillna(pd.Timestamp.max.normalize())
    first = np.minimum(first, pd.to_datetime(patents["application_date"]))
    modern = first >= pd.Timestamp("1995-06-08")
    # counted by a calendar of another make
    expected = [
        day + pd.DateOffset(years=20) + pd.Timedelta(days=int(adjustment))
        for day, adjustment in zip(first, patents["term_adjustment_days"].fillna(0))
    ]
    agree = found["actual"].to_numpy()[modern] == pd.Series(expected).to_numpy()[modern]
    print(f"{agree.sum()} of {modern.sum()} terms from 1995-06-08 on")
    assert modern.sum() == 90
    assert agree.all()
    # SOURCE.md: an expiry that the upstream tests assert
    vector = found.loc[own["application"] == "14865625", "actual"].item()
    assert vector == pd.Timestamp("2037-10-16")
    # the four filed before are reissues, which end with the original patent (35 USC 251): its grant is not in
    # the file, so their end is not known here, and the rule's 17 years from the reissue are too long
    assert (own.loc[~modern, "type"] == "Re-Issue").all()


def test_a_terminal_disclaimer_cuts_the_term_once_it_is_filed(peds) -> None:
    patents, events, _ = peds
    # 17130468, a divisional of 16123456 (granted too), was disclaimed on 2023-06-20 over its parent
    parent, child = "16123456", "17130468"
    filed = events.loc[(events["patent_id"] == child) & (events["code"] == "DIST"), "effective_date"].item()
    rows = patents[patents["patent_id"].isin([parent, child])]
    reference = term.expiry(rows).set_index(rows["patent_id"])["adjusted"]
    assert reference[parent] == pd.Timestamp("2038-09-06") + pd.Timedelta(days=127)
    assert reference[child] == pd.Timestamp("2038-09-06") + pd.Timedelta(days=388)
    disclaimed = rows.assign(
        disclaimer_date=[None if name == parent else reference[parent] for name in rows["patent_id"]],
        disclaimer_known_date=[None if name == parent else filed for name in rows["patent_id"]],
    )
    book = ipv.Book(patents=disclaimed)
    ends = {}
    for day in ("2023-06-19", "2023-10-24"):
        snapshot = book.as_of(day)
        ends[day] = legal_facts(snapshot).end[snapshot.position(child)]
    # the adjustment is known with the grant of 2023-10-24; before it the term is 20 years from the parent
    assert ends["2023-06-19"] == np.datetime64("2038-09-06")
    assert ends["2023-10-24"] == reference[parent].to_datetime64()
    # of the 13 applications with a disclaimer one has such a reference in the file; the others' is not there
    assert events.loc[events["code"] == "DIST", "patent_id"].nunique() == 13


def test_us_histories_end_as_the_office_says(peds) -> None:
    patents, events, own = peds
    found = status.at(events, patents, RECORDED)["state"]
    said = own["status"]
    expected = pd.Series("in_force", index=own.index)
    expected[said.str.contains("Failure to Respond")] = "withdrawn"
    expected[said.str.contains("Examiner's Answer")] = "refused"
    expected[said.str.contains("NonPayment")] = "lapsed"
    agree = found.replace("in_extension", "in_force") == expected
    print(f"{agree.sum()} of {len(own)}", dict(Counter(zip(expected[~agree], found[~agree]))))
    # the office writes no end of term into its status: the disagreements are patents whose term was over
    assert set(zip(said[~agree], found[~agree])) == {("Patented Case", "expired")}
    end = pd.Series(term.expiry(patents)["actual"].to_numpy())
    assert (end[~agree] < RECORDED).all()
    assert (agree.sum(), len(own)) == (86, 94)


def test_a_us_patent_lapses_is_revived_and_may_lapse_again(peds) -> None:
    patents, events, _ = peds
    one = patents[patents["patent_id"] == "12721698"]  # US 8457796, granted 2013-06-04
    mine = events[events["patent_id"] == "12721698"]

    def state(day: str, more: pd.DataFrame = mine) -> str:
        return status.at(more, one, day)["state"].item()

    course = {
        "2010-03-11": "filed",
        "2012-01-30": "examination",
        "2013-04-08": "allowed",
        "2013-06-04": "in_force",
        "2017-07-03": "in_force",
        "2017-07-04": "lapsed",  # EXP. is posted 30 days after the fourth anniversary
        "2018-09-19": "lapsed",
        "2018-09-20": "in_force",  # PMFG: late payment accepted
        "2024-06-30": "in_force",
        "2030-07-09": "expired",  # 20 years from 2010-03-11 and 119 days
    }
    assert {day: state(day) for day in course} == course
    # the history that expired a second time (10353688) is not in this half of the file: the same code once more
    again = mine[mine["code"] == "EXP."].assign(effective_date="2025-07-08", announced_date="2025-07-08")
    assert state("2025-07-08", pd.concat([mine, again])) == "lapsed"
    # while its first fee was due and unpaid it was in grace, which shows only to who knows that payments are seen
    calendar = fees.calendar("US", "invention", one["application_date"], one["grant_date"])
    for day, expected in (("2016-12-04", "in_force"), ("2016-12-05", "grace"), ("2017-06-04", "grace")):
        assert status.at(mine, one, day, grace=calendar, payments_known=[True])["state"].item() == expected


def test_us_fees_are_paid_within_their_windows(peds) -> None:
    patents, events, _ = peds
    operators = encode(events["office"], events["scheme"], events["code"], events["text"])
    paid = events[(operators.effect == Effect.PAY)].assign(year=operators.year[operators.effect == Effect.PAY])
    paid = paid.merge(patents, on="patent_id")
    calendar = fees.calendar("US", "invention", days(paid["application_date"]), days(paid["grant_date"]))
    slot = (calendar.fee_year == paid["year"].to_numpy()[:, None]).argmax(axis=1)
    row = np.arange(len(paid))
    day = days(paid["effective_date"])
    due, grace = calendar.due[row, slot], calendar.grace_end[row, slot]
    # the window opens six months before the due date (37 CFR 1.362(d))
    inside = (day >= add_months(due, -6)) & (day <= grace)
    print(f"{inside.sum()} of {len(paid)} payments in the window, {(day > due).sum()} after the due date")
    # the one outside was paid on petition, 15 months after the lapse (12721698)
    assert len(paid) == 110
    assert paid.loc[~inside, "patent_id"].tolist() == ["12721698"]


def test_us_lapses_fall_where_the_fee_calendar_says(data_dir: Path) -> None:
    source = folder(data_dir, "us_lapsed_patents")
    table = pd.read_csv(source / "us_lapsed_half.csv", dtype=str, encoding_errors="replace")
    dated = pd.DataFrame(
        {
            name: pd.to_datetime(table[column], format="%m/%d/%Y", errors="coerce")
            for name, column in (("filing", "Filing Date"), ("grant", "Grant Date"), ("lapse", "Abandonment Date"))
        }
    )
    usable = dated["grant"].notna() & dated["lapse"].notna()
    # the missing dates are "########": a spreadsheet's column was too narrow
    assert (~usable).sum() == (
        table["Grant Date"].str.startswith("###") | table["Abandonment Date"].str.startswith("###")
    ).sum()
    dated = dated[usable]
    calendar = fees.calendar("US", "invention", days(dated["filing"]), days(dated["grant"]))
    late = (days(dated["lapse"])[:, None] - calendar.lapse).astype(int)
    nearest = late[np.arange(len(late)), np.abs(late).argmin(axis=1)]
    within = np.abs(nearest) <= 31
    print(f"{len(table)} rows, {len(dated)} with dates, {within.sum()} within 31 days: {within.mean():.2%}")
    print("posted after the lapse (days):", dict(sorted(Counter(nearest.tolist()).items())))
    assert within.mean() > 0.97
    # the lapse is posted 23 to 38 days after the anniversary of the grant, never before it; the misses are of one
    # class, postings more than a month late (33 to 38 days)
    assert nearest.min() == 23
    assert (nearest[~within].min(), nearest[~within].max()) == (33, 38)


def test_orange_book_dates_against_filing_data(data_dir: Path) -> None:
    source = folder(data_dir, "fda_orange_book")
    book = pd.read_csv(source / "patent_2024-06.txt", sep="~", dtype=str)
    book["day"] = pd.to_datetime(book["Patent_Expire_Date_Text"], format="%b %d, %Y")
    book["patent"] = book["Patent_No"].str.removesuffix("*PED")
    paediatric = book["Patent_No"].str.endswith("*PED")
    own = book[~paediatric].drop_duplicates(["patent", "day"])
    filed = _us_filing_data(data_dir)
    joined = own.merge(filed, on="patent")
    # of 5,662 patents of the Orange Book one alone has its filing date in the data at hand
    assert book["patent"].nunique() == 5662
    assert joined["patent"].unique().tolist() == ["7906519"]
    found = term.expiry(
        pd.DataFrame(
            {
                "jurisdiction": "US",
                "application_date": joined["filing"],
                "grant_date": joined["grant"],
            }
        )
    )["actual"]
    matched = found.to_numpy() == joined["day"].to_numpy()
    print(f"{matched.sum()} of {len(joined)} match from the own filing date")
    # not matched: filed 2010-08-18 as a continuation in part, listed until 2029-02-17, 20 years from a parent of
    # 2009-02-17, which the filing data do not give; with that parent the date is met
    assert matched.sum() == 0
    with_parent = term.end_dates(["US"], ["invention"], ["2010-08-18"], ["2009-02-17"], ["2011-03-15"])
    assert str(with_parent.actual[0]) == str(joined["day"].iloc[0].date()) == "2029-02-17"


def _us_filing_data(data_dir: Path) -> pd.DataFrame:
    """Filing and grant dates of US patents from every folder that has them."""
    parts = []
    for path, number, filing, grant, pattern in (
        ("uspto_peds_status/applications.csv", "patent_number", "filing_date", "grant_date", "%Y-%m-%d"),
        ("us_lapsed_patents/us_lapsed_half.csv", "Patent Number", "Filing Date", "Grant Date", "%m/%d/%Y"),
        (
            "us_university_renewals/renewals_granted_2004_2005.csv",
            "id",
            "filing/creation date",
            "grant date",
            "%Y-%m-%d",
        ),
        ("wipo_oss_patent_analytics/ritonavir.csv", "publication number", "application date", "publication date", None),
    ):
        if (data_dir / path).exists():
            table = pd.read_csv(data_dir / path, dtype=str, encoding_errors="replace")
            cut = [table[name].str[:10] if pattern is None else table[name] for name in (filing, grant)]
            filed, granted = (pd.to_datetime(c, format=pattern or "%Y-%m-%d", errors="coerce") for c in cut)
            name = table[number].str.extract(r"^(?:US)?0*(\d{7,8})(?:[AB]\d?)?$")[0]
            parts.append(pd.DataFrame({"patent": name, "filing": filed, "grant": granted}).dropna())
    return pd.concat(parts).drop_duplicates("patent")


def test_paediatric_exclusivity_adds_six_months_to_the_orange_book_date(data_dir: Path) -> None:
    # 21 USC 355a(b): the entry *PED of a patent is its expiry plus six months
    source = folder(data_dir, "fda_orange_book")
    book = pd.read_csv(source / "patent_2024-06.txt", sep="~", dtype=str)
    book["day"] = pd.to_datetime(book["Patent_Expire_Date_Text"], format="%b %d, %Y")
    book["patent"] = book["Patent_No"].str.removesuffix("*PED")
    paediatric = book["Patent_No"].str.endswith("*PED")
    keys = ["Appl_No", "Product_No", "patent"]
    columns = [*keys, "day"]
    pairs = (
        book.loc[paediatric, columns]
        .drop_duplicates()
        .merge(book.loc[~paediatric, columns].drop_duplicates(), on=keys, suffixes=("_longer", ""))
    )
    later = days(pairs["day_longer"]) - add_months(days(pairs["day"]), 6)
    same = later == np.timedelta64(0, "D")
    print(f"{same.sum()} of {len(pairs)} pairs: {same.mean():.2%}")
    assert len(pairs) > 1800
    assert same.mean() > 0.99
    # the rest end on a day that the sixth month lacks: the FDA carries the days over into the next month, where
    # the statutes on terms stop at the month's end
    rest = pairs[~same]
    assert (rest["day"].dt.day >= 30).all()
    assert (rest["day_longer"].dt.day <= 2).all()


def chinese_register(data_dir: Path) -> tuple[pd.DataFrame, pd.DataFrame]:
    source = folder(data_dir, "cn_legal_status_survival")
    book = pd.read_csv(source / "cn_inventions_half.csv", encoding_errors="replace", dtype=str)
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
    return book.set_index("app_num"), events.assign(office="CN", scheme="cnipa")


def test_chinese_registers_end_as_their_status_column_says(data_dir: Path) -> None:
    book, events = chinese_register(data_dir)
    patents = pd.DataFrame({"patent_id": book.index, "jurisdiction": "CN", "application_date": book["app_date"].array})
    found = status.at(events, patents, "2017-08-31").set_index("patent_id")["state"]
    # patent_status_n: 1 in force, 2 ended, 3 pending
    ended, alive = ["withdrawn", "refused", "lapsed"], ["in_force"]
    expected = {"1": alive, "2": ended, "3": ["filed", "examination"]}
    agree = np.array([state in expected[said] for state, said in zip(found, book["patent_status_n"])])
    print(f"{agree.sum()} of {len(book)} as patent_status_n says; others", dict(Counter(found[~agree])))
    missing = book[~agree]
    # the disagreements are rights said to have ended for which the file has no day and no kind of end
    assert (len(book), int((~agree).sum())) == (2044, 6)
    assert (missing["patent_status_n"] == "2").all()
    assert missing[["terminate", "waive", "reject", "app_withdraw"]].isna().all(axis=None)

    # column event: 1 withdrawn, 2 refused, 3 granted, 0 pending
    kinds = {"0": ["filed", "examination"], "1": ["withdrawn"], "2": ["refused"], "3": ["in_force", "lapsed"]}
    same = np.array([state in kinds[said] for state, said in zip(found, book["event"])])
    print(f"{same.sum()} of {len(book)} as event says; others", dict(Counter(found[~same])))
    # the file counts as granted 66 inventions whose owner never took up the grant (视为放弃): no right came to be
    assert int((~same).sum()) == 66
    assert (book.loc[~same, "waive"].notna() & book.loc[~same, "grant"].isna()).all()


def test_chinese_lapses_are_gazetted_some_months_after_an_annual_fee(data_dir: Path) -> None:
    book, _ = chinese_register(data_dir)
    lapsed = book[book["grant"].notna() & book["terminate"].notna()]
    calendar = fees.calendar("CN", "invention", days(lapsed["app_date"]), days(lapsed["grant"]))
    later = (days(lapsed["terminate"])[:, None] - calendar.due).astype(float)
    later[np.isnat(calendar.due)] = np.nan
    # a year and the grace pass before the gazette tells: the fee is the last one due more than a year before
    first = np.nanmin(np.where(later >= 365, later, np.nan), axis=1)
    print("days from due date to gazette:", np.nanpercentile(first, [1, 5, 50, 95, 99]))
    known = np.isfinite(first)
    assert len(lapsed) == 878
    within = first[known] < 457
    print(f"{within.mean():.1%} in 12 to 15 months, {(first[known] < 548).mean():.1%} in 12 to 18")
    assert within.mean() > 0.92
    assert (first[known] < 548).mean() > 0.97


def test_chinese_gazette_texts_end_and_burden_rights_as_their_class_says(data_dir: Path) -> None:
    source = folder(data_dir, "cn_status_and_claims")
    texts = pd.read_csv(source / "legal_status_texts.csv")
    operators = encode(["CN"], ["cnipa"], [""] * len(texts), texts["text_zh"])
    assert operators.known.all()
    target = [State(number).label for number in operators.target]
    classes = {
        "published": {"published"},
        "examination": {"examination"},
        "granted": {"in_force"},
        "dead_before_grant": {"withdrawn", "refused"},
        "dead_after_grant": {"lapsed", "expired", "surrendered", "invalidated"},
    }
    odd = {text for text, said, state in zip(texts["text_zh"], texts["class"], target) if state not in classes[said]}
    print(f"{len(texts) - len(odd)} of {len(texts)} texts in their class")
    # three of 39 differ, and the law is on our side: giving up a patent to avoid a double grant gives up a patent
    # that exists (rule 41), and a deemed abandonment (视为放弃) is of the right to be granted one (rule 54)
    assert odd == {"其他有关事项避免重复授权放弃专利权", "专利权的视为放弃", "通知事项视为放弃专利权"}


@pytest.mark.parametrize("column", ["code", "text_zh"])
def test_chinese_pledges_preservations_and_licences_appear_as_flags(data_dir: Path, column: str) -> None:
    codes = pd.read_csv(folder(data_dir, "cn_status_and_claims") / "cnipa_event_codes.csv").set_index("code")
    patents = pd.DataFrame(
        {
            "patent_id": ["p"],
            "jurisdiction": "CN",
            "application_date": ["2012-03-01"],
            "grant_date": ["2014-03-05"],
        }
    )
    course = {"PE01": "2015-01-05", "PP01": "2015-02-05", "EE01": "2015-03-05", "PM01": "2015-04-05"}
    course |= {"PD01": "2015-06-05", "EC01": "2015-08-05", "PC01": "2015-09-05"}
    events = pd.DataFrame(
        {
            "patent_id": "p",
            "office": "CN",
            "scheme": "cnipa",
            "code": list(course) if column == "code" else "",
            "text": [codes.loc[code, "text_zh"] for code in course],
            "effective_date": list(course.values()),
        }
    )
    names = ["pledged", "preserved", "licensed"]
    expected = {
        "2015-01-04": [False, False, False],
        "2015-01-05": [True, False, False],
        "2015-02-05": [True, True, False],
        "2015-05-01": [True, True, True],
        "2015-06-05": [True, False, True],
        "2015-08-05": [True, False, False],
        "2015-09-05": [False, False, False],
    }
    for day, flags in expected.items():
        found = status.at(events, patents, day).iloc[0]
        assert found[names].tolist() == flags, day
        assert found["state"] == "in_force"
        assert found["n_unknown_codes"] == 0


def test_the_case_statuses_of_the_chinese_query_system_are_no_events(data_dir: Path) -> None:
    # what a case is waiting for (等待实审提案) is not announced in the gazette: no text may end a right by mistake
    table = pd.read_csv(folder(data_dir, "cn_status_and_claims") / "cpquery_case_statuses.csv")
    operators = encode(["CN"], ["cnipa"], [""] * len(table), table["status_zh"])
    said = table["class_my_reading"]
    ends = np.isin(operators.target, [State.LAPSED, State.EXPIRED, State.SURRENDERED, State.INVALIDATED])
    wrong = table.loc[ends & said.isin(["pending", "granting", "in_force", "in_force_late_fee"]), "status_zh"]
    assert wrong.tolist() == []


def test_three_chinese_histories_by_their_texts(data_dir: Path) -> None:
    import json

    cases = json.loads((folder(data_dir, "cn_status_and_claims") / "legal_history_3.json").read_text("utf-8"))
    rows = [(c["ApplicationNumber"], e["Desc"], e["LegalStatusDate"]) for c in cases for e in c["PatentLegalHistory"]]
    events = pd.DataFrame(rows, columns=["patent_id", "text", "effective_date"])
    events = events.assign(office="CN", scheme="cnipa", code="")
    patents = pd.DataFrame(
        {
            "patent_id": [c["ApplicationNumber"] for c in cases],
            "jurisdiction": "CN",
            "right": ["design" if c["Kind"] == "外观设计" else "invention" for c in cases],
            "application_date": [c["ApplicationDate"] for c in cases],
        }
    )
    found = {
        day: status.at(events, patents, day)["state"].tolist() for day in ("2016-10-12", "2016-11-09", "2018-01-01")
    }
    assert found == {
        "2016-10-12": ["unknown", "published", "unknown"],
        "2016-11-09": ["unknown", "examination", "unknown"],
        "2018-01-01": ["filed", "examination", "in_force"],
    }
