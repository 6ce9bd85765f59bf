"""Time and memory of a run, step by step, and of the daily balances against two simpler ways.

    python scripts/bench.py [--invoices 1000000] [--home FOLDER] [--rounds 3]
        [--fec-lines 1000000] [--only-fec]

The daily balances are computed three ways over the same item history on the same machine: rolled
through the ageing buckets as the warehouse does, by joining a calendar to the open items, and, as
a floor, by merely reading and adding up the movements. The first two give the same table, with
all its measures, and must agree to the cent on every day, slice and bucket, or the benchmark
fails. A ledger of about so many lines (FEC) is ingested too, against merely reading it. The
evidence of every KPI is fetched for a month of the customer with the most items. Quote ratios, not
seconds.
"""

import argparse
import json
import os
import platform
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import duckdb
from encours.demo import generate
from encours.home import Home
from encours.project import PROJECT_FOLDER
from rich.console import Console
from rich.table import Table

_SOURCE = PROJECT_FOLDER / "sources" / "demo.yml"
_ROLLED = ("int_band_stays", "int_receivables_daily")
_LINES_PER_INVOICE = 3.85
"""Of the ledgers of the demonstration company, what is open at the end of a year included."""

_OUT = Console(highlight=False)

# The plain way: every item on every day on which it is open or not yet due, aged on that day, added
# up by slice.
_JOINED = """
create or replace table joined as
with sliced as (
    select
        calendar.calendar_date as snapshot_date,
        slices.slice_id,
        history.currency_code,
        bands.age_band,
        sum(history.open_amount) as open_amount,
        sum(case when history.is_factored then history.open_amount else 0 end) as factored_amount,
        count(*) filter (where history.open_amount <> 0) as item_count,
        sum(history.disputed_amount) as disputed_amount,
        sum(case
            when history.item_side = 'debit' and calendar.calendar_date <= history.due_date
                then history.signed_amount
            else 0
        end) as theoretical_amount
    from intermediate.int_item_history as history
    inner join intermediate.int_calendar as calendar
        on
            calendar.calendar_date >= history.valid_from
            and calendar.calendar_date < history.valid_to
    inner join intermediate.int_age_bands as bands
        on
            case
                when history.item_side = 'credit' then bands.ageing_bucket = 'unallocated'
                when history.due_date is null then bands.ageing_bucket = 'undated'
                else calendar.calendar_date - history.due_date
                    between bands.days_from and bands.days_to
            end
    inner join intermediate.int_dimension_set_slices as slices using (dimension_set_id)
    where
        slices.segment_type <> 'customer'
        and (
            history.open_amount <> 0
            or (history.item_side = 'debit' and calendar.calendar_date <= history.due_date)
        )
    group by all
)
select
    sliced.snapshot_date,
    sliced.slice_id,
    sliced.age_band,
    sum(cast(sliced.open_amount as double) * factors.factor) as open_amount,
    sum(cast(sliced.factored_amount as double) * factors.factor) as factored_amount,
    sum(sliced.item_count) as item_count,
    sum(cast(sliced.disputed_amount as double) * factors.factor) as disputed_amount,
    sum(cast(sliced.theoretical_amount as double) * factors.factor) as theoretical_amount
from sliced
inner join intermediate.int_fx_factors as factors
    on
        sliced.snapshot_date = factors.calendar_date
        and sliced.currency_code = factors.currency_code
group by all
"""

_DIFFERENCES = """
select count(*), count(*) filter (where
    abs(coalesce(rolled.open_amount, 0) - coalesce(joined.open_amount, 0)) >= 0.005
    or abs(coalesce(rolled.factored_amount, 0) - coalesce(joined.factored_amount, 0)) >= 0.005
    or abs(coalesce(rolled.disputed_amount, 0) - coalesce(joined.disputed_amount, 0)) >= 0.005
    or abs(coalesce(rolled.theoretical_amount, 0) - coalesce(joined.theoretical_amount, 0)) >= 0.005
    or coalesce(rolled.item_count, 0) <> coalesce(joined.item_count, 0))
from int_receivables_daily as rolled
full outer join joined using (snapshot_date, slice_id, age_band)
"""

_SCANNED = """
select movement_date, sum(movement_amount)
from intermediate.int_receivable_movements
group by movement_date
"""


@dataclass(frozen=True)
class Cost:
    """What a process took: seconds on the clock and of processors, peak memory in MiB."""

    wall: float
    processor: float
    memory: float


def main() -> int:
    """Run the benchmark and print its tables; 1 when the two ways differ."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--invoices", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3, help="runs of each way")
    parser.add_argument("--home", type=Path, help="folder to work in, kept [default: temporary]")
    parser.add_argument("--fec-lines", type=int, default=1_000_000, help="about so many")
    parser.add_argument("--only-fec", action="store_true", help="only the ledger")
    arguments = parser.parse_args()
    folder = arguments.home or Path(tempfile.mkdtemp(prefix="encours-bench-"))
    try:
        _bench_fec(folder, arguments.fec_lines)
        if arguments.only_fec:
            return 0
        return _bench(folder, arguments.invoices, arguments.rounds)
    finally:
        if arguments.home is None:
            shutil.rmtree(folder, ignore_errors=True)


def _bench(folder: Path, invoices: int, rounds: int) -> int:
    home = Home(folder / "home")
    exports = folder / f"exports-{invoices}"
    if not exports.is_dir():
        _OUT.print(f"writing the exports of {invoices:,} invoices")
        generate(exports, invoices=invoices, seed=1)
    shutil.rmtree(home.path, ignore_errors=True)
    steps = {
        "ingest": ("ingest", str(_SOURCE), "--inbox", str(exports)),
        "build and test": ("build",),
        "publish": ("publish",),
        "run with nothing new": ("run", str(_SOURCE), "--inbox", str(exports)),
    }
    costs = {name: _measure((*words, "--home", str(home.path))) for name, words in steps.items()}
    processors = os.cpu_count()
    title = f"{invoices:,} invoices, {processors} processors, {platform.machine()}"
    table = Table(title=title, title_justify="left")
    for name in ("Step", "Wall s", "Processor s", "Peak MiB"):
        table.add_column(name, justify="left" if name == "Step" else "right")
    for name, cost in costs.items():
        table.add_row(name, f"{cost.wall:.1f}", f"{cost.processor:.1f}", f"{cost.memory:,.0f}")
    _OUT.print(table)
    _print_nodes(home)
    _bench_evidence(home)
    return _compare(home, rounds)


def _bench_fec(folder: Path, lines: int) -> None:
    """Ingest the ledgers of a company, and merely read and count their lines, in processes."""
    home, ledgers = folder / "fec-home", folder / f"ledgers-{lines}"
    if not ledgers.is_dir():
        _OUT.print(f"writing ledgers of about {lines:,} lines")
        generate(ledgers, invoices=max(100, int(lines / _LINES_PER_INVOICE)), as_fec=True)
    shutil.rmtree(home, ignore_errors=True)
    ingested = _measure(("ingest", str(ledgers / "fec.yml"), "--home", str(home)))
    files = ", ".join(f"'{path}'" for path in sorted(ledgers.glob("*FEC*.txt")))
    scan = f"read_csv([{files}], all_varchar = true, delim = '\\t', quote = '', header = true)"
    # Every column is touched, or DuckDB would only count line ends.
    sql = f"select count(columns(*)) from {scan}"
    read = _measure(("-c", f"import duckdb; duckdb.sql({sql!r}).fetchall()"), (sys.executable,))
    row = duckdb.sql(f"select count(*) from {scan}").fetchone()
    assert row is not None
    table = Table(title=f"Ledgers of {row[0]:,} lines", title_justify="left")
    for name in ("Step", "Wall s", "Processor s", "Peak MiB", "Wall ratio", "Processor ratio"):
        table.add_column(name, justify="left" if name == "Step" else "right")
    for name, cost in {"ingest": ingested, "read by DuckDB": read}.items():
        numbers = (f"{cost.wall:.1f}", f"{cost.processor:.1f}", f"{cost.memory:,.0f}")
        ratios = (cost.wall / read.wall, cost.processor / read.processor)
        table.add_row(name, *numbers, *(f"{ratio:.1f}" for ratio in ratios))
    _OUT.print(table)


def _measure(
    words: tuple[str, ...], program: tuple[str, ...] = (sys.executable, "-m", "encours")
) -> Cost:
    """Run one step in a process of its own."""
    command = [*program, *words]
    start = time.perf_counter()
    with tempfile.TemporaryFile() as output:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            output.seek(0)
            sys.exit(output.read().decode(errors="replace"))
    # Linux gives KiB, macOS bytes.
    unit = 1024 * 1024 if sys.platform == "darwin" else 1024
    return Cost(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / unit)


def _print_nodes(home: Home) -> None:
    """The slowest models and tests of the build, from dbt's own clock."""
    newest = max(home.runs.glob("*/run_results.json"))
    results = json.loads(newest.read_text(encoding="utf-8"))["results"]
    slowest = sorted(results, key=lambda result: -result["execution_time"])[:12]
    table = Table(title=f"Slowest of {len(results)} nodes", title_justify="left")
    table.add_column("Node")
    table.add_column("Seconds", justify="right")
    for result in slowest:
        table.add_row(result["unique_id"].split(".", 2)[2][:60], f"{result['execution_time']:.1f}")
    _OUT.print(table)


def _bench_evidence(home: Home) -> None:
    """Open every KPI of a month of one customer, as an auditor does in SQL and in the terminal."""
    with duckdb.connect(str(home.published_database), read_only=True) as connection:
        customer = connection.execute(
            "select entity_code, customer_code, count(*) as state_count "
            "from marts.fct_open_item_history group by all order by state_count desc limit 1"
        ).fetchone()
        assert customer is not None
        entity, code, _ = customer
        kpis = connection.execute(
            "select distinct kpi_code from audit.kpi_catalogue order by kpi_code"
        ).fetchall()
        month = connection.execute(
            "select max(period_start) from marts.dim_period "
            "where period_grain = 'month' and is_period_complete"
        ).fetchone()
        assert month is not None
        slice_ = f"'{month[0]}', entity := '{entity}', segment := 'customer', code := '{code}'"
        taken = {}
        for (kpi,) in kpis:
            start = time.perf_counter()
            count = len(
                connection.execute(f"from audit.kpi_evidence('{kpi}', {slice_})").fetchall()
            )
            taken[kpi] = (time.perf_counter() - start, count)
    words = ("trace", "dso_days", "--entity", entity, "--segment", f"customer={code}")
    traced = _measure((*words, "--period", f"{month[0]:%Y-%m}", "--home", str(home.path)))
    title = f"Evidence of {month[0]:%B %Y} of customer {code}, {len(taken)} KPIs"
    table = Table(title=title, title_justify="left")
    for name in ("Evidence", "Wall s", "Records"):
        table.add_column(name, justify="left" if name == "Evidence" else "right")
    median = statistics.median(seconds for seconds, _ in taken.values())
    table.add_row("median", f"{median:.2f}", "")
    for kpi, (seconds, count) in sorted(taken.items(), key=lambda item: -item[1][0])[:3]:
        table.add_row(kpi, f"{seconds:.2f}", f"{count:,}")
    table.add_row("encours trace dso_days", f"{traced.wall:.2f}", "")
    _OUT.print(table)


def _compare(home: Home, rounds: int) -> int:
    """Time the three ways in turn, and check that the first two agree."""
    newest = max(home.runs.glob("*/run_results.json"))
    compiled = {
        result["unique_id"].split(".")[-1]: result["compiled_code"]
        for result in json.loads(newest.read_text(encoding="utf-8"))["results"]
        if result["unique_id"].startswith("model.")
    }
    with duckdb.connect(str(home.path / "bench.duckdb")) as connection:
        connection.execute(f"attach '{home.build_database}' as build (read_only)")
        # Unqualified names first find what this benchmark writes, then the build.
        connection.execute("set search_path = 'bench.main,build.main'")

        def rolled() -> None:
            for model in _ROLLED:
                sql = compiled[model]
                for earlier in _ROLLED:
                    sql = re.sub(rf'"build"\."\w+"\."{earlier}"', f'bench.main."{earlier}"', sql)
                connection.execute(f"create or replace table bench.main.{model} as {sql}")

        def joined() -> None:
            connection.execute(_JOINED.replace("intermediate.", "build.intermediate."))

        def scanned() -> None:
            connection.execute(_SCANNED.replace("intermediate.", "build.intermediate.")).fetchall()

        ways: dict[str, Callable[[], None]] = {
            "rolled through the buckets": rolled,
            "calendar joined to open items": joined,
            "movements read and added up": scanned,
        }
        seconds: dict[str, list[float]] = {name: [] for name in ways}
        for _ in range(rounds):
            for name, way in ways.items():
                start = time.perf_counter()
                way()
                seconds[name].append(time.perf_counter() - start)
        row = connection.execute(_DIFFERENCES).fetchone()
    assert row is not None
    base = statistics.median(seconds["rolled through the buckets"])
    table = Table(title=f"Daily balances, median of {rounds}", title_justify="left")
    for name in ("Way", "Seconds", "Ratio"):
        table.add_column(name, justify="left" if name == "Way" else "right")
    for name, taken in seconds.items():
        median = statistics.median(taken)
        table.add_row(name, f"{median:.2f}", f"{median / base:.2f}")
    _OUT.print(table)
    _OUT.print(f"{row[0]:,} rows compared, {row[1]:,} differ")
    return 0 if row[1] == 0 else 1


if __name__ == "__main__":
    sys.exit(main())
