"""Compare what the published evidence adds up to with the figures, part by part."""

from __future__ import annotations

import ast
import operator
import re
from collections.abc import Callable, Mapping
from decimal import Decimal

import duckdb

# Marts convert sums and round them to a millionth, evidence converts each record: amounts, and what
# weighs amounts, may be half a cent apart. A count-back divides such a difference by the revenue of
# one month, which may be small. Counts and shares are what they are.
AMOUNT_TOLERANCE = 0.005
COUNTBACK_TOLERANCE = 0.01
OTHER_TOLERANCE = 0.000001

OPERATIONS: dict[type[ast.operator], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
}

SLICE = "period_grain, period_start, entity_code, segment_type, segment_code"


def compare_parts(connection: duckdb.DuckDBPyConnection, days: str = "false") -> None:
    """Write the temporary table `compared`: every part of every cell beside its evidence.

    Args:
        connection: A published database.
        days: Condition on `period_start` of the days to compare; other grains are compared in full.
    """
    condition = f"(period_grain <> 'day' or {days})"
    connection.execute(
        f"""
        create temp table sums as
        select
            part, row_key, {SLICE},
            case
                when count(count_key) > 0 then count(distinct count_key)
                else sum(contribution)
            end as evidence,
            count(*) as record_count
        from (select * exclude (entity_code) from evidence.contributions where {condition})
        inner join evidence.members using (scope, scope_id)
        group by all
        """
    )
    connection.execute(
        f"""
        create temp table compared as
        with
        shared as (select distinct part from sums where row_key = ''),
        cells as (
            select
                *,
                if(part in (from shared), '', row_key) as evidence_key,
                case
                    when regexp_matches(part_column, '_(amount|weight|amount_days)$')
                        then {AMOUNT_TOLERANCE}
                    when part_column = 'dso_countback_days' then {COUNTBACK_TOLERANCE}
                    else {OTHER_TOLERANCE}
                end as tolerance
            from evidence.cell_parts
            where
                part_kind = 'rows' and part_column = column_name and {condition}
        )
        select
            cells.*,
            sums.evidence,
            coalesce(sums.record_count, 0) as record_count,
            abs(cells.part_value - coalesce(sums.evidence, 0))
            <= cells.tolerance as adds_up
        from cells
        left join sums
            on
                cells.part = sums.part
                and cells.evidence_key = sums.row_key
                and cells.period_grain = sums.period_grain
                and cells.period_start = sums.period_start
                and cells.entity_code = sums.entity_code
                and cells.segment_type = sums.segment_type
                and cells.segment_code = sums.segment_code
        """
    )


def differences(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """What in `compared` does not add up, one line for each part, with a cell that shows it."""
    rows = connection.execute(
        f"""
        select
            mart, part_column, count(*) filter (where not adds_up) as wrong, count(*) as cells,
            any_value(
                concat_ws(' ', {SLICE}, row_key, part_value, '<>', evidence)
            ) filter (where not adds_up) as example
        from compared
        group by mart, part_column
        having wrong > 0
        order by all
        """
    ).fetchall()
    return [
        f"{mart}.{column}: {wrong:,} of {cells:,} cells, such as {example}"
        for mart, column, wrong, cells, example in rows
    ]


def evaluated(
    formula: str, values: Mapping[str, Decimal | None], formulas: Mapping[str, str]
) -> float | None:
    """The value of a formula of the catalogue; None where a divisor is not positive.

    Args:
        formula: Names, numbers, + - / x and brackets.
        values: Values by name.
        formulas: Formulas of names that are figures themselves.
    """

    def named(name: str) -> float | None:
        if name in formulas:
            return evaluated(formulas[name], values, formulas)
        found = values[name]
        return None if found is None else float(found)

    def value(node: ast.expr) -> float | None:
        if isinstance(node, ast.Constant):
            return float(node.value)  # type: ignore[arg-type]
        if isinstance(node, ast.Name):
            return named(node.id)
        assert isinstance(node, ast.BinOp)
        left, right = value(node.left), value(node.right)
        if left is None or right is None:
            return None
        if isinstance(node.op, ast.Div):
            # Differences of sums are zero to a millionth.
            return left / right if round(right, 6) > 0 else None
        return OPERATIONS[type(node.op)](left, right)

    return value(ast.parse(re.sub(r"\bx\b", "*", formula), mode="eval").body)


def is_arithmetic(formula: str, names: set[str]) -> bool:
    """Whether a formula is written in names of parts and not in words."""
    return re.fullmatch(r"[a-z0-9_ ()/+.-]+", formula) is not None and all(
        name in names for name in re.findall(r"[a-z][a-z0-9_]*", formula) if name != "x"
    )
