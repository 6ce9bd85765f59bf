"""The warehouse against the reference, for any company.

Many random companies, one entity each, go through a single run; then every row and column
of the published tables is compared, for each entity and for the group.

`ENCOURS_COMPANIES` (number of random companies) and `ENCOURS_SEED` widen the search;
`ENCOURS_SHRINK=1` makes a failing company as small as it goes, one more run per round.
"""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

import duckdb
import evidence_sums
import pytest
from reference.companies import (
    ANCHOR,
    AS_OF,
    FIRST_DAY,
    REPORTING_CURRENCY,
    Company,
    companies,
    company_of,
    dataset,
    draw_companies,
    exchange_rates,
    shrunk,
    size_of,
    text_of,
)
from reference.compare import Mismatch, Warehouse, compare
from reference.figures import GROUP
from reference.kpis import KEYS, Reference
from reference.ledger import Feeds
from reference.regressions import REGRESSIONS
from support import run_encours, write_feeds

pytestmark = pytest.mark.slow

COUNT = int(os.environ.get("ENCOURS_COMPANIES", "150"))
SEED = int(os.environ.get("ENCOURS_SEED", "0"))
MISMATCHES_SHOWN = 12
KEPT_PER_COLUMN = 20

RATES = exchange_rates(FIRST_DAY - timedelta(days=3), AS_OF + timedelta(days=60))


def differences(
    feeds: Feeds,
    folder: Path,
    as_of: date | None = None,
    reporting_currency: str | None = None,
) -> list[Mismatch]:
    """Run feeds and compare what is published with the reference.

    Of each column of an entity's table a few differences are kept, so that a common one does not
    fill the memory.

    Args:
        feeds: Rows by feed.
        folder: Where to put the files and the warehouse.
        as_of: As-of day to give to the run; None for none.
        reporting_currency: Reporting currency to give to the run; None for none.
    """
    options = [] if as_of is None else ["--as-of", as_of.isoformat()]
    options += [] if reporting_currency is None else ["--reporting-currency", reporting_currency]
    home = folder / "home"
    source = write_feeds({feed: rows for feed, rows in feeds.items() if rows}, folder / "inbox")
    run_encours("run", source, "--home", home, *options)
    warehouse = Warehouse(home / "encours.duckdb")
    kept: list[Mismatch] = []
    counts: Counter[tuple[str, str, str]] = Counter()
    try:
        reference = Reference(
            feeds, as_of, reporting_currency=reporting_currency or REPORTING_CURRENCY
        )
        for mismatch in compare(warehouse, reference):
            place = (mismatch.entity_code, mismatch.table, mismatch.column)
            counts[place] += 1
            if counts[place] <= KEPT_PER_COLUMN:
                kept.append(mismatch)
    finally:
        warehouse.close()
    return kept


def unproven(folder: Path, days: str = "false") -> list[str]:
    """Parts of figures that the evidence published by `differences` does not add up to.

    Args:
        folder: The folder given to `differences`.
        days: Condition on `period_start` of the days to compare; other grains are compared in full.
    """
    with duckdb.connect(str(folder / "home" / "encours.duckdb"), read_only=True) as connection:
        evidence_sums.compare_parts(connection, days)
        return evidence_sums.differences(connection)


class Comparison:
    """Companies put into one dataset, and what differs."""

    def __init__(self, folder: Path, named: Mapping[str, Company]) -> None:
        self.folder = folder
        self.named = {"E000": ANCHOR, **named}
        self.mismatches = differences(dataset(self.named, RATES), folder, AS_OF, REPORTING_CURRENCY)

    def of_table(self, table: str) -> list[Mismatch]:
        """What differs in a table."""
        return [mismatch for mismatch in self.mismatches if mismatch.table == table]

    def of_entity(self, entity_code: str) -> list[Mismatch]:
        """What differs for an entity."""
        return [mismatch for mismatch in self.mismatches if mismatch.entity_code == entity_code]


def shrunk_in(folder: Path, company: Company, mismatch: Mismatch) -> Company:
    """Make a company smaller as long as the same column of the same table differs."""
    rounds = 0

    def fails(candidates: list[Company]) -> list[bool]:
        nonlocal rounds
        rounds += 1
        named = {f"S{number:04}": candidate for number, candidate in enumerate(candidates)}
        found = Comparison(folder / f"round_{rounds}", named).of_table(mismatch.table)
        failing = {m.entity_code for m in found if m.column == mismatch.column}
        return [code in failing for code in named]

    return shrunk(company, fails)


def report(
    mismatches: list[Mismatch], named: Mapping[str, Company], folder: Path | None = None
) -> str:
    """Say what differs, for the smallest company concerned, and give that company as a case.

    Args:
        folder: Where to run smaller versions of the company; None to leave it as it is.
    """
    columns: dict[tuple[str, str], set[str]] = {}
    for mismatch in mismatches:
        place = (mismatch.table, mismatch.column)
        columns.setdefault(place, set()).add(mismatch.entity_code)
    entities = {mismatch.entity_code for mismatch in mismatches}
    lines = [f"{len(entities)} of {len(named)} entities differ, with the group:"]
    lines += [f"  {table}.{column}: {len(found)}" for (table, column), found in columns.items()]
    if entities <= {GROUP}:
        return "\n".join(lines + [f"  {m}" for m in mismatches[:MISMATCHES_SHOWN]])

    entity_code = min(entities & set(named), key=lambda code: size_of(named[code]))
    of_entity = [mismatch for mismatch in mismatches if mismatch.entity_code == entity_code]
    lines.append(f"smallest company, {entity_code}:")
    lines += [f"  {mismatch}" for mismatch in of_entity[:MISMATCHES_SHOWN]]
    company = named[entity_code]
    if folder is not None:
        company = shrunk_in(folder, company, of_entity[0])
        again = Comparison(folder / "shrunk", {"S": company}).of_entity("S")
        lines.append("made smaller:")
        lines += [f"  {mismatch}" for mismatch in again[:MISMATCHES_SHOWN]]
    return "\n".join(
        [*lines, "as a case for tests/python/reference/regressions.py:", text_of(company)]
    )


@pytest.fixture(scope="module")
def comparison(tmp_path_factory: pytest.TempPathFactory) -> Comparison:
    """Random and hand-made companies in one run."""
    drawn = draw_companies(COUNT, SEED, companies())
    named = {f"E{number:03}": company for number, company in enumerate(drawn, start=1)}
    named |= {
        f"R{number:03}": company_of(case)
        for number, case in enumerate(REGRESSIONS.values(), start=1)
    }
    return Comparison(tmp_path_factory.mktemp("companies"), named)


@pytest.mark.parametrize("table", KEYS)
def test_the_warehouse_equals_the_reference(
    comparison: Comparison, table: str, tmp_path: Path
) -> None:
    mismatches = comparison.of_table(table)
    if mismatches:
        folder = tmp_path if os.environ.get("ENCOURS_SHRINK") else None
        pytest.fail(report(mismatches, comparison.named, folder), pytrace=False)


@pytest.mark.parametrize(
    "entity_code",
    [pytest.param(f"R{number:03}", id=name) for number, name in enumerate(REGRESSIONS, start=1)],
)
def test_regressions(comparison: Comparison, entity_code: str) -> None:
    mismatches = comparison.of_entity(entity_code)
    if mismatches:
        pytest.fail(report(mismatches, comparison.named), pytrace=False)


def test_the_evidence_adds_up_to_the_figures(comparison: Comparison) -> None:
    assert not unproven(comparison.folder)


def test_a_run_without_options_ends_on_the_last_movement(tmp_path: Path) -> None:
    drawn = draw_companies(15, SEED + 1, companies(currencies=[REPORTING_CURRENCY]))
    named = {f"E{number:03}": company for number, company in enumerate(drawn, start=1)}
    mismatches = differences(dataset(named), tmp_path)
    if mismatches:
        pytest.fail(report(mismatches, named), pytrace=False)


def test_an_earlier_month_end_in_another_currency(tmp_path: Path) -> None:
    drawn = draw_companies(25, SEED + 2, companies())
    named = {f"E{number:03}": company for number, company in enumerate(drawn, start=1)}
    named["E000"] = ANCHOR
    mismatches = differences(dataset(named, RATES), tmp_path, date(2024, 2, 29), "USD")
    if mismatches:
        pytest.fail(report(mismatches, named), pytrace=False)
    assert not unproven(tmp_path, "day(period_start) in (1, 15)")
