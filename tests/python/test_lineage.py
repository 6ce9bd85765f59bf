"""Every figure leads back to the columns of the files, and only to those that it is made of."""

import csv
import io
import json
import re
import shutil
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from html.parser import HTMLParser
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import duckdb
import pytest
from encours import pipeline, runs
from encours.home import Home
from encours.lineage import events
from encours.lineage.graph import Graph, Kind, Node, load
from openlineage.client.event_v2 import InputDataset, Job, OutputDataset, Run, RunEvent
from openlineage.client.generated.column_lineage_dataset import (
    ColumnLineageDatasetFacet,
    Fields,
    InputField,
    Transformation,
)
from openlineage.client.generated.error_message_run import ErrorMessageRunFacet
from openlineage.client.generated.schema_dataset import (
    SchemaDatasetFacet,
    SchemaDatasetFacetFields,
)
from support import run_encours

pytestmark = pytest.mark.slow


@dataclass
class Published:
    """A small company, run once, and what a collector on this machine was told of it."""

    home: Path
    connection: duckdb.DuckDBPyConnection
    graph: Graph
    collected: list[dict[str, Any]]

    def behind(self, mart: str, column: str) -> dict[str, Kind]:
        """Columns of feeds behind a column of a mart, `feed.column`, with how they take part."""
        kinds = self.graph.kinds([Node("model", "marts", mart, column)])
        return {
            f"{node.table}.{node.column}": kind
            for node, kind in kinds.items()
            if node.type == "feed"
        }


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Published]:
    home = tmp_path_factory.mktemp("lineage")
    collected: list[dict[str, Any]] = []

    class Collector(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            content = self.rfile.read(int(self.headers["Content-Length"]))
            collected.append({"path": self.path, **json.loads(content)})
            self.send_response(201)
            self.end_headers()

        def log_message(self, *arguments: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Collector) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        run_encours(
            "demo", "--invoices", "150", "--home", home, environment={"OPENLINEAGE_URL": url}
        )
        server.shutdown()
    with duckdb.connect(str(home / "encours.duckdb"), read_only=True) as connection:
        yield Published(home, connection, load(connection), collected)


def _events(home: Path, run_id: str) -> list[dict[str, Any]]:
    path = home / "runs" / run_id / "openlineage.jsonl"
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_every_kpi_reaches_a_column_of_a_feed_and_one_of_a_file(published: Published) -> None:
    kpis = published.connection.execute(
        "select mart, column_name from audit.kpi_catalogue order by all"
    ).fetchall()
    assert len(kpis) > 90
    for mart, column in kpis:
        kinds = published.graph.kinds([Node("model", "marts", mart, column)])
        named = {node.type for node in kinds if node.column not in ("*", "(constant)")}
        assert {"feed", "file"} <= named, f"{mart}.{column}"


def test_every_figure_of_a_kpi_mart_is_made_of_something(published: Published) -> None:
    columns = published.connection.execute(
        "select table_name, column_name from duckdb_columns() where schema_name = 'marts' "
        "and table_name like 'kpi!_%' escape '!' and data_type not in ('VARCHAR', 'BOOLEAN')"
    ).fetchall()
    assert len(columns) > 300
    for table, column in columns:
        assert published.graph.back(Node("model", "marts", table, column)), f"{table}.{column}"


def test_no_step_leads_to_a_column_that_is_not_there(published: Published) -> None:
    """By the database of the build, which knows the tables without reading their SQL."""
    with duckdb.connect(str(published.home / "build.duckdb"), read_only=True) as connection:
        columns = set(
            connection.execute(
                "select schema_name, table_name, column_name from duckdb_columns()"
            ).fetchall()
        )
    for steps in published.graph.steps.values():
        for step in steps:
            node = step.origin
            if node.type != "file" and node.column != "*":
                assert (node.schema, node.table, node.column) in columns


def test_tables_read_what_dbt_says_they_read(published: Published) -> None:
    [run] = [path.parent for path in published.home.glob("runs/*/manifest.json")]
    manifest = json.loads((run / "manifest.json").read_text(encoding="utf-8"))
    nodes = manifest["nodes"] | manifest["sources"]
    expected = {
        (node["schema"], node["name"], nodes[parent]["schema"], nodes[parent]["name"])
        for node in manifest["nodes"].values()
        if node["resource_type"] == "model"
        for parent in node["depends_on"]["nodes"]
    }
    tables = "select schema_name, table_name, upstream_schema_name, upstream_table_name "
    found = published.connection.execute(
        f"{tables} from audit.model_lineage where upstream_type <> 'file'"
    ).fetchall()
    assert set(found) == expected
    by_column = published.connection.execute(
        f"select distinct * from ({tables} from audit.column_lineage where upstream_type <> 'file')"
    ).fetchall()
    # A table that is only asked for its columns while the SQL is written is read by no column.
    assert set(by_column) <= expected
    assert len(expected - set(by_column)) <= 3, expected - set(by_column)


# Read off the definitions in docs/kpis.md and the SQL of the models: what a figure must be made of,
# what must decide it, and feeds or columns that it must not know at all, or not as a value.
@dataclass(frozen=True)
class Spot:
    mart: str
    column: str
    values: str
    conditions: str
    no_values: str
    nothing: str


SPOTS = (
    Spot(
        "kpi_dso",
        "dso_days",
        "invoices.gross_amount invoices.issue_date receipts.amount allocations.amount "
        "write_offs.amount fx_rates.units_per_base",
        "invoices.document_type invoices.customer_code",
        "disputes. customers. credit_limits. invoices.due_date",
        "promises. reminders. provisions. collection_costs. financials. entities.",
    ),
    Spot(
        "kpi_promises",
        "kept_amount_rate",
        "promises.amount",
        "promises.made_on promises.promised_date receipts.amount receipts.receipt_date",
        "receipts. allocations. invoices. write_offs.",
        "reminders. disputes. provisions. collection_costs. financials.",
    ),
    Spot(
        "kpi_promises",
        "kept_rate",
        "",
        "promises.amount promises.made_on promises.promised_date receipts.receipt_date",
        "promises. receipts. invoices.",
        "reminders. disputes. provisions. collection_costs. financials.",
    ),
    Spot(
        "kpi_dunning",
        "cost_per_reminder",
        "reminders.cost_amount",
        "reminders.done_on",
        "invoices.gross_amount receipts. promises.",
        "promises. provisions. collection_costs. financials.",
    ),
    Spot(
        "kpi_collection",
        "cost_per_euro_recovered",
        "collection_costs.cost_amount receipts.amount",
        "collection_costs.period_month receipts.receipt_date",
        "invoices.due_date customers.",
        "reminders. promises. disputes. provisions. financials.",
    ),
    Spot(
        "kpi_cash_cycle",
        "dio_days",
        "financials.inventory_amount financials.cost_of_goods_sold",
        "financials.period_month",
        "financials.purchases_amount financials.payables_amount invoices.gross_amount",
        "reminders. promises. disputes. provisions. collection_costs.",
    ),
    Spot(
        "kpi_cash_cycle",
        "dpo_days",
        "financials.purchases_amount financials.payables_amount",
        "financials.period_month",
        "financials.inventory_amount financials.cost_of_goods_sold financials.ebitda_amount",
        "reminders. promises. disputes. provisions. collection_costs.",
    ),
    Spot(
        "kpi_credit_losses",
        "provision_rate",
        "provisions.provision_amount invoices.gross_amount receipts.amount",
        "customers.is_doubtful customers.is_insolvent provisions.provision_date",
        "customers. collection_costs. financials.",
        "reminders. promises. collection_costs. financials.",
    ),
    Spot(
        "kpi_credit_exposure",
        "utilisation_rate",
        "credit_limits.limit_amount invoices.gross_amount receipts.amount",
        "credit_limits.valid_from credit_limits.valid_to",
        "customers. disputes.",
        "reminders. promises. provisions. collection_costs. financials.",
    ),
    Spot(
        "kpi_disputes",
        "dispute_rate",
        "disputes.amount invoices.gross_amount",
        "disputes.opened_on disputes.closed_on",
        "customers. invoices.due_date",
        "reminders. promises. provisions. collection_costs. financials.",
    ),
    Spot(
        "kpi_payment_behaviour",
        "avg_days_to_pay",
        "receipts.receipt_date invoices.issue_date allocations.amount",
        "allocations.invoice_number",
        "invoices.due_date customers. disputes.",
        "reminders. promises. disputes. provisions. collection_costs. financials.",
    ),
    Spot(
        "kpi_payment_behaviour",
        "avg_days_late_weighted",
        "receipts.receipt_date invoices.due_date invoices.payment_terms allocations.amount",
        "allocations.invoice_number",
        "customers.risk_score disputes.",
        "reminders. promises. disputes. provisions. collection_costs. financials.",
    ),
    Spot(
        "kpi_dunning",
        "reminder_success_rate",
        "",
        "reminders.done_on receipts.receipt_date allocations.invoice_number",
        "reminders. receipts. invoices.gross_amount",
        "promises. provisions. collection_costs. financials.",
    ),
    Spot(
        "kpi_invoicing",
        "signed_terms_rate",
        "",
        "customers.terms_signed_on",
        "customers. invoices.gross_amount",
        "reminders. promises. provisions. collection_costs. financials.",
    ),
)


@pytest.mark.parametrize("spot", SPOTS, ids=lambda spot: spot.column)
def test_figures_know_what_their_definition_names_and_nothing_else(
    published: Published, spot: Spot
) -> None:
    behind = published.behind(spot.mart, spot.column)
    for column in spot.values.split():
        assert behind.get(column) == "value", column
    for column in spot.conditions.split():
        assert column in behind, column
    # The day on which an item moves to another segment is that of a movement.
    values = [
        column
        for column, kind in behind.items()
        if kind == "value" and column != "customers.valid_from"
    ]
    for beginning in spot.no_values.split():
        assert not [column for column in values if column.startswith(beginning)], beginning
    for beginning in spot.nothing.split():
        # A provision can begin a slice of a figure, whatever the figure.
        among = values if beginning == "provisions." else behind
        assert not [column for column in among if column.startswith(beginning)], beginning
    if not spot.values:
        assert not values, "a count has conditions alone"


CHANGES = {
    "promises": "amount = amount * 0.5",
    "reminders": "cost_amount = cost_amount * 3",
    "provisions": "provision_amount = provision_amount * 2",
    "collection_costs": "cost_amount = cost_amount * 2",
    "credit_limits": "limit_amount = limit_amount * 0.1",
    "customers": "terms_signed_on = terms_signed_on + 400",
}


def test_what_changes_with_a_column_of_a_feed_has_it_in_its_lineage(
    published: Published, tmp_path: Path
) -> None:
    """Lineage by experiment: columns are changed in the lake, and all figures built again."""
    home = tmp_path / "home"
    shutil.copytree(published.home / "lake", home / "lake")
    changed_columns = set()
    for feed, change in CHANGES.items():
        [path] = (home / "lake" / "raw" / feed).glob("*.parquet")
        with duckdb.connect() as connection:
            connection.execute(f"create table rows as from read_parquet('{path}')")
            connection.execute(f"update rows set {change}")
            connection.execute(f"copy rows to '{path}' (format parquet)")
        changed_columns.add(f"{feed}.{change.split()[0]}")
    run_encours("build", "--home", home)
    others = {"DOUBLE", "BIGINT", "INTEGER"}
    moved, behind, made_of = set(), {}, {}
    with duckdb.connect(str(home / "build.duckdb")) as connection:
        connection.execute(f"attach '{published.home / 'encours.duckdb'}' as published (read_only)")
        columns: dict[str, list[tuple[str, str]]] = {}
        for table, column, kind in connection.execute(
            "select table_name, column_name, data_type from duckdb_columns() "
            "where database_name = 'build' and schema_name = 'marts' "
            "and table_name like 'kpi!_%' escape '!' and table_name <> 'kpi_reported' "
            "order by table_name, column_index"
        ).fetchall():
            columns.setdefault(table, []).append((column, kind))
        for table, typed in columns.items():
            figures = [name for name, kind in typed if kind in others or kind[:7] == "DECIMAL"]
            keys = ", ".join(name for name, _ in typed if name not in figures)
            moved_rows = ", ".join(
                f"count(*) filter (where now.{name} is distinct from before.{name})"
                for name in figures
            )
            counts = connection.execute(
                f"select count(*), {moved_rows} from marts.{table} as now "
                f"join published.marts.{table} as before using ({keys})"
            ).fetchone()
            assert counts is not None
            assert counts[0] > 0
            for name, count in zip(figures, counts[1:], strict=True):
                kinds = published.behind(table, name)
                behind[table, name] = changed_columns & set(kinds)
                made_of[table, name] = [
                    each for each in behind[table, name] if kinds[each] == "value"
                ]
                if count:
                    moved.add((table, name))
    unexplained = [column for column in moved if not behind[column]]
    assert not unexplained
    for column in (
        ("kpi_promises", "kept_amount"),
        ("kpi_promises", "kept_rate"),
        ("kpi_dunning", "cost_per_reminder"),
        ("kpi_credit_losses", "provision_rate"),
        ("kpi_collection", "cost_per_euro_recovered"),
        ("kpi_credit_exposure", "over_limit_customer_count"),
        ("kpi_invoicing", "signed_terms_rate"),
    ):
        assert column in moved, column
    # Most figures are made of none of these columns, which at most decide which slices there are.
    assert sum(not found for found in made_of.values()) > len(made_of) / 2


def test_columns_of_feeds_come_from_the_columns_that_the_source_maps(published: Published) -> None:
    """As sources/demo.yml says."""
    rows = published.connection.execute(
        "select table_name, column_name, upstream_schema_name, upstream_table_name, "
        "upstream_column_name, transformations, source_expression from audit.column_lineage "
        "where upstream_type = 'file'"
    ).fetchall()
    found = {(row[0], row[1], row[4]): row[2:] for row in rows}
    gross = found["invoices", "gross_amount", "MontantTTC"]
    assert gross == ("demo", "journal_ventes.csv", "MontantTTC", "identity", None)
    *_, way, expression = found["invoices", "is_factored", "Affacture"]
    assert (way, str(expression)[:15]) == ("transformation", "case Affacture ")
    *_, way, expression = found["write_offs", "*", "Nature"]
    assert (way, "Nature" in str(expression)) == ("filter", True)
    *_, way, expression = found["fx_rates", "base_currency_code", "(constant)"]
    assert (way, expression) == ("transformation", "'EUR'")


def test_the_tree_leads_from_the_kpi_to_the_files(published: Published) -> None:
    arguments = ("--home", published.home)
    tree = run_encours("lineage", "dso_days", *arguments).stdout
    assert tree.startswith("marts.kpi_dso.dso_days\n")
    assert "journal_ventes.csv of demo: MontantTTC" in tree
    assert "raw.invoices: gross_amount, issue_date, opening_date" in tree
    assert "promises" not in tree
    lines = tree[: tree.index("Made of:")].splitlines()
    assert max(map(len, lines)) > 80, "a pipe has no width, so no line is cut"
    opened = [line for line in lines if "(above)" not in line and ".csv" not in line]
    names = [line.split("── ")[-1] for line in opened]
    inner = [name for name in names if not name.startswith("raw.")]
    assert len(inner) == len(set(inner)), "each column is opened once"
    short = run_encours("lineage", "dso_days", "--depth", "1", *arguments).stdout
    assert "intermediate.int_period_parts.revenue_amount +" in short
    assert "raw.invoices.gross_amount" not in short
    whole = run_encours("lineage", "dso_days", "--conditions", *arguments).stdout
    assert "intermediate.int_period_parts.period_grain (conditional)" in whole
    assert "intermediate.int_period_parts.period_grain" not in tree


def test_rows_are_the_same_in_csv_and_json_and_name_every_way_back(published: Published) -> None:
    arguments = ("lineage", "kpi_promises.kept_rate", "--home", published.home)
    text = run_encours(*arguments, "--format", "csv").stdout
    rows = list(csv.DictReader(io.StringIO(text)))
    objects = json.loads(run_encours(*arguments, "--format", "json").stdout)
    assert [
        {key: "" if value is None else str(value) for key, value in each.items()}
        for each in objects
    ] == rows
    assert rows[0]["table_name"] == "kpi_promises"
    reached = {
        f"{row['upstream_table_name']}.{row['upstream_column_name']}"
        for row in rows
        if row["upstream_type"] == "feed"
    }
    assert reached == set(published.behind("kpi_promises", "kept_rate"))
    assert not [
        row for row in rows if row["upstream_type"] == "feed" and row["kind_of_way"] == "value"
    ]


class _Page(HTMLParser):
    """What a page asks for from elsewhere, its anchors, and the links to them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.fetched: list[str] = []
        self.links: set[str] = set()
        self.anchors: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        found = {name: value or "" for name, value in attributes}
        self.anchors.add(found.get("id", ""))
        if tag == "a":
            self.links.add(found["href"])
        elif tag in ("link", "script", "img", "iframe", "source", "object", "embed"):
            self.fetched += [found[name] for name in ("src", "href", "data") if name in found]


def test_the_page_of_a_kpi_stands_alone(published: Published) -> None:
    arguments = ("lineage", "dso_days", "--format", "html", "--home", published.home)
    text = run_encours(*arguments).stdout
    page = _Page(text)
    assert page.fetched == []
    assert "default-src 'none'" in text
    assert "url(" not in text
    assert "@import" not in text
    assert page.links
    assert page.links <= {f"#{anchor}" for anchor in page.anchors}
    assert "How many days of the period" in text
    assert "journal_ventes.csv of demo: MontantTTC" in text


def test_unknown_names_are_answered_with_the_nearest(published: Published) -> None:
    result = run_encours("lineage", "dso_dais", "--home", published.home, status=2)
    assert "Did you mean 'dso_days'?" in result.stderr
    result = run_encours("lineage", "fct_open_items.open_amont", "--home", published.home, status=2)
    assert "Did you mean 'fct_open_items.open_amount'?" in result.stderr
    constant = run_encours("lineage", "alerts.unit", "--home", published.home)
    assert constant.stdout == "marts.alerts.unit\n", "it is there, and made of nothing that is read"
    result = run_encours("lineage", "dso_days", "--home", published.home / "elsewhere", status=2)
    assert "nothing is published there" in result.stderr


def test_the_pages_of_dbt_stand_alone_and_hold_the_compiled_sql(published: Published) -> None:
    text = Home(published.home).docs.read_text(encoding="utf-8")
    fetched = _Page(text[: text.index("<body")]).fetched
    assert not [each for each in fetched if "//" in each and not each.startswith("data:")]
    assert not re.search(r"(src|href)=[\"']https?://[^\"']+\.(js|css|woff2?)", text)
    start = text.index('{"metadata":', text.index("manifest"))
    manifest, end = json.JSONDecoder().raw_decode(text, start)
    assert "select" in manifest["nodes"]["model.encours.kpi_dso"]["compiled_code"]
    catalog, _ = json.JSONDecoder().raw_decode(text, text.index('{"metadata":', end))
    columns = catalog["nodes"]["model.encours.kpi_dso"]["columns"]
    assert columns["dso_days"]["type"] == "DOUBLE"


def _built(cls: Any, content: dict[str, Any], **parts: Any) -> Any:
    """An object of the classes of the specification; one with a field they lack cannot be made."""
    own = {key: value for key, value in content.items() if key not in ("_schemaURL", "schemaURL")}
    made = cls(**{key.lstrip("_"): value for key, value in (own | parts).items()})
    if "_schemaURL" in content:
        assert content["_schemaURL"] == cls._get_schema()
    return made


def _run_event(content: dict[str, Any]) -> RunEvent:
    assert content["schemaURL"] == RunEvent._get_schema()
    inputs = [_built(InputDataset, each) for each in content["inputs"]]
    outputs = []
    for each in content["outputs"]:
        facets = each["facets"]
        schema = facets["schema"]
        fields = [_built(SchemaDatasetFacetFields, field) for field in schema["fields"]]
        lineage = facets["columnLineage"]
        columns = {
            name: _built(Fields, field, inputFields=list(map(_input_field, field["inputFields"])))
            for name, field in lineage["fields"].items()
        }
        dataset = list(map(_input_field, lineage["dataset"]))
        made = {
            "schema": _built(SchemaDatasetFacet, schema, fields=fields),
            "columnLineage": _built(
                ColumnLineageDatasetFacet, lineage, fields=columns, dataset=dataset
            ),
        }
        outputs.append(_built(OutputDataset, each, facets=made))
    run = _built(Run, content["run"])
    job = _built(Job, content["job"])
    event: RunEvent = _built(RunEvent, content, run=run, job=job, inputs=inputs, outputs=outputs)
    return event


def _input_field(content: dict[str, Any]) -> InputField:
    ways = [_built(Transformation, way) for way in content["transformations"]]
    field: InputField = _built(InputField, content, transformations=ways)
    return field


def test_a_run_is_told_in_the_format_of_openlineage(published: Published) -> None:
    row = published.connection.execute(
        "select run_id, published_rows from audit.runs where is_current"
    ).fetchone()
    assert row is not None
    told = _events(published.home, row[0])
    start, complete = map(_run_event, told)
    assert [event["eventType"] for event in told] == ["START", "COMPLETE"]
    assert start.run.runId == complete.run.runId
    assert start.eventTime < complete.eventTime
    files = {(each.namespace, each.name) for each in complete.inputs or []}
    assert ("encours:demo", "journal_ventes.csv") in files
    outputs = {each.name: each for each in complete.outputs or []}
    published_rows = json.loads(row[1])
    marts = {name for name in published_rows if name.startswith("marts.")}
    assert set(outputs) == marts
    counts = {
        name: each.outputFacets["outputStatistics"]["rowCount"] for name, each in outputs.items()
    }
    assert counts == {name: published_rows[name] for name in marts}
    for name, output in outputs.items():
        lineage = output.facets["columnLineage"]
        columns = {field.name for field in output.facets["schema"].fields}
        assert set(lineage.fields) <= columns
        for field in [each for one in lineage.fields.values() for each in one.inputFields]:
            assert (field.namespace, field.name) in files, name
    dso = outputs["marts.kpi_dso"].facets["columnLineage"]
    values = {(field.name, field.field) for field in dso.fields["dso_days"].inputFields}
    assert {("journal_ventes.csv", "MontantTTC"), ("tresorerie.csv", "Montant")} <= values
    assert not [name for name, _ in values if name in ("promesses.csv", "relances.csv")]
    conditions = {(field.name, field.field) for field in dso.dataset}
    assert ("journal_ventes.csv", "TypePiece") in conditions


def test_a_collector_is_told_what_is_kept_and_only_if_it_is_named(published: Published) -> None:
    row = published.connection.execute("select run_id from audit.runs where is_current").fetchone()
    assert row is not None
    for event in published.collected:
        assert event.pop("path") == "/api/v1/lineage"
        # What the client adds of itself and of the folder it runs in.
        event["run"]["facets"].pop("tags", None)
        event["job"]["facets"].pop("sourceCodeLocation", None)
    assert published.collected == _events(published.home, row[0])


def test_a_run_that_fails_is_told_whether_or_not_a_collector_listens(tmp_path: Path) -> None:
    (tmp_path / "invoices.csv").write_text("number,amount\nF1,ten\n", encoding="utf-8")
    (tmp_path / "source.yml").write_text(
        "name: broken\nfiles:\n  - path: invoices.csv\n    format: csv\n    load: snapshot\n"
        "    feeds:\n      invoices:\n        entity_code: {value: E1}\n"
        "        invoice_number: number\n        customer_code: {value: C1}\n"
        "        issue_date: {value: '2026-01-01'}\n        gross_amount: amount\n"
        "        currency_code: {value: EUR}\n",
        encoding="utf-8",
    )
    nobody = {"OPENLINEAGE_URL": "http://127.0.0.1:1"}
    result = run_encours(
        "run", tmp_path / "source.yml", "--home", tmp_path / "home", status=1, environment=nobody
    )
    assert "was not told of the run" in result.stderr
    [run] = (tmp_path / "home" / "runs").iterdir()
    start, fail = _events(tmp_path / "home", run.name)
    assert (start["eventType"], fail["eventType"]) == ("START", "FAIL")
    assert start["run"]["runId"] == fail["run"]["runId"]
    message = _built(ErrorMessageRunFacet, fail["run"]["facets"]["errorMessage"]).message
    assert "1 row is refused" in message


def test_a_run_that_was_killed_is_told_by_the_next_and_once(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    run = runs.new_run(home, datetime(2026, 1, 31, 5, 30, tzinfo=UTC), runs.Parameters(), None)
    runs.save(home, run)
    events.started(home, run)
    for _ in range(2):
        pipeline.settle(home)
        told = _events(home.path, run.run_id)
        assert [event["eventType"] for event in told] == ["START", "ABORT"]
    assert {event["eventTime"] for event in told} == {"2026-01-31T05:30:00+00:00"}
    message = told[1]["run"]["facets"]["errorMessage"]["message"]
    assert message == "The process ended before the run did."
