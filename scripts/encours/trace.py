"""Open a figure: what it is made of, down to the lines of the exports."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from encours.errors import UsageError
from encours.feeds import nearest
from encours.home import Home
from encours.lake import quoted
from encours.show import known, kpi_names, open_published

# Marts convert sums and round them to a millionth, evidence converts each record: amounts, and what
# weighs amounts, may be half a cent apart. A count-back divides such a difference by the revenue of
# one month, which may be small. Counts and shares are equal to a millionth.
_TOLERANCES = {
    "_amount": Decimal("0.005"),
    "_weight": Decimal("0.005"),
    "_amount_days": Decimal("0.005"),
    "_countback_days": Decimal("0.01"),
    "": Decimal("0.000001"),
}

ROW_COLUMNS = (
    "record_type",
    "entity_code",
    "customer_code",
    "document_number",
    "issue_date",
    "due_date",
    "event_date",
    "days",
    "document_amount",
    "currency_code",
    "factor",
    "contribution",
    "note",
    "source_file",
    "source_row",
    "source_file_sha256",
    "source_name",
    "load_id",
    "record_key",
)


@dataclass(frozen=True)
class Cell:
    """Which figure to open: a KPI or a part of one, in one period and slice."""

    kpi: str
    period: str | None = None
    """Such as 2026-06, 2026-Q2, 2026 or 2026-06-30; None is the last month."""
    entity: str = "ALL"
    segment_type: str = "all"
    segment_code: str | None = None
    row_key: str | None = None
    """Bucket, level, reason or class, where the table has a row for each."""


@dataclass(frozen=True)
class Part:
    """A part of a figure, and how its evidence compares with it."""

    column: str
    description: str
    kind: str
    """`rows`, `calendar` or `figure`, as in evidence.kpi_parts."""
    value: Decimal | None
    evidence: Decimal | None
    """What the records add up to; None where there is nothing to add up."""
    row_count: int

    @property
    def adds_up(self) -> bool | None:
        """Whether the records add up to the part; None where there is no value to add up to."""
        if self.kind != "rows" or self.value is None:
            return None
        return abs(self.value - (self.evidence or 0)) <= tolerance(self.column)


@dataclass(frozen=True)
class SourceFile:
    """A file that rows of the evidence were read from."""

    source_name: str
    path: str
    sha256: str
    load_id: str
    row_count: int


class Trace:
    """One opened figure; a context manager, since its rows are read from the database on demand."""

    def __init__(self, home: Home, cell: Cell) -> None:
        """Open a figure of what is published.

        Raises:
            UsageError: Nothing is published, or there is no such KPI, period, slice or row.
        """
        self._connection = open_published(home)
        try:
            self._collect(self._find(cell))
        except BaseException:
            self._connection.close()
            raise

    def __enter__(self) -> "Trace":
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def _find(self, cell: Cell) -> list[tuple[Any, ...]]:
        """Resolve the cell and read its parts."""
        connection = self._connection
        if not connection.execute(
            "select 1 from information_schema.tables where table_schema = 'evidence' limit 1"
        ).fetchall():
            raise UsageError(
                "What is published there was made by a version that kept no evidence. "
                "Run `encours run SOURCE.yml` again."
            )
        figures = kpi_names(connection)
        if cell.kpi not in figures:
            raise UsageError(
                f"There is no KPI '{cell.kpi}'. {nearest(cell.kpi, figures)} "
                "See docs/kpi-catalogue.md or the columns of the tables marts.kpi_*."
            )
        self.mart, self.column = figures[cell.kpi]
        self.entity_code, self.segment_type = cell.entity, cell.segment_type
        self.segment_code = cell.segment_code or "ALL"
        known(connection, self.mart, "entity_code", self.entity_code)
        known(connection, self.mart, "segment_type", self.segment_type)
        if cell.segment_type != "all" and cell.segment_code is None:
            raise UsageError(
                f"--segment {cell.segment_type}: say which, such as {cell.segment_type}=CODE. "
                "See marts.dim_segment for the codes."
            )
        if cell.period is None:
            row = connection.execute(
                f"select max(period_start) from marts.{self.mart} where period_grain = 'month'"
            ).fetchone()
            assert row is not None
            self.grain, self.period_start = "month", row[0]
        else:
            self.grain, self.period_start = parse_period(cell.period)
        self.figure_code = _value(
            connection,
            "select any_value(figure_code) from evidence.kpi_parts "
            "where mart = ? and column_name = ?",
            [self.mart, self.column],
        )
        self._arguments = (
            f"{quoted(self.figure_code)}, date {quoted(str(self.period_start))}, "
            f"entity := {quoted(self.entity_code)}, segment := {quoted(self.segment_type)}, "
            f"code := {quoted(self.segment_code)}, grain := {quoted(self.grain)}"
        )
        found = connection.execute(
            "select row_key, as_of_date, currency_code, figure_value, formula, "
            "formula_with_numbers, part_column, part_kind, part_value "
            f"from audit.kpi_parts({self._arguments}) order by row_key, part_order"
        ).fetchall()
        rows = list(dict.fromkeys(str(row[0]) for row in found))
        where = (
            f"{self.segment_type} '{self.segment_code}' of entity {self.entity_code} in "
            f"{cell.period or self.period_start}"
        )
        if not rows:
            raise UsageError(
                f"marts.{self.mart} has no row for {where}. See marts.dim_segment for the codes "
                "and marts.dim_period for the periods."
            )
        if rows != [""] and cell.row_key not in rows:
            problem = "say which" if cell.row_key is None else f"there is no '{cell.row_key}'"
            raise UsageError(
                f"marts.{self.mart} has several rows for {where}: {problem} with --row. "
                f"There are: {', '.join(rows)}."
            )
        self.row_key = (cell.row_key or "") if rows != [""] else ""
        self._arguments += f", key := {quoted(self.row_key)}"
        return [row[1:] for row in found if row[0] == self.row_key]

    def _collect(self, found: list[tuple[Any, ...]]) -> None:
        connection = self._connection
        self.as_of_date, self.currency_code, self.value = found[0][:3]
        self.formula, self.formula_with_numbers = (str(text) for text in found[0][3:5])
        catalogue = connection.execute(
            "select label_en, unit from audit.kpi_catalogue where kpi_code = ?", [self.figure_code]
        ).fetchone()
        self.label, self.unit = catalogue or (self.column, "")
        comments = dict(
            connection.execute(
                "select column_name, comment from duckdb_columns() "
                "where schema_name = 'marts' and table_name = ?",
                [self.mart],
            ).fetchall()
        )
        self.description = _first_line(comments.get(self.column))
        connection.execute(
            f"create temp table evidence_rows as from audit.kpi_evidence({self._arguments})"
        )
        sums = {
            str(column): (total, int(count))
            for column, total, count in connection.execute(
                "select part_column, case when count(count_key) > 0 then count(distinct count_key) "
                "else sum(contribution) end, count(*) from evidence_rows group by part_column"
            ).fetchall()
        }
        self.parts = tuple(
            Part(
                column,
                _first_line(comments.get(column)),
                kind,
                value,
                Decimal(sums[column][0]) if column in sums else None,
                sums[column][1] if column in sums else 0,
            )
            for column, kind, value in (row[5:] for row in found)
        )
        self.files = tuple(
            SourceFile(*row)
            for row in connection.execute(
                "select source_name, source_file, source_file_sha256, load_id, count(*) "
                "from evidence_rows where source_file is not null group by all order by all"
            ).fetchall()
        )
        run = connection.execute(
            "select run_id, as_of_date, known_at, code_sha256, inputs_sha256, git_commit "
            "from audit.runs where is_current"
        ).fetchone()
        assert run is not None
        self.run = dict(
            zip(
                ("run_id", "as_of_date", "known_at", "code_sha256", "inputs_sha256", "git_commit"),
                run,
                strict=True,
            )
        )

    @property
    def period(self) -> str:
        """The period as it is written on the command line."""
        start: date = self.period_start
        if self.grain == "day":
            return start.isoformat()
        if self.grain == "month":
            return start.isoformat()[:7]
        return (
            str(start.year) if self.grain == "year" else f"{start.year}-Q{(start.month + 2) // 3}"
        )

    def rows(self, part: str, limit: int | None = None) -> Iterator[tuple[Any, ...]]:
        """The records of a part, with the columns of ROW_COLUMNS.

        Args:
            part: Column of the part.
            limit: How many, the largest first; None gives all, by customer and document.
        """
        order = (
            "entity_code, customer_code, document_number, event_date, record_key, note"
            if limit is None
            else f"abs(contribution) desc, record_key limit {limit}"
        )
        cursor = self._connection.execute(
            f"select {', '.join(ROW_COLUMNS)} from evidence_rows "
            f"where part_column = ? order by {order}",
            [part],
        )
        while batch := cursor.fetchmany(10_000):
            yield from batch

    def html(self) -> str:
        """The figure with its whole evidence as one page that needs nothing else."""
        environment = Environment(
            loader=FileSystemLoader(Path(__file__).parent),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.filters["written"] = written
        page: str = environment.get_template("trace.html").render(
            trace=self,
            parts=[(part, self._dicts(part)) for part in self.parts],
            file_numbers={
                (file.path, file.load_id): number for number, file in enumerate(self.files, start=1)
            },
        )
        return page

    @property
    def segment(self) -> str:
        """The segment in words, such as `region North`."""
        if self.segment_type == "all":
            return "all"
        return f"{self.segment_type} {self.segment_code}"

    def document(self) -> dict[str, Any]:
        """The figure with its whole evidence as names and values, for JSON."""
        return {
            "kpi": self.figure_code,
            "table": f"marts.{self.mart}",
            "column": self.column,
            "period_grain": self.grain,
            "period_start": self.period_start,
            "as_of_date": self.as_of_date,
            "entity_code": self.entity_code,
            "segment_type": self.segment_type,
            "segment_code": self.segment_code,
            "row_key": self.row_key,
            "currency_code": self.currency_code,
            "value": self.value,
            "formula": self.formula,
            "formula_with_numbers": self.formula_with_numbers,
            "run": self.run,
            "parts": [
                {
                    "part": part.column,
                    "kind": part.kind,
                    "value": part.value,
                    "evidence": part.evidence,
                    "adds_up": part.adds_up,
                    "rows": list(self._dicts(part)),
                }
                for part in self.parts
            ],
        }

    def _dicts(self, part: Part) -> Iterator[dict[str, Any]]:
        return (dict(zip(ROW_COLUMNS, row, strict=True)) for row in self.rows(part.column))


def tolerance(part: str) -> Decimal:
    """How far the records of a part may add up to something else, by rounding alone."""
    return next(value for ending, value in _TOLERANCES.items() if part.endswith(ending))


def parse_period(text: str) -> tuple[str, date]:
    """The grain and first day of a period, such as 2026-06, 2026-Q2, 2026 or 2026-06-30.

    Raises:
        UsageError: It is none.
    """
    found = re.fullmatch(r"(\d{4})(?:-(?:Q([1-4])|(\d{2})(?:-(\d{2}))?))?", text)
    try:
        if found:
            year, quarter, month, day = (
                int(number) if number else None for number in found.groups()
            )
            assert year is not None
            if day is not None and month is not None:
                return "day", date(year, month, day)
            if month is not None:
                return "month", date(year, month, 1)
            if quarter is not None:
                return "quarter", date(year, 3 * quarter - 2, 1)
            return "year", date(year, 1, 1)
    except ValueError:
        pass
    raise UsageError(
        f"--period {text}: give a period such as 2026-06, 2026-Q2, 2026 or 2026-06-30."
    )


def written(value: Any) -> str:
    """A value as people read it: numbers with at most six decimals, nothing as a dash."""
    if value is None:
        return "-"
    if isinstance(value, float | Decimal):
        text = f"{value:,.6f}".rstrip("0")
        whole, _, decimals = text.partition(".")
        return f"{whole}.{decimals.ljust(2, '0')}" if decimals else whole
    return str(value)


def _value(connection: duckdb.DuckDBPyConnection, sql: str, values: list[Any]) -> str:
    row = connection.execute(sql, values).fetchone()
    assert row is not None
    return str(row[0])


def _first_line(text: str | None) -> str:
    return text.split("\n")[0].replace("`", "") if text else ""
