"""Every figure can be opened: its evidence adds up, and leads to lines of the exports."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from encours.errors import UsageError
from encours.home import Home
from encours.trace import ROW_COLUMNS, Cell, Trace, parse_period, written
from evidence_sums import (
    AMOUNT_TOLERANCE,
    SLICE,
    compare_parts,
    differences,
    evaluated,
    is_arithmetic,
)
from support import run_encours

SEED = 20
DRAWS = 1_000
LINES_READ = 200


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demonstration company, small."""
    folder = tmp_path_factory.mktemp("evidence")
    run_encours("demo", "--invoices", "500", "--home", folder)
    return folder


@pytest.fixture(scope="module")
def published(home: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    """What is published, compared part by part."""
    with duckdb.connect(str(home / "encours.duckdb"), read_only=True) as connection:
        # One day of each month, the first movements and the last day among them.
        compare_parts(connection, "day(period_start) = 1 + month(period_start) * 5 % 28")
        yield connection


@pytest.mark.slow
def test_the_evidence_of_every_part_adds_up(published: duckdb.DuckDBPyConnection) -> None:
    assert not differences(published)


@pytest.mark.slow
def test_a_part_without_a_value_has_no_records(published: duckdb.DuckDBPyConnection) -> None:
    found = published.execute(
        "select distinct mart, part_column from compared "
        "where part_value is null and record_count > 0 order by all"
    ).fetchall()
    # Figures of the accounts have no value where one of their months is missing.
    assert {mart for mart, _ in found} <= {"kpi_cash_cycle"}


@pytest.mark.slow
def test_every_record_counts_in_a_part_that_is_published(
    published: duckdb.DuckDBPyConnection,
) -> None:
    unknown = published.execute(
        "select distinct part from sums "
        "where part not in (select part from evidence.kpi_parts where part is not null)"
    ).fetchall()
    assert not unknown
    lost = published.execute(
        f"""
        select sums.part, any_value(concat_ws(' ', {SLICE}, sums.row_key)) as example
        from sums
        anti join compared
            using (part, {SLICE})
        where
            -- Single customers have no rows by day.
            not (sums.period_grain = 'day' and sums.segment_type = 'customer')
            and sums.part in (select part from compared)
        group by sums.part
        """
    ).fetchall()
    assert not lost


@pytest.mark.slow
def test_random_cells_of_every_kpi_are_what_their_evidence_gives(
    published: duckdb.DuckDBPyConnection,
) -> None:
    catalogue = published.execute(
        "select kpi_code, mart, column_name, formula from audit.kpi_catalogue"
    ).fetchall()
    formulas = {(mart, column): formula for _, mart, column, formula in catalogue}
    formulas["kpi_cash_cycle", "dso_days"] = formulas["kpi_dso", "dso_days"]
    each = -(-DRAWS // len(catalogue))
    cells = published.execute(
        f"""
        with
        numbered as (
            select
                figure_code, {SLICE}, row_key,
                row_number() over (
                    partition by figure_code order by hash({SLICE}, row_key, {SEED})
                ) as draw
            from evidence.cell_parts
            inner join audit.kpi_catalogue as catalogue on figure_code = catalogue.kpi_code
            where
                part_order = 1
                and (period_grain <> 'day' or period_start in (
                    select period_start from compared where period_grain = 'day'
                ))
        )
        select
            parts.mart,
            parts.column_name,
            any_value(parts.figure_value),
            concat_ws(' ', {SLICE}, row_key),
            map_from_entries(list((
                parts.part_column,
                case
                    when parts.part_kind = 'calendar' then parts.part_value
                    when compared.part_value is not null then coalesce(compared.evidence, 0)
                end
            ))),
            map_from_entries(list((parts.part_column, parts.part_kind)))
        from numbered
        inner join evidence.cell_parts as parts using (figure_code, {SLICE}, row_key)
        left join compared using (mart, {SLICE}, row_key, part_column)
        where numbered.draw <= {each}
        group by parts.mart, parts.column_name, {SLICE}, row_key
        """
    ).fetchall()
    assert len(cells) >= 0.95 * DRAWS
    assert {(mart, column) for mart, column, *_ in cells} == {row[1:3] for row in catalogue}
    wrong = []
    for mart, column, value, cell, values, kinds in cells:
        formula = formulas[mart, column]
        figures = {name: formulas[mart, name] for name, kind in kinds.items() if kind == "figure"}
        text = formula if is_arithmetic(formula, set(values)) else column
        found = evaluated(text, values, figures)
        if (value is None) != (found is None) or (
            value is not None
            and value
            != pytest.approx(found, rel=1e-5, abs=AMOUNT_TOLERANCE if text == column else 1e-6)
        ):
            wrong.append(f"{mart}.{column} {cell}: {value} <> {found} of {values}")
    assert not wrong, "\n".join(wrong[:20])


@pytest.mark.slow
def test_records_lead_to_lines_of_the_exports(
    home: Path, published: duckdb.DuckDBPyConnection
) -> None:
    lost = published.execute(
        "select part, count(*) from evidence.contributions where period_grain = 'month' "
        "and record_key is not null "
        "and record_key not in (select record_key from evidence.source_rows) group by part"
    ).fetchall()
    assert not lost
    inbox = home / "demo" / "500-1"
    rows = published.execute(
        f"""
        select source_file, source_row, record_key, source_file_sha256, sha256
        from evidence.source_rows
        left join audit.source_files using (load_id, source_name, source_file)
        order by hash(record_key, {SEED})
        limit {LINES_READ}
        """
    ).fetchall()
    lines: dict[str, list[bytes]] = {}
    for name, number, key, sha256, listed in rows:
        assert sha256 == listed
        if name not in lines:
            lines[name] = (inbox / name).read_bytes().splitlines()
        kind, *of_key = key.split("|")
        if kind in ("document", "receipt", "allocation", "write_off", "disputes", "reminders"):
            assert of_key[-1].encode() in lines[name][number - 1], (name, key)
    assert len(lines) > 5


@pytest.mark.slow
def test_every_kpi_can_be_traced(home: Path) -> None:
    with duckdb.connect(str(home / "encours.duckdb"), read_only=True) as connection:
        codes = connection.execute("select kpi_code, mart from audit.kpi_catalogue").fetchall()
        keys = dict(
            connection.execute(
                "select mart, min(row_key) from evidence.cell_parts where period_grain = 'month' "
                "and period_start = '2026-06-01' and entity_code = 'ALL' and row_key <> '' "
                "group by mart"
            ).fetchall()
        )
    for code, mart in codes:
        with Trace(Home(home), Cell(code, "2026-06", row_key=keys.get(mart))) as trace:
            assert trace.parts
            for part in trace.parts:
                assert part.adds_up is not False, (code, part)
                assert part.row_count == len(list(trace.rows(part.column)))


@pytest.mark.slow
def test_the_formats_of_trace_tell_the_same(home: Path) -> None:
    arguments = ("trace", "dso_days", "--entity", "FR01", "--period", "2026-06", "--home", home)
    table = run_encours(*arguments).stdout
    rows = list(csv.DictReader(io.StringIO(run_encours(*arguments, "--format", "csv").stdout)))
    document = json.loads(run_encours(*arguments, "--format", "json").stdout)
    page = run_encours(*arguments, "--format", "html").stdout

    receivables, revenue, days = document["parts"]
    assert [part["part"] for part in document["parts"]] == [
        "receivables_amount",
        "revenue_amount",
        "days_in_period",
    ]
    assert list(rows[0]) == ["part", *ROW_COLUMNS]
    for part in (receivables, revenue):
        assert part["adds_up"] is True
        of_part = [row for row in rows if row["part"] == part["part"]]
        assert [row["record_key"] for row in of_part] == [row["record_key"] for row in part["rows"]]
        total = sum(Decimal(row["contribution"]) for row in of_part)
        assert abs(total - Decimal(part["value"])) <= Decimal("0.005")
        assert f"{part['part']} = {written(Decimal(part['value']))}" in table
    expected = float(receivables["value"]) / float(revenue["value"]) * float(days["value"])
    assert document["value"] == pytest.approx(expected)
    assert document["formula_with_numbers"] in table
    assert document["formula_with_numbers"] in page
    assert all(row["document_number"] in page for row in receivables["rows"])
    assert receivables["rows"][0]["source_file_sha256"] in page
    assert not re.search(r"(?:src|href)=\"(?!#)|url\(|@import", page)


@pytest.mark.slow
def test_evidence_can_be_asked_for_in_sql(home: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute(f"attach '{home / 'encours.duckdb'}' as figures (read_only)")
        assert connection.execute(
            "select count(*) from figures.evidence.contributions "
            "where part = 'receivables_amount' and period_grain = 'month' "
            "and period_start = '2026-06-01'"
        ).fetchone() != (0,)
        connection.execute("use figures")
        total = connection.execute(
            "select sum(contribution) from audit.kpi_evidence("
            "'bucket_recovery_rate', '2026-06-01', entity := 'FR01', key := '1_30') "
            "where part_column = 'opening_amount'"
        ).fetchone()
        value = connection.execute(
            "select part_value, formula_with_numbers from audit.kpi_parts("
            "'bucket_recovery_rate', '2026-06-01', entity := 'FR01', key := '1_30') "
            "where part_column = 'opening_amount'"
        ).fetchone()
        assert total is not None
        assert value is not None
        assert total[0] == pytest.approx(value[0], abs=Decimal("0.005"))
        assert f"{value[0]:,.2f}" in value[1]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("dso_day",), "There is no KPI 'dso_day'. Did you mean 'dso_days'?"),
        (("dso_days", "--period", "2026-13"), "give a period such as"),
        (("dso_days", "--period", "1999"), "no row for all 'ALL' of entity ALL in 1999"),
        (("dso_days", "--segment", "region"), "say which, such as region=CODE"),
        (("share",), "say which with --row. There are: 1_30,"),
        (("share", "--row", "2_30"), "there is no '2_30'"),
    ],
)
def test_a_cell_that_is_not_there_is_named(
    home: Path, arguments: tuple[str, ...], message: str
) -> None:
    assert message in run_encours("trace", *arguments, "--home", home, status=2).stderr


@pytest.mark.parametrize(
    ("text", "period"),
    [
        ("2026-06", ("month", date(2026, 6, 1))),
        ("2026-Q2", ("quarter", date(2026, 4, 1))),
        ("2026", ("year", date(2026, 1, 1))),
        ("2026-06-30", ("day", date(2026, 6, 30))),
    ],
)
def test_a_period_is_read(text: str, period: tuple[str, date]) -> None:
    assert parse_period(text) == period


@pytest.mark.parametrize("text", ["2026-13", "2026-Q5", "2026-02-30", "June", "2026-6", ""])
def test_what_is_no_period_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="give a period such as"):
        parse_period(text)


def test_numbers_are_written_with_the_decimals_they_need() -> None:
    assert [written(Decimal(text)) for text in ("1234.5000000000", "3", "-0.0100000000")] == [
        "1,234.50",
        "3",
        "-0.01",
    ]
    assert written(None) == "-"
