"""What the columns of a query come from: cases that a reader of the SQL can check by eye."""

import pytest
from encours.lineage.statement import columns_of
from encours.lineage.terms import ROWS
from sqlglot.errors import SqlglotError
from sqlglot.schema import MappingSchema

TABLES = {
    "s.items": ("item", "customer", "day", "amount", "kind"),
    "s.rates": ("day", "rate", "currency"),
    "s.seen": ("item", "level"),
}


def origins(sql: str) -> dict[str, set[str]]:
    """By column, what it reads: `table.column way`."""
    schema = MappingSchema(dialect="duckdb")
    for name, columns in TABLES.items():
        schema.add_table(name, dict.fromkeys(columns, "varchar"))
    return {
        column: {f"{origin.table}.{origin.column} {origin.way}" for origin in found}
        for column, found in columns_of(sql, schema).items()
    }


def test_a_column_that_passes_through_does_not_depend_on_the_rows() -> None:
    found = origins("select i.amount from s.items as i where i.kind = 'invoice'")
    assert found["amount"] == {"items.amount identity"}
    assert found[ROWS] == {"items.* rows", "items.kind filter"}


def test_an_aggregate_depends_on_rows_filters_and_groups() -> None:
    found = origins(
        "select i.customer, sum(i.amount) filter (where i.kind = 'invoice') as total "
        "from s.items as i where i.day > '2026' group by i.customer"
    )
    assert found["customer"] == {"items.customer identity"}
    assert found["total"] == {
        "items.amount aggregation",
        "items.kind filter",
        "items.day filter",
        "items.customer group_by",
        "items.* rows",
    }
    assert found[ROWS] == {"items.* rows", "items.day filter", "items.customer group_by"}


def test_a_count_has_conditions_alone() -> None:
    found = origins("select count(*) as n from s.items as i where i.kind = 'x'")
    assert found["n"] == {"items.* rows", "items.kind filter"}
    assert found[ROWS] == set(), "an aggregate without groups is one row, whatever is in the table"


def test_a_test_of_a_case_decides_and_its_results_are_values() -> None:
    found = origins(
        "select case when i.kind = 'x' then -i.amount else 0 end as a from s.items as i"
    )
    assert found["a"] == {"items.kind conditional", "items.amount transformation"}


def test_a_left_join_decides_what_it_looks_up_and_nothing_else() -> None:
    found = origins(
        "with current_rates as (select * from s.rates where currency = 'EUR') "
        "select i.amount, i.amount * r.rate as converted "
        "from s.items as i left join current_rates as r on i.day = r.day"
    )
    assert found["amount"] == {"items.amount identity"}
    assert found["converted"] == {
        "items.amount transformation",
        "rates.rate transformation",
        "items.day join",
        "rates.day join",
        "rates.* rows",
        "rates.currency filter",
    }
    assert found[ROWS] == {"items.* rows"}


def test_an_inner_join_decides_the_rows() -> None:
    found = origins(
        "select count(*) as n from s.items as i inner join s.seen as v on i.item = v.item"
    )
    assert found["n"] == {"items.* rows", "seen.* rows", "items.item join", "seen.item join"}


def test_a_window_reads_its_partition_its_order_and_all_rows() -> None:
    found = origins(
        "select sum(i.amount) over per_customer as running from s.items as i "
        "window per_customer as (partition by i.customer order by i.day)"
    )
    assert found["running"] == {
        "items.amount aggregation",
        "items.customer window",
        "items.day window",
        "items.* rows",
    }


def test_the_branches_of_a_union_are_joined_by_position() -> None:
    found = origins(
        "select i.day as d, i.amount as a from s.items as i "
        "union all select r.day, r.rate from s.rates as r "
        "union all select '', v.level from s.seen as v"
    )
    assert found["d"] == {"items.day identity", "rates.day identity"}
    assert found["a"] == {"items.amount identity", "rates.rate identity", "seen.level identity"}
    assert found[ROWS] == {"items.* rows", "rates.* rows", "seen.* rows"}


def test_subqueries_decide_by_their_columns_and_their_rows() -> None:
    found = origins(
        "select i.amount, (select max(r.rate) from s.rates as r where r.day = i.day) as top "
        "from s.items as i where exists (select 1 from s.seen as v where v.item = i.item) "
        "and i.kind in (select v.level from s.seen as v)"
    )
    assert found["amount"] == {"items.amount identity"}
    assert found["top"] >= {"rates.rate aggregation", "rates.day filter", "items.day filter"}
    assert found[ROWS] >= {"seen.item filter", "items.item filter", "seen.level filter"}


def test_what_decides_which_row_is_the_last_is_no_value() -> None:
    found = origins("select max_by(i.amount, i.day) as latest from s.items as i")
    assert found["latest"] == {"items.amount aggregation", "items.day sort", "items.* rows"}


def test_a_series_is_made_of_its_bounds() -> None:
    found = origins(
        "select cast(series.d as date) as day from s.items as b "
        "cross join generate_series(b.day, b.amount, interval 1 day) as series (d)"
    )
    assert found["day"] >= {"items.day transformation", "items.amount transformation"}


def test_a_condition_stays_a_condition_further_back() -> None:
    found = origins(
        "with signed as (select item, case kind when 'x' then amount end as signed from s.items) "
        "select count(*) filter (where signed.signed > 0) as n from signed"
    )
    assert found["n"] == {"items.amount filter", "items.kind filter", "items.* rows"}


def test_a_column_that_is_not_there_is_an_error() -> None:
    with pytest.raises(SqlglotError):
        origins("select i.nothing from s.items as i")
