"""The synthetic book: its marginals, what its observables tell of the truth, its dates and its determinism."""

import csv
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from ipvalue.errors import BookError
from ipvalue.records.schema import TABLES
from ipvalue.synthetic.book import SyntheticBook, synthetic_book, synthetic_tables
from ipvalue.synthetic.common import small_table, stream
from ipvalue.synthetic.truth import log_tail, value_on

N = 20_000
UNTIL = np.datetime64("2024-12-31")
DATE_COLUMNS = [(t.name, c.name) for t in TABLES.values() for c in t.columns.values() if c.kind == "date"]
LATER_BY_NATURE = {("loans", "maturity_date"), ("patents", "disclaimer_date")}


@pytest.fixture(scope="module")
def made():
    return synthetic_tables(N, seed=11)


@pytest.fixture(scope="module")
def tables(made):
    return {name: table.to_pandas(date_as_object=False) for name, table in made[0].items()}


@pytest.fixture(scope="module")
def truth(made):
    return made[1]


@pytest.fixture(scope="module")
def book():
    return synthetic_book(2_000, seed=5)


def years(start, end):
    return (pd.to_datetime(end) - pd.to_datetime(start)).dt.days / 365.25


def dollars(truth, values):
    usd = dict(zip(small_table("currencies")["currency"], map(float, small_table("currencies")["usd"])))
    return values * truth["currency"].map(usd).to_numpy()


# marginals


def test_row_counts_are_those_of_a_real_book(tables):
    a_patent = {name: len(frame) / N for name, frame in tables.items()}
    assert 8 < a_patent["citations"] < 14  # 3 to 5 million for 400,000 patents
    assert 14 < a_patent["claims"] < 17  # 6 million
    assert 7 < a_patent["legal_events"] < 9  # 3 million
    assert 1 < a_patent["family_members"] < 2
    assert len(tables["licences"]) == max(30, round(0.02 * N))


def test_claims_stand_at_or_above_the_office_s_average(tables):
    # IP5 Statistics Report 2017, claims per application; at most four tenths above it
    average = {"US": 17.6, "EP": 14.7, "KR": 11.2, "JP": 10.4, "CN": 8.1}
    patents = tables["patents"]
    mean = patents[patents["right"] == "invention"].groupby("jurisdiction")["n_claims"].mean()
    for office, claims in average.items():
        assert claims < mean[office] < 1.4 * claims, office


def test_jurisdictions_and_rights_have_their_shares(truth):
    share = truth.groupby(["jurisdiction", "right"]).size() / N
    rights = small_table("rights")
    for office, right, wanted in zip(rights["jurisdiction"], rights["right"], rights["share"]):
        assert share[office, right] == pytest.approx(float(wanted), abs=0.015)
    assert truth["field"].nunique() == 35


def test_log_value_is_nearly_symmetric_and_value_is_very_skewed(truth):
    value = dollars(truth, value_on(UNTIL, truth))
    alive = value[value > 0]
    assert abs(pd.Series(np.log(alive)).skew()) < 0.5
    assert pd.Series(alive).skew() > 8
    assert 0.55 < np.sort(alive)[-len(alive) // 10 :].sum() / alive.sum() < 0.85


def test_tail_of_income_is_pareto_with_the_stated_index():
    z = stream(3, "tail").standard_normal(2_000_000)
    income = np.exp(log_tail(z, np.full(len(z), 1.3)))
    top = np.sort(income)[-20_000:]  # the top 1 %, well inside the tail; Hill's estimator
    assert 1.0 / np.log(top / top[0])[1:].mean() == pytest.approx(1.35, rel=0.03)


def test_tail_joins_the_lognormal_part_without_a_jump():
    edge = 2.0537489106318225
    below, above = log_tail(np.array([edge - 1e-9, edge + 1e-9]), np.full(2, 1.3))
    assert above == pytest.approx(below, abs=1e-6)
    assert (np.diff(log_tail(np.linspace(-5, 8, 2_000), np.full(2_000, 1.3))) > 0).all()


def test_filings_grow_over_25_years(truth):
    age = years(truth["application_date"], pd.Series([UNTIL] * N))
    assert age.min() >= 0 and age.max() <= 25.01
    assert (age < 5).sum() > 2 * (age > 20).sum()


def test_owners_have_a_long_tail(tables):
    size = tables["patents"]["owners"].str[0].value_counts()
    assert size.iloc[: len(size) // 100].sum() > 0.15 * N
    assert (size == 1).mean() > 0.3


@pytest.mark.parametrize(
    ("office", "right", "age", "low", "high"),
    [  # shares of granted rights lapsed by an age, in the region of published survival of renewals
        ("CN", "invention", 10, 0.10, 0.40),
        ("CN", "invention", 15, 0.35, 0.70),
        ("CN", "utility_model", 8, 0.20, 0.55),
        ("US", "invention", 12, 0.15, 0.45),
        ("DE", "invention", 12, 0.25, 0.60),
    ],
)
def test_lapse_shares_by_age(truth, office, right, age, low, high):
    old = (truth["jurisdiction"] == office) & (truth["right"] == right) & truth["grant_date"].notna()
    old &= years(truth["application_date"], pd.Series([UNTIL] * N)) > age
    lapsed = (truth["death_kind"] == "lapsed") & (years(truth["application_date"], truth["death_date"]) <= age)
    assert low < lapsed[old].mean() < high


def test_citation_counts_are_overdispersed_and_their_lag_peaks_at_three_to_five_years(tables, truth):
    received = tables["citations"].merge(truth, left_on="cited_id", right_on="patent_id")
    counts = received.groupby("cited_id").size().reindex(truth["patent_id"], fill_value=0)
    assert 4 < counts.mean() < 12
    assert counts.var() > 10 * counts.mean()
    early = received[received["application_date"] < "2010-01-01"]
    lag = np.floor(years(early["application_date"], early["citing_date"])).value_counts()
    assert lag.idxmax() in (3, 4)
    owners = tables["patents"].set_index("patent_id")["owners"].str[0]
    assert (received["citing_owner"] == received["cited_id"].map(owners)).mean() == pytest.approx(0.10, abs=0.03)
    inside = received["citing_id"].isin(truth["patent_id"]).mean()
    assert 0.05 < inside < 0.20


@pytest.mark.slow
def test_royalty_rates_have_the_published_shape():
    # Parr (2007): 35 % of rates at most 3 %, 67 % at most 5 %, 92 % at most 10 %
    rates = np.concatenate([synthetic_tables(1, seed=s)[0]["licences"]["rate"].to_numpy() for s in range(40)])
    for bound, share in [(0.03, 0.35), (0.05, 0.67), (0.10, 0.92)]:
        assert (rates <= bound).mean() == pytest.approx(share, abs=0.05)


# what the observables tell


def test_rank_correlations_with_quality_lie_in_their_bands(tables, truth):
    patents = tables["patents"]
    old = (truth["right"] == "invention") & (truth["application_date"].between("2010-01-01", "2018-12-31"))
    counts = tables["citations"].groupby("cited_id").size().reindex(truth["patent_id"], fill_value=0)
    size = tables["family_members"].groupby("family_id")["jurisdiction"].nunique()
    family = patents["family_id"].map(size).fillna(1)
    first = tables["claims"][tables["claims"]["claim_number"] == 1].drop_duplicates("patent_id")
    length = truth["patent_id"].map(first.set_index("patent_id")["length"])
    bands = {
        "citations": (counts.to_numpy(), 0.20, 0.50),
        "family": (family.to_numpy(), 0.12, 0.50),
        "claims": (patents["n_claims"].to_numpy(), 0.03, 0.25),
        "length": (-length.to_numpy(), 0.05, 0.35),
        "literature": (patents["npl_citations"].to_numpy(), 0.0, 0.20),
    }
    for name, (observed, low, high) in bands.items():
        found = []
        for office in ("CN", "US", "EP"):
            rows = (old & (truth["jurisdiction"] == office)).to_numpy() & ~pd.isna(observed)
            found.append(spearmanr(observed[rows], truth["z"][rows]).statistic)
        assert low < np.mean(found) < high, name


def test_revenue_shows_income_with_the_stated_error(tables, truth):
    rows = tables["economics"].merge(truth, on="patent_id", suffixes=("", "_true"))
    royalty = rows["field"].map(dict(enumerate(map(float, small_table("fields")["royalty"]), start=1)))
    age = years(rows["application_date"], rows["known_date"])
    income = rows["revenue"] * rows["attribution"] * royalty * 0.75
    error = np.log(income / (rows["theta"] * np.exp(-rows["delta"] * age)))
    assert error.mean() == pytest.approx(0.0, abs=0.02)
    assert error.std() == pytest.approx(0.5, abs=0.03)
    assert (rows["currency"] == rows["currency_true"]).all()
    assert rows["patent_id"].nunique() / N == pytest.approx(0.4, abs=0.05)


def test_arms_length_single_sales_are_at_true_value_with_the_stated_error(tables, truth):
    deals = tables["transactions"]
    single = deals[(deals["deal_patents"] == 1) & deals["arms_length"] & (deals["kind"] == "sale")]
    sold = truth.set_index("patent_id").loc[single["patent_id"]].reset_index()
    value = value_on(single["deal_date"].to_numpy().astype("M8[D]"), sold)
    error = np.log(single["price"].to_numpy() / value)
    assert error.mean() == pytest.approx(0.0, abs=0.05)
    assert error.std() == pytest.approx(0.25, abs=0.03)
    assert 0.0 < sold["z"].mean() < 0.45  # no random sample, and not an extreme one


def test_rights_are_sold_alike_in_each_year_of_their_lives(tables, truth):
    """Sales of granted rights over those that live in the middle of the year: no rush at the end of the book."""
    deals = tables["transactions"].drop(columns="currency").merge(truth, on="patent_id")
    deals = deals[deals["deal_date"] >= deals["grant_date"]]
    sold = pd.to_datetime(deals["deal_date"]).dt.year.value_counts().sort_index()
    rate = {}
    for year in range(2015, 2025):
        day = pd.Timestamp(f"{year}-07-01")
        ends = truth[["death_date", "term_end"]].min(axis=1)
        rate[year] = sold.get(year, 0) / ((truth["grant_date"] <= day) & ~(ends < day)).sum()
    early, late = (np.mean([rate[year] for year in years]) for years in (range(2015, 2020), range(2020, 2025)))
    assert 0.8 < late / early < 1.25
    assert 0.7 < rate[2024] / late < 1.4


def test_deals_have_their_kinds(tables):
    deals = tables["transactions"].groupby("deal_id").first()
    rows = tables["transactions"].groupby("deal_id").size()
    assert (rows == deals["deal_patents"]).all() and rows.max() <= 10
    assert 0.05 < (rows > 1).mean() < 0.16
    assert (~deals["arms_length"]).mean() == pytest.approx(0.10, abs=0.03)
    assert set(deals["kind"]) == {"sale", "auction", "exclusive_licence", "court"}
    assert 0.03 < tables["transactions"]["patent_id"].nunique() / N < 0.06


def test_high_quality_is_granted_renewed_and_attacked_more_often(truth):
    decided = truth[truth["outcome_date"] <= pd.Timestamp(UNTIL)]
    granted = decided["grant_date"].notna()
    assert decided["z"][granted].mean() > decided["z"][~granted].mean() + 0.2
    old = truth[truth["grant_date"] < "2010-01-01"]
    assert old["z"][old["death_kind"] == "lapsed"].mean() < old["z"][old["death_kind"] == "expired"].mean() - 0.3
    assert truth["z"][truth["death_kind"] == "invalidated"].mean() > 0


# dates and references


@pytest.mark.parametrize("place", DATE_COLUMNS, ids=".".join)
def test_nothing_in_the_book_is_later_than_its_last_day(tables, place):
    table, column = place
    dates = tables[table][column].dropna()
    if place not in LATER_BY_NATURE:
        assert (dates <= pd.Timestamp(UNTIL)).all()


def test_dates_of_a_patent_follow_each_other(tables, truth):
    p = tables["patents"]
    for early, late in [
        ("priority_date", "application_date"),
        ("parent_filing_date", "application_date"),
        ("application_date", "publication_date"),
        ("publication_date", "grant_date"),
        ("grant_date", "term_extension_known_date"),
    ]:
        both = p[[early, late]].dropna()
        assert (both[early] <= both[late]).all(), (early, late)
    assert not (truth["death_date"] <= truth["application_date"]).any()
    granted = truth["grant_date"].notna() & truth["death_date"].notna()
    assert (truth["death_date"] > truth["grant_date"])[granted].all()
    gap = truth.dropna(subset=["gap_start"])
    assert (gap["gap_start"] < gap["gap_end"]).all()


def test_events_are_announced_when_effective_or_later_and_loaded_after_that(tables, truth):
    e = tables["legal_events"].merge(truth[["patent_id", "application_date"]], on="patent_id")
    assert (e["effective_date"] <= e["announced_date"]).all()
    assert (e["announced_date"] <= e["loaded_date"]).all()
    assert (e["effective_date"] >= e["application_date"]).all()


@pytest.mark.parametrize(("office", "code", "low", "high"), [("CN", "CF01", 380, 430), ("US", "EXP.", 33, 37)])
def test_lapses_are_announced_as_late_as_the_office_is(tables, office, code, low, high):
    # about 13 months after the due date in China, 33 to 36 days after the anniversary in the United States
    e = tables["legal_events"]
    late = e[(e["office"] == office) & (e["code"] == code)]
    days = (late["announced_date"] - late["effective_date"]).dt.days
    assert len(late) > 100 and days.between(low, high).all()


def test_american_rights_lapse_on_the_4th_8th_or_12th_anniversary_of_grant(tables):
    e = tables["legal_events"].query("code == 'EXP.'").merge(tables["patents"], on="patent_id")
    passed = e["effective_date"].dt.year - e["grant_date"].dt.year
    assert set(passed) == {4, 8, 12}
    same = e["effective_date"].dt.strftime("%m-%d") == e["grant_date"].dt.strftime("%m-%d")
    assert (same | (e["grant_date"].dt.strftime("%m-%d") == "02-29")).all()


def test_citing_documents_come_after_the_filing_they_cite_and_each_is_one_document(tables, truth):
    c = tables["citations"]
    filed = c["cited_id"].map(truth.set_index("patent_id")["application_date"])
    assert (c["citing_date"][filed.notna()] > filed.dropna()).all()
    one = ["citing_date", "citing_ipc", "citing_owner", "citing_family"]
    assert (c.groupby("citing_id")[one].nunique() == 1).all().all()
    assert not c.duplicated(["citing_id", "cited_id"]).any()
    own = tables["patents"].set_index("patent_id")
    inside = c[c["citing_id"].isin(own.index)]
    assert (inside["citing_date"].to_numpy() == own["publication_date"].loc[inside["citing_id"]].to_numpy()).all()


def test_every_row_belongs_to_a_patent_of_the_book(tables, truth):
    known = set(truth["patent_id"])
    assert len(known) == N
    for name, frame in tables.items():
        if name == "citations":
            assert (frame["citing_id"].isin(known) | frame["cited_id"].isin(known)).all()
        elif "patent_id" in frame and name != "family_members":
            assert frame["patent_id"].isin(known).all(), name
    members = tables["family_members"]
    assert members["patent_id"].dropna().isin(known).all()
    assert set(members["family_id"]) <= set(tables["patents"]["family_id"])


def test_identifiers_name_office_number_and_kind(tables):
    p = tables["patents"]
    assert p["patent_id"].str.fullmatch(r"[A-Z]{2}-D?\d{6,12}-[A-Z]\d?").all()
    assert (p["patent_id"].str[:2] == p["jurisdiction"]).all()


# legal paths


def test_every_legal_path_occurs(tables, truth):
    events = set(zip(tables["legal_events"]["office"], tables["legal_events"]["code"]))
    steps = small_table("events")
    missing = {key for key in zip(steps["jurisdiction"], steps["code"]) if key not in events}
    assert len(missing) <= 2, missing  # the rarest may lack in a small book
    kinds = set(truth["death_kind"])
    assert kinds == {"", "refused", "withdrawn", "lapsed", "expired", "surrendered", "invalidated"}
    assert truth["gap_start"].notna().sum() > 10
    pending = (truth["death_kind"] == "") & (truth["outcome_date"] > pd.Timestamp(UNTIL))
    assert 0.1 < pending.mean() < 0.3
    expired = truth.loc[truth["death_kind"] == "expired", "patent_id"]
    told = tables["legal_events"].query("code in ['CX01', 'EXPY', 'H14', 'R071']")["patent_id"]
    assert 0 < expired.isin(told).mean() < 0.9  # the others expire by the calendar alone


def test_a_part_of_the_dead_is_not_yet_known_to_be_dead(tables, truth):
    lapsed = truth[(truth["death_kind"] == "lapsed") & (truth["jurisdiction"] == "CN")]
    lapsed = lapsed[lapsed["gap_start"].isna()]  # an earlier lapse, since restored, has an entry of its own
    told = lapsed["patent_id"].isin(tables["legal_events"].query("code == 'CF01'")["patent_id"])
    recent = lapsed["death_date"] > "2024-01-15"
    assert not told[recent].any() and told[lapsed["death_date"] < "2023-10-01"].all()


def test_pledges_carry_a_registration_number_and_loans_belong_to_pledged_patents(tables):
    e = tables["legal_events"]
    on, off = e[e["code"] == "PE01"], e[e["code"] == "PC01"]
    assert on["detail"].is_unique and on["detail"].str.fullmatch(r"Y\d{12}").all()
    assert set(off["detail"]) <= set(on["detail"])
    assert set(tables["loans"]["patent_id"]) <= set(on["patent_id"])


def test_event_codes_are_those_of_the_office_s_code_list():
    path = Path(__file__).parents[2] / "src/ipvalue/law/tables/event_map.csv"
    with path.open(encoding="utf-8") as lines:
        known = {(row["office"], row["code"].rstrip(".")) for row in csv.DictReader(lines)}
    steps = small_table("events")
    used = {(office, code.rstrip(".")) for office, code in zip(steps["jurisdiction"], steps["code"])}
    assert used <= known


def test_ipc_symbols_belong_to_their_field():
    technology = pytest.importorskip("ipvalue.law.technology")
    from ipvalue.synthetic.documents import symbols

    words, begins = symbols()
    field = np.repeat(np.arange(1, 36), np.diff(begins))
    assert np.array_equal(np.asarray(technology.field_of(words)), field)


# value


def test_value_is_nan_before_filing_zero_when_dead_and_falls_with_age(truth):
    early = value_on(np.datetime64("2005-06-30"), truth)
    filed = (truth["application_date"] <= "2005-06-30").to_numpy()
    assert np.isnan(early[~filed]).all() and not np.isnan(early[filed]).any()
    late = value_on(UNTIL, truth)
    dead = truth["death_date"].notna().to_numpy()
    assert (late[dead] == 0).all() and (late[~dead & truth["gap_start"].isna()] > 0).all()
    before = value_on(UNTIL - 365, truth)
    granted = (truth["grant_date"] <= "2023-12-31").to_numpy() & ~dead & truth["gap_start"].isna().to_numpy()
    assert (late[granted] < before[granted]).all()


def test_value_jumps_by_the_grant_probability_on_grant(truth):
    soon = truth[truth["grant_date"].between("2015-01-02", UNTIL)].head(200)
    day = soon["grant_date"].to_numpy().astype("M8[D]")
    ratio = value_on(day - 1, soon) / value_on(day, soon)
    assert ratio == pytest.approx(soon["grant_probability"].to_numpy(), rel=2e-3)


def test_grant_probability_is_calibrated(truth):
    decided = truth[truth["application_date"] < "2010-01-01"]
    granted = decided["grant_date"].notna()
    assert granted.mean() == pytest.approx(decided["grant_probability"].mean(), abs=0.015)


# determinism and size


def test_same_arguments_give_the_same_tables_and_other_seeds_others():
    first, second = synthetic_tables(300, seed=3), synthetic_tables(300, seed=3)
    assert all(first[0][name].equals(second[0][name]) for name in TABLES)
    pd.testing.assert_frame_equal(first[1], second[1])
    other = synthetic_tables(300, seed=4)
    assert not first[0]["patents"].equals(other[0]["patents"])


def test_claim_texts_change_no_other_table():
    plain, worded = synthetic_tables(200, seed=3), synthetic_tables(200, seed=3, claim_texts=True)
    assert all(plain[0][name].equals(worded[0][name]) for name in TABLES if name != "claims")
    assert plain[0]["claims"].num_rows == worded[0]["claims"].num_rows


def test_claim_texts_name_the_claims_they_depend_on():
    numbers = synthetic_tables(300, seed=3)[0]["claims"].to_pandas()
    worded = synthetic_tables(300, seed=3, claim_texts=True)[0]["claims"].to_pandas()
    reference = re.compile(r"权利要求(?:1至)?(\d+)|claims? (?:1 to )?(\d+)|Ansprüche 1 bis (\d+)|Anspruch (\d+)")
    has_text = worded["text"].notna()
    assert set(worded["language"][has_text]) == {"zh", "en", "de"}
    found = worded["text"][has_text].map(lambda text: next(map(max, map(_numbers, reference.findall(text))), 0))
    assert ((found == 0) == numbers["independent"][has_text]).all()
    assert (found < worded["claim_number"][has_text]).all()
    assert worded["independent"][has_text].isna().all()
    english = worded["language"] == "en"
    words = worded["text"][english].str.split().str.len()
    assert spearmanr(words, numbers["length"][english]).statistic > 0.8


def _numbers(groups):
    return [int(g) for g in groups if g]


@pytest.mark.parametrize("n", [1, 2, 3, 10])
@pytest.mark.parametrize("seed", range(4))
def test_tiny_books_work(n, seed):
    book = synthetic_book(n, seed, claim_texts=seed % 2 == 1)
    assert len(book) == n and len(book.truth) == n and len(book.rejects) == 0
    assert len(book.true_value("2024-12-31")) == n


@pytest.mark.parametrize("until", ["2010-12-31", "2016-02-29", "2030-06-30"])
def test_other_last_days_work(until):
    book = synthetic_book(500, 1, until=until)
    assert len(book.rejects) == 0
    assert book.truth["application_date"].max() <= pd.Timestamp(until)


@pytest.mark.parametrize("wrong", [{"n": 0}, {"n": 2.5}, {"n": True}, {"n": 5, "seed": -1}, {"n": 5, "until": "soon"}])
def test_bad_arguments_raise_an_error_that_says_what(wrong):
    with pytest.raises(BookError):
        synthetic_book(**wrong)


# the book


def test_the_book_takes_every_row(book):
    assert isinstance(book, SyntheticBook)
    assert len(book.rejects) == 0 and not book.duplicates and not book.ignored
    assert list(book.truth["patent_id"]) == book.patent_ids
    assert repr(book).startswith("Synthetic book of 2,000 patents")


def test_true_value_converts_with_the_book_s_rates(book):
    yuan, dollar = (book.true_value("2024-12-31", currency) for currency in ("CNY", "USD"))
    quoted = book["fx"].to_pandas(date_as_object=False)
    fx = quoted[quoted["date"] == pd.Timestamp(UNTIL)].set_index("currency")["rate"]
    assert dollar.to_numpy() == pytest.approx(yuan.to_numpy() * fx["CNY"] / fx["USD"], rel=1e-12)
    assert yuan.index.name == "patent_id" and (yuan > 0).mean() > 0.3


def test_true_value_beyond_the_book_or_in_an_unknown_currency_is_refused(book):
    with pytest.raises(BookError, match="ends on"):
        book.true_value("2025-01-01")
    with pytest.raises(BookError, match="exchange rate"):
        book.true_value("2024-12-31", "XYZ")


def test_truth_agrees_with_the_register_where_the_register_knows(tables, truth):
    """Dead in truth long enough: dead in the register. Alive in truth: alive there. European rights aside."""
    status = pytest.importorskip("ipvalue.law.status")
    known = status.at(tables["legal_events"], tables["patents"], "2024-12-31")["state"].to_numpy()
    alive = np.isin(known, ["filed", "published", "examination", "allowed", "in_force", "grace", "in_extension"])
    really = value_on(UNTIL, truth) > 0
    other = (truth["jurisdiction"] != "EP").to_numpy()
    assert (alive | ~really)[other].all()
    old = (truth["death_date"] < "2023-06-30").to_numpy() & other
    published = tables["patents"]["publication_date"].notna().to_numpy()
    assert not (alive & old & published).any()
