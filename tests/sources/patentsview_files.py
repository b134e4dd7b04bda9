"""Tables in the layout of PatentsView's release, for the tests of its reader."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from pathlib import Path

HEADS = {
    "g_patent": "patent_id patent_type patent_date patent_title wipo_kind num_claims withdrawn filename",
    "g_application": "application_id patent_id patent_application_type filing_date series_code rule_47_flag",
    "g_us_patent_citation": "patent_id citation_sequence citation_patent_id citation_date record_name wipo_kind "
    "citation_category",
    "g_claims_2018": "patent_id claim_sequence claim_text dependent claim_number exemplary",
    "g_cpc_current": "patent_id cpc_sequence cpc_section cpc_class cpc_subclass cpc_group cpc_type",
    "g_ipc_at_issue": "patent_id ipc_sequence classification_level section ipc_class subclass main_group subgroup "
    "classification_value classification_status classification_data_source action_date",
    "g_assignee_disambiguated": "patent_id assignee_sequence assignee_id disambig_assignee_individual_name_first "
    "disambig_assignee_individual_name_last disambig_assignee_organization assignee_type location_id",
    "g_inventor_disambiguated": "patent_id inventor_sequence inventor_id disambig_inventor_name_first",
    "g_us_rel_doc": "patent_id related_doc_number published_country related_doc_type related_doc_kind "
    "related_doc_published_date related_doc_status related_doc_sequence wipo_kind",
    "g_foreign_priority": "patent_id priority_claim_sequence priority_claim_kind foreign_application_id filing_date "
    "foreign_country_filed",
    "g_us_term_of_grant": "patent_id disclaimer_date term_disclaimer term_grant term_extension",
}
Rows = Iterable[Iterable[object]]


def table(folder: Path, name: str, rows: Rows, head: str = "") -> Path:
    """One table as the release writes it: tabs, and every text in quotes."""
    path = folder / f"{name}.tsv"
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter="\t", quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerow((head or HEADS[name]).split())
        writer.writerows(rows)
    return path
