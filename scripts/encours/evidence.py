"""Publish what figures are opened with: the ledger rows behind them, and two functions in SQL."""

import re
from typing import Any

import duckdb

from encours.lake import quoted

SCHEMA = "evidence"

# A function of the database for the parts of a figure.
_PARTS = """
create or replace macro audit.kpi_parts(
    kpi, period, entity := 'ALL', segment := 'all', code := 'ALL', grain := 'month', key := null
) as table
with

cells as (
    select
        cells.*,
        coalesce(catalogue.formula, cells.column_name) as formula
    from evidence.cell_parts as cells
    left join audit.kpi_catalogue as catalogue on cells.figure_code = catalogue.kpi_code
    where
        cells.figure_code = kpi
        and cells.period_grain = grain
        and cells.period_start = cast(period as date)
        and cells.entity_code = entity
        and cells.segment_type = segment
        and cells.segment_code = code
        and (key is null or cells.row_key = key)
),

written as (
    select
        cells.*,
        list_reduce(
            list(
                cells.part_column
                || '='
                || coalesce(
                    regexp_replace(
                        format('{:,.6f}', cast(cells.part_value as double)), '\\.?0+$', ''
                    ),
                    'NULL'
                )
            ) over (partition by cells.row_key),
            lambda text, part: regexp_replace(
                text, '\\b' || split_part(part, '=', 1) || '\\b', split_part(part, '=', 2), 'g'
            ),
            cells.formula
        ) as formula_with_numbers
    from cells
)

select
    written.figure_code,
    written.period_grain,
    written.period_start,
    written.as_of_date,
    written.entity_code,
    written.segment_type,
    written.segment_code,
    written.row_key,
    written.currency_code,
    written.figure_value,
    written.formula,
    -- A formula in words stays as it is.
    case
        when regexp_matches(written.formula_with_numbers, '[a-wyz]') then written.formula
        else written.formula_with_numbers
    end as formula_with_numbers,
    written.part_order,
    written.part_column,
    written.part_figure_code,
    written.part,
    written.part_kind,
    written.part_value
from written
order by written.row_key, written.part_order
"""

# A function of the database for the records behind a figure. The conditions on the figure are
# constants once it is called, so that the database reads only what its parts are made of.
_EVIDENCE = """
create or replace macro audit.kpi_evidence(
    kpi, period, entity := 'ALL', segment := 'all', code := 'ALL', grain := 'month', key := null
) as table
with

contributions as (
    {branches}
)

select
    parts.part_column,
    contributions.row_key,
    contributions.record_type,
    coalesce(contributions.entity_code, items.entity_code) as entity_code,
    coalesce(contributions.customer_code, items.customer_code) as customer_code,
    items.document_number,
    items.issue_date,
    items.due_date,
    contributions.event_date,
    contributions.days,
    contributions.document_amount,
    contributions.currency_code,
    contributions.factor,
    contributions.contribution,
    contributions.count_key,
    contributions.note,
    contributions.record_key,
    source_rows.feed,
    source_rows.source_name,
    source_rows.source_file,
    source_rows.source_row,
    source_rows.load_id,
    source_rows.source_file_sha256
from contributions
inner join evidence.kpi_parts as parts
    on contributions.part = parts.part and parts.figure_code = kpi
left join evidence.items as items on contributions.item_key = items.item_key
left join evidence.source_rows as source_rows
    on contributions.record_key = source_rows.record_key
"""

_BRANCH = """
    select contributions.*
    from evidence.{topic} as contributions
    where
        contributions.scope = '{scope}'
        and contributions.scope_id in (
            select members.scope_id
            from evidence.members as members
            where
                members.scope = '{scope}'
                and members.entity_code = entity
                and members.segment_type = segment
                and members.segment_code = code
        )
        and contributions.period_grain = grain
        and contributions.period_start = cast(period as date)
        and (key is null or contributions.row_key in (key, ''))
        and ({figures})
"""


def publish_evidence(
    connection: duckdb.DuckDBPyConnection, manifest: dict[str, Any]
) -> list[tuple[str, str]]:
    """Write the schema `evidence` beside the marts: ledger rows as tables, the rest as views.

    Args:
        connection: The new database, with the build database attached as `build`; the schemas
            marts and audit are written.
        manifest: The dbt manifest of the build.

    Returns:
        Schema and name of each table written.
    """
    connection.execute(f"create schema {SCHEMA}")
    tables = []
    for node in _in_order(manifest):
        name = f"{SCHEMA}.{node['name']}"
        meta = node["config"].get("meta", {})
        if meta.get("published_as") == "table":
            order = ", ".join(meta.get("order_by", ["all"]))
            connection.execute(f"create table {name} as from build.{name} order by {order}")
            tables.append((SCHEMA, str(node["name"])))
        else:
            # The same query over what is published: no name leads back to the build database.
            sql = node["compiled_code"].replace(f'"{node["database"]}".', "")
            connection.execute(f"create view {name} as {sql}")
    figures = connection.execute(
        "select figure_code, list(distinct part order by part) from evidence.kpi_parts "
        "where part_kind = 'rows' group by figure_code order by figure_code"
    ).fetchall()
    branches = []
    for node in _in_order(manifest):
        own_parts = _literals(node, "part")
        conditions = [
            f"kpi = {quoted(figure)} and contributions.part in ({', '.join(map(quoted, found))})"
            for figure, parts in figures
            if (found := [part for part in parts if part in own_parts])
        ]
        branches += [
            _BRANCH.format(topic=node["name"], scope=scope, figures=" or ".join(conditions))
            for scope in sorted(_literals(node, "scope"))
            if conditions and node["name"].startswith("evidence_")
        ]
    connection.execute(_PARTS)
    connection.execute(_EVIDENCE.format(branches="union all".join(branches)))
    return tables


def _literals(node: dict[str, Any], column: str) -> set[str]:
    """The constants that a model gives to a column of its contributions."""
    return set(re.findall(rf"cast\('(\w+)' as varchar\) as {column}\b", node["compiled_code"]))


def _in_order(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """The models of the schema, each after those it reads."""
    models = {
        key: node
        for key, node in sorted(manifest["nodes"].items())
        if node["resource_type"] == "model" and node["schema"] == SCHEMA
    }
    ordered: dict[str, dict[str, Any]] = {}

    def visit(key: str) -> None:
        if key in models and key not in ordered:
            for parent in models[key]["depends_on"]["nodes"]:
                visit(parent)
            ordered[key] = models[key]

    for key in models:
        visit(key)
    return list(ordered.values())
