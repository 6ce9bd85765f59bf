"""Several accounting systems in one run, whose keys collide: each keeps its figures.

Every system has one entity, numbers its documents, receipts and customers like the others, and
describes its customers without saying for which entity.
"""

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from reference.companies import (
    ANCHOR,
    AS_OF,
    FIRST_DAY,
    REPORTING_CURRENCY,
    Company,
    companies,
    draw_companies,
    exchange_rates,
)
from reference.compare import Warehouse, compare
from reference.kpis import Reference
from reference.ledger import Feeds
from support import marts_that_differ, run_encours, write_feeds

pytestmark = pytest.mark.slow

SYSTEMS = 12
RATES = exchange_rates(FIRST_DAY - timedelta(days=3), AS_OF + timedelta(days=60))
OPTIONS = ("--as-of", AS_OF.isoformat(), "--reporting-currency", REPORTING_CURRENCY)


def customers_of(number: int) -> list[dict[str, Any]]:
    """Customers of a system, which share nothing but their codes with those of the others."""
    segments, regions = ("KEY", "SMALL", "MID"), ("NORTH", "SOUTH")
    return [
        {
            "customer_code": f"C{place}",
            "customer_name": f"Customer {place} of system {number}",
            "customer_segment": segments[(place + number) % 3],
            "region": regions[(place * number) % 2],
            "salesperson_code": f"S{number}",
            "payment_terms": ["30 jours", "60 jours", None][(place + 2 * number) % 3],
            "risk_class": "ABCDE"[(place + number) % 5],
            "is_doubtful": (place + number) % 4 == 0,
        }
        for place in range(1, 7)
        if (place + number) % 5
    ]


def limits_of(number: int) -> list[dict[str, Any]]:
    """Limits of a system for its customers, from days that differ between systems."""
    return [
        {
            "customer_code": f"C{place}",
            "valid_from": date(2023, 1, 1) + timedelta(days=31 * number * place),
            "limit_amount": Decimal(100 * number + place),
            "currency_code": "EUR",
        }
        for place in (1, 2, 3)
    ]


def system_of(code: str, number: int, company: Company) -> Feeds:
    """The feeds of a system: customers and limits hold for all entities, as far as it knows."""
    feeds = {
        feed: [{**row, "entity_code": code} for row in rows]
        for feed, rows in company.items()
        if rows and feed not in ("customers", "credit_limits", "credit_insurance")
    }
    own = {
        "entities": [{"entity_code": code, "entity_name": f"Entity {number}"}],
        "customers": customers_of(number),
        "credit_limits": limits_of(number),
    }
    return {**feeds, **own}


def told_apart(code: str, feeds: Feeds) -> Feeds:
    """The same, with the entity on every row."""
    return {feed: [{**row, "entity_code": code} for row in rows] for feed, rows in feeds.items()}


@pytest.fixture(scope="module")
def systems() -> dict[str, Feeds]:
    drawn = [ANCHOR, *draw_companies(SYSTEMS - 1, 4, companies())]
    # A history that begins when that of all does: rolling spans are known from then on.
    drawn[1] = {**drawn[1], "invoices": [*ANCHOR["invoices"], *drawn[1]["invoices"]]}
    return {
        f"E{number:03}": system_of(f"E{number:03}", number, company)
        for number, company in enumerate(drawn, start=1)
    }


@pytest.fixture(scope="module")
def sources(systems: dict[str, Feeds], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("systems")
    rates = write_feeds({"fx_rates": RATES}, folder / "rates", "rates")
    written = {code: write_feeds(feeds, folder / code, code) for code, feeds in systems.items()}
    return {"rates": rates, **written}


@pytest.fixture(scope="module")
def together(sources: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("together") / "home"
    run_encours("run", *sources.values(), "--home", home, *OPTIONS)
    return home


def test_every_entity_and_the_group_equal_the_reference(
    systems: dict[str, Feeds], together: Path
) -> None:
    feeds: dict[str, list[dict[str, Any]]] = {"fx_rates": list(RATES)}
    for code, own in systems.items():
        for feed, rows in told_apart(code, own).items():
            feeds.setdefault(feed, []).extend(rows)
    reference = Reference(feeds, AS_OF, reporting_currency=REPORTING_CURRENCY)
    warehouse = Warehouse(together / "encours.duckdb")
    try:
        found = [str(mismatch) for mismatch in compare(warehouse, reference)]
    finally:
        warehouse.close()
    assert found[:12] == []


def test_an_entity_has_the_figures_of_a_run_of_its_system_alone(
    sources: dict[str, Path], together: Path, tmp_path: Path
) -> None:
    code = "E002"
    run_encours("run", sources["rates"], sources[code], "--home", tmp_path / "home", *OPTIONS)
    alone = tmp_path / "home" / "encours.duckdb"
    # The work list ranks the items of all entities together.
    found = marts_that_differ(together / "encours.duckdb", alone, code, ["worklist_rank"])
    assert found == []


def test_customers_of_one_code_are_listed(together: Path) -> None:
    with duckdb.connect(str(together / "encours.duckdb"), read_only=True) as connection:
        found = connection.execute(
            "select record_key, description from audit.data_issues "
            "where issue_code = 'key_from_two_sources' and feed = 'customers' order by 1"
        ).fetchall()
    assert [key for key, _ in found] == [f"C{number}||" for number in range(1, 7)]
    assert all("each counts for the entities of its source" in text for _, text in found)
