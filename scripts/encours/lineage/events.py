"""Events of runs in the format of OpenLineage: what was read, what was published, how it ended.

They are kept beside the record of the run. They leave the machine only where the user says so, by
the variable OPENLINEAGE_URL.
"""

import json
import logging
import os
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import duckdb

from encours import runs
from encours.home import Home, write_whole
from encours.lineage.graph import Graph, Node, load
from encours.lineage.terms import ROWS, VALUES
from encours.runs import Run
from encours.show import open_published

if TYPE_CHECKING:
    from openlineage.client.event_v2 import InputDataset, OutputDataset, RunEvent
    from openlineage.client.generated.base import RunFacet
    from openlineage.client.generated.column_lineage_dataset import (
        ColumnLineageDatasetFacet,
        InputField,
        Transformation,
    )

FILE_NAME = "openlineage.jsonl"
_CONSTANT = "(constant)"
_ENDS = {"published": "COMPLETE", "failed": "FAIL", "interrupted": "ABORT"}
_log = logging.getLogger(__name__)


def started(home: Home, run: Run) -> None:
    """Say that a run has started."""
    _record(home, run, [_event(home, run, "START", run.started_at)], [])


def ended(home: Home, run: Run) -> None:
    """Say how a run ended: published, failed or interrupted; once, however often it is called."""
    path = runs.folder(home, run) / FILE_NAME
    lines = path.read_text(encoding="utf-8").splitlines() if path.is_file() else []
    if lines and json.loads(lines[-1])["eventType"] == _ENDS[run.status]:
        return
    # One that failed before it built anything starts and ends here.
    events = [] if lines else [_event(home, run, "START", run.started_at)]
    moment = run.finished_at or run.started_at
    event = _event(home, run, _ENDS[run.status], moment)
    if run.status == "published":
        with open_published(home) as connection:
            graph = load(connection)
            event.inputs = _inputs(graph)
            event.outputs = _outputs(home, run, connection, graph)
    _record(home, run, [*events, event], lines)


def _record(home: Home, run: Run, events: list["RunEvent"], lines: list[str]) -> None:
    """Keep some events after earlier ones, and hand them on if the user wants it.

    A collector that cannot be reached does not stop a run.
    """
    from openlineage.client import OpenLineageClient  # noqa: PLC0415
    from openlineage.client.serde import Serde  # noqa: PLC0415

    written = [*lines, *(Serde.to_json(event) for event in events)]
    text = "".join(f"{line}\n" for line in written)
    write_whole(runs.folder(home, run) / FILE_NAME, text.encode())
    url = os.environ.get("OPENLINEAGE_URL")
    if not url:
        return
    try:
        client = OpenLineageClient()
        for event in events:
            client.emit(event)
    except Exception as error:  # whatever the transport of the user raises
        _log.warning("OpenLineage: %s was not told of the run: %s", url, error)


def _event(home: Home, run: Run, kind: str, moment: datetime) -> "RunEvent":
    # Half a second to import: only the commands that run wait for it.
    from openlineage.client import event_v2 as ol  # noqa: PLC0415
    from openlineage.client.facet_v2 import (  # noqa: PLC0415
        error_message_run,
        job_type_job,
        processing_engine_run,
    )
    from openlineage.client.uuid import generate_static_uuid  # noqa: PLC0415

    ol.set_producer(f"urn:encours:{run.encours_version}")
    facets: dict[str, RunFacet] = {
        "processing_engine": processing_engine_run.ProcessingEngineRunFacet(
            version=run.duckdb_version, name="DuckDB", openlineageAdapterVersion=run.encours_version
        )
    }
    if kind in ("FAIL", "ABORT"):
        facets["errorMessage"] = error_message_run.ErrorMessageRunFacet(
            message=run.message or "", programmingLanguage="SQL"
        )
    name = home.path.resolve().name
    run_id = generate_static_uuid(
        _utc(run.started_at), f"{home.path.resolve()} {run.run_id}".encode()
    )
    return ol.RunEvent(
        eventType=ol.RunState[kind],
        eventTime=_utc(moment).isoformat(),
        run=ol.Run(runId=str(run_id), facets=facets),
        job=ol.Job(
            namespace="encours",
            name=name,
            facets={
                "jobType": job_type_job.JobTypeJobFacet(
                    processingType="BATCH", integration="ENCOURS", jobType="RUN"
                )
            },
        ),
    )


def _inputs(graph: Graph) -> list["InputDataset"]:
    """The entries of the sources whose files count, as delivered."""
    from openlineage.client.event_v2 import InputDataset  # noqa: PLC0415

    files = {step.origin for steps in graph.steps.values() for step in steps}
    places = sorted({(node.schema, node.table) for node in files if node.type == "file"})
    return [InputDataset(namespace=_of_source(source), name=path) for source, path in places]


def _outputs(
    home: Home, run: Run, connection: duckdb.DuckDBPyConnection, graph: Graph
) -> list["OutputDataset"]:
    """The published marts, with their columns and what of the files these are made of."""
    from openlineage.client.event_v2 import OutputDataset  # noqa: PLC0415
    from openlineage.client.facet_v2 import (  # noqa: PLC0415
        documentation_dataset,
        output_statistics_output_dataset,
        schema_dataset,
    )

    tables: dict[str, list[schema_dataset.SchemaDatasetFacetFields]] = {}
    for table, column, data_type, comment in connection.execute(
        "select table_name, column_name, data_type, comment from duckdb_columns() "
        "where schema_name = 'marts' order by table_name, column_index"
    ).fetchall():
        field = schema_dataset.SchemaDatasetFacetFields(column, data_type, comment, fields=None)
        tables.setdefault(table, []).append(field)
    comments = connection.execute(
        "select table_name, coalesce(comment, '') from duckdb_tables() "
        "where schema_name = 'marts' order by table_name"
    ).fetchall()
    behind = _Behind(graph)
    outputs = []
    for table, comment in comments:
        nodes = [Node("model", "marts", table, field.name) for field in tables[table]]
        statistics = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
            rowCount=run.published_rows[f"marts.{table}"]
        )
        outputs.append(
            OutputDataset(
                namespace=f"duckdb://{home.published_database.resolve()}",
                name=f"marts.{table}",
                facets={
                    "schema": schema_dataset.SchemaDatasetFacet(fields=tables[table]),
                    "documentation": documentation_dataset.DocumentationDatasetFacet(comment),
                    "columnLineage": behind.facet(nodes),
                },
                outputFacets={"outputStatistics": statistics},
            )
        )
    return outputs


class _Behind:
    """What of the files columns are made of, over all steps; each column is looked at once."""

    def __init__(self, graph: Graph) -> None:
        self._graph = graph
        self._values: dict[Node, dict[Node, int]] = {}

    def facet(self, columns: Iterable[Node]) -> "ColumnLineageDatasetFacet":
        """The facet of a table with some columns: values by column, conditions of all together."""
        from openlineage.client.facet_v2 import column_lineage_dataset as ol  # noqa: PLC0415

        fields = {}
        for column in columns:
            found = self.values(column)
            if found:
                fields[column.column] = ol.Fields(
                    inputFields=[
                        _field(node, ol.Transformation("DIRECT", VALUES[rank].upper()))
                        for node, rank in sorted(found.items())
                    ]
                )
        conditions = [
            node
            for node, kind in sorted(self._graph.kinds(columns).items())
            if kind == "condition" and node.type == "file" and node.column != ROWS
        ]
        return ol.ColumnLineageDatasetFacet(
            fields=fields,
            dataset=[_field(node, ol.Transformation("INDIRECT")) for node in conditions],
        )

    def values(self, column: Node) -> dict[Node, int]:
        """Columns of files that go into a column, with their strongest way, a place in VALUES."""
        if column not in self._values:
            found: dict[Node, int] = {}
            for step in self._graph.back(column):
                if step.kind != "value" or step.origin.column == _CONSTANT:
                    continue
                way = max(map(VALUES.index, step.transformations.split(", ")))
                further = self.values(step.origin)
                if step.origin.type == "file":
                    further = {step.origin: 0}
                for node, rank in further.items():
                    found[node] = max(found.get(node, 0), rank, way)
            self._values[column] = found
        return self._values[column]


def _field(node: Node, way: "Transformation") -> "InputField":
    from openlineage.client.generated.column_lineage_dataset import InputField  # noqa: PLC0415

    return InputField(
        namespace=_of_source(node.schema), name=node.table, field=node.column, transformations=[way]
    )


def _of_source(name: str) -> str:
    """The namespace of the files of a source."""
    return f"encours:{name}"


def _utc(moment: datetime) -> datetime:
    return moment.replace(tzinfo=UTC)
