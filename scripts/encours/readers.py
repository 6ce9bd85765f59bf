"""Reading a delivered file into a DuckDB table of text columns and line numbers."""

import csv
import datetime
import re
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path, PurePosixPath
from xml.etree.ElementTree import Element, ParseError

import duckdb
from defusedxml import DefusedXmlException, ElementTree
from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook

from encours.bank_statements import read_camt
from encours.einvoices import read_cii, read_facturx, read_ubl
from encours.errors import DataError, UsageError
from encours.extracts import ExtractedRows, TableExtract
from encours.feeds import nearest
from encours.lake import quoted
from encours.sources import FileSpec
from encours.text import UNIT_SEPARATOR, Dialect, Refusal, looks_like_utf8, rewrite
from encours.xml_files import Extract

LINE = "_encours_line"
"""Column of the line that a record begins on; row of the sheet, or number of the row."""

DOCUMENT_FORMATS = ("ubl", "cii", "facturx", "camt")
"""Formats of many small files."""

_DELIMITERS = {",": "a comma", ";": "a semicolon", "\t": "a tab", "|": "a bar"}
PLAIN = Dialect("utf-8", ",", '"')
"""How records are written that were no text before."""


@dataclass(frozen=True)
class Table:
    """A file as a table: the physical columns are c1, c2, ... in the order of `columns`."""

    name: str
    columns: tuple[str, ...]
    rows: int
    refusals: tuple[Refusal, ...]
    remarks: tuple[str, ...] = ()

    @property
    def rows_read(self) -> int:
        """All rows of the file, those that are no rows of the table included."""
        return self.rows + len(self.refusals)


@dataclass(frozen=True)
class Request:
    """A file to be read: `label` is its name in messages, `name` that of the table.

    `folder` may be written to for the time of reading; `limit` reads about so many rows, by
    default all. `extract` is what was read of a database.
    """

    folder: Path
    path: Path
    label: str
    spec: FileSpec
    name: str
    limit: int | None = None
    extract: TableExtract | None = None


def open_scratch(folder: Path, inputs: Iterable[Path]) -> duckdb.DuckDBPyConnection:
    """Open a database that spills into a folder and may read nothing but it and the inputs.

    SQL from source files runs there, so everything else is closed to it for good.
    """
    connection = duckdb.connect()
    readable = ", ".join(quoted(str(path.resolve())) for path in inputs)
    for setting in (
        f"temp_directory = {quoted(str(folder / 'spill'))}",
        "memory_limit = '1GB'",
        "TimeZone = 'UTC'",
        f"allowed_directories = [{quoted(str(folder.resolve()))}]",
        f"allowed_paths = [{readable}]",
        "enable_external_access = false",
        "lock_configuration = true",
    ):
        connection.execute(f"set {setting}")
    connection.execute(
        "create table refused (file integer, line bigint, column_name varchar, "
        "row_text varchar, reason varchar, feed varchar)"
    )
    return connection


def read(connection: duckdb.DuckDBPyConnection, request: Request) -> Table:
    """Read one file into a new table.

    Args:
        connection: From `open_scratch`, with the file among its inputs.
        request: What to read, and how.

    Raises:
        DataError: It is not of that format, lacks a column, or is empty without leave.
    """
    table = _READERS[request.spec.format](connection, request)
    if request.limit is not None and table.rows > request.limit:
        table = _cut(connection, table, request.limit)
    # Of the changes of a table there may be none; its keys say whether it is empty.
    keys = request.extract.keys if request.extract else None
    _check_not_empty(request, table.rows_read if keys is None else keys.count)
    return table


def extract_documents(request: Request) -> Extract:
    """Read the documents of a file in one of `DOCUMENT_FORMATS`, without loading them.

    Raises:
        DataError: It is not of that format, is hostile, or is empty without leave.
    """
    found = _extract(request)
    _check_not_empty(request, len(found.rows) + len(found.refusals))
    return found


def write_records(rows: Iterable[tuple[int, Iterable[str]]], target: Path) -> None:
    """Add rows, each with its line, to a file for `create_table`, which is made if missing."""
    with target.open("a", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, quoting=csv.QUOTE_ALL, lineterminator="\n")
        writer.writerows([line, *texts] for line, texts in rows)


def _check_not_empty(request: Request, rows: int) -> None:
    if not rows and not request.spec.allow_empty:
        raise DataError(
            f"{request.label}: has no rows. If that can be right, set allow_empty: true for this "
            "file in the source YAML; with load: snapshot, everything loaded from it is then "
            "deleted."
        )


def insert_refusals(connection: duckdb.DuckDBPyConnection, file: int, table: Table) -> None:
    """Put what could not be read as rows in the table `refused`, under the number of the file."""
    connection.execute(
        "insert into refused select $file, unnest(cast($lines as bigint[])), null, "
        "unnest(cast($texts as varchar[])), unnest(cast($reasons as varchar[])), null",
        {
            "file": file,
            "lines": [found.line for found in table.refusals],
            "texts": [found.text for found in table.refusals],
            "reasons": [found.reason for found in table.refusals],
        },
    )


def row_text(table: Table, spec: FileSpec, alias: str) -> str:
    """SQL for the whole text of a row of the table."""
    delimiter = spec.delimiter if spec.format == "csv" else ","
    fields = (f"coalesce({alias}.c{i}, '')" for i in range(1, len(table.columns) + 1))
    special = quoted(f'["\r\n{re.escape(delimiter)}]')
    quoted_fields = (
        f"case when regexp_matches({text}, {special}) "
        f"""then '"' || replace({text}, '"', '""') || '"' else {text} end"""
        for text in fields
    )
    return f" || {quoted(delimiter)} || ".join(quoted_fields)


def _read_csv(connection: duckdb.DuckDBPyConnection, request: Request) -> Table:
    label, spec, name = request.label, request.spec, request.name
    dialect = Dialect(spec.encoding, spec.delimiter, spec.quote)
    target = request.folder / f"{name}.records"
    if looks_like_utf8(request.path, spec.encoding):
        raise DataError(
            f"{label}: is UTF-8 text, but the source YAML says encoding: {spec.encoding}. "
            "Set encoding: utf-8 for this file."
        )
    records = rewrite(request.path, target, label, dialect, limit=request.limit)
    check_header(label, 1, records.header, spec)
    columns = records.header or ()
    create_table(connection, target, dialect, name, len(columns), records.accepted)
    remarks = []
    if not records.ends_with_line_feed and request.limit is None:
        remarks.append(f"{label}: the last line has no line end; check that it is not cut off.")
    return Table(name, columns, records.accepted, records.refusals, tuple(remarks))


def _read_jsonl(connection: duckdb.DuckDBPyConnection, request: Request) -> Table:
    label, spec, name = request.label, request.spec, request.name
    dialect = Dialect(spec.encoding, UNIT_SEPARATOR, "")
    target = request.folder / f"{name}.records"
    records = rewrite(request.path, target, label, dialect, has_header=False, limit=request.limit)
    create_table(connection, target, dialect, f"{name}_lines", 1, records.accepted)
    connection.execute(
        f"create temp table {name}_documents as select {LINE}, c1 as document, case "
        "when not json_valid(c1) then 'is not a JSON document' "
        "when json_type(c1) <> 'OBJECT' then 'is not a JSON object' "
        "when len(list_distinct(json_keys(c1))) < len(json_keys(c1)) then 'has a name twice' "
        f"end as reason from {name}_lines"
    )
    refusals = list(records.refusals)
    for line, document, reason in connection.execute(
        f"select {LINE}, document, reason from {name}_documents where reason is not null"
    ).fetchall():
        refusals.append(Refusal(line, document, reason))
    rows = connection.execute(
        f"select name from (select {LINE}, unnest(json_keys(document)) as name, "
        f"generate_subscripts(json_keys(document), 1) as place from {name}_documents "
        f"where reason is null) group by name order by min(({LINE}, place))"
    ).fetchall()
    columns = tuple(str(column) for (column,) in rows)
    if columns:
        check_header(label, 1, columns, spec)
    document = _numbers_as_text("document", spec.decimal_separator)
    pointers = ", ".join(quoted("/" + _pointer(column)) for column in columns)
    values = "".join(f", texts[{i}] as c{i}" for i in range(1, len(columns) + 1))
    connection.execute(
        f"create table {name} as select {LINE}{values} from (select {LINE}, "
        f"json_extract_string({document}, cast([{pointers}] as varchar[])) as texts "
        f"from {name}_documents where reason is null)"
    )
    connection.execute(f"drop table {name}_lines")
    connection.execute(f"drop table {name}_documents")
    count = records.accepted + len(records.refusals) - len(refusals)
    return Table(name, columns, count, tuple(sorted(refusals, key=lambda found: found.line)))


def _pointer(column: str) -> str:
    return column.replace("~", "~0").replace("/", "~1")


def _numbers_as_text(document: str, decimal_separator: str) -> str:
    """SQL that puts the numbers of a JSON document in quotes: as doubles they would change."""
    # Control characters cannot stand in a valid document, so they mark numbers safely.
    pattern = r'("(?:[^"\\]|\\.)*")|(-?[0-9][0-9.eE+-]*)'
    marked = f"regexp_replace({document}, {quoted(pattern)}, '\\1\x01\\2\x02', 'g')"
    marked = f"replace({marked}, '\x01\x02', '')"
    if decimal_separator == ",":
        marked = f"regexp_replace({marked}, '\x01([0-9-]+)[.]', '\x01\\1,', 'g')"
    return f"translate({marked}, '\x01\x02', '\"\"')"


def _read_parquet(connection: duckdb.DuckDBPyConnection, request: Request) -> Table:
    label, spec, name = request.label, request.spec, request.name
    rows = f"read_parquet({quoted(str(request.path.resolve()))}, file_row_number = true)"
    try:
        described = connection.execute(f"describe select * from {rows}").fetchall()
        columns = [(str(row[0]), str(row[1])) for row in described[:-1]]
        check_header(label, None, [column for column, _ in columns], spec)
        values = "".join(
            f", {_text(_identifier(column), data_type, spec)} as c{place}"
            for place, (column, data_type) in enumerate(columns, 1)
        )
        connection.execute(
            f"create table {name} as select cast(file_row_number + 1 as bigint) as {LINE}{values} "
            f"from {rows} {'' if request.limit is None else f'limit {request.limit}'}"
        )
    except (duckdb.IOException, duckdb.InvalidInputException) as error:
        raise DataError(
            f"{label}: cannot be read as Parquet ({_first_line(error)}). Deliver the export again."
        ) from error
    rows_read = _number(connection, f"select count(*) from {name}")
    return Table(name, tuple(column for column, _ in columns), rows_read, ())


def _text(column: str, data_type: str, spec: FileSpec) -> str:
    """SQL for a typed value as the text that the file would hold were it a CSV."""
    date_format = quoted(spec.date_format)
    text = f"cast({column} as varchar)"
    if data_type == "DATE":
        return f"strftime({column}, {date_format})"
    if data_type in ("TIMESTAMP", "TIMESTAMP_S", "TIMESTAMP_MS", "TIMESTAMP_NS"):
        day = f"cast({column} as date)"
        return f"case when {column} = {day} then strftime({day}, {date_format}) else {text} end"
    if data_type in ("DOUBLE", "FLOAT"):
        # Exports hold numbers as 1930571429.0 where the account is 1930571429.
        text = f"regexp_replace({text}, '[.]0$', '')"
    if data_type in ("DOUBLE", "FLOAT") or data_type.startswith("DECIMAL"):
        return f"replace({text}, '.', {quoted(spec.decimal_separator)})"
    return text


def _read_xlsx(connection: duckdb.DuckDBPyConnection, request: Request) -> Table:
    path, label, spec, name = request.path, request.label, request.spec, request.name
    try:
        with CalamineWorkbook.from_path(path) as workbook:
            sheet = _sheet(workbook, label, spec)
            errors = _error_cells(path, sheet.name)
    except (
        CalamineError,
        ParseError,
        DefusedXmlException,
        KeyError,
        OSError,
        zipfile.BadZipFile,
    ) as error:
        raise DataError(
            f"{label}: cannot be read as an Excel workbook ({error}). Open it in Excel and save "
            "it again as .xlsx, or deliver the export again."
        ) from error
    rows = _sheet_rows(sheet, errors, spec)
    top, header = next(rows, (1, []))
    while header and not header[-1]:
        header.pop()
    names = tuple(text.strip() for text in header)
    check_header(label, top, names or None, spec)
    target = request.folder / f"{name}.records"
    refusals = []
    count = 0
    with target.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, quoting=csv.QUOTE_ALL, lineterminator="\n")
        for number, cells in rows:
            if count == request.limit:
                break
            if any(cells[len(names) :]):
                text = ",".join(cells)
                refusals.append(Refusal(number, text, "has a value right of the last header cell"))
                continue
            writer.writerow([number, *cells[: len(names)]])
            count += 1
    create_table(connection, target, PLAIN, name, len(names), count)
    return Table(name, names, count, tuple(refusals))


def _sheet(workbook: CalamineWorkbook, label: str, spec: FileSpec) -> CalamineSheet:
    names = workbook.sheet_names
    if spec.sheet is None and len(names) > 1:
        raise UsageError(
            f"{label}: has the sheets {', '.join(names)}. Say which with sheet: in the source YAML."
        )
    wanted = names[0] if spec.sheet is None else spec.sheet
    if wanted not in names:
        raise DataError(f"{label}: has no sheet '{wanted}'. {nearest(wanted, names)}")
    return workbook.get_sheet_by_name(wanted)


def _sheet_rows(
    sheet: CalamineSheet, errors: dict[tuple[int, int], str], spec: FileSpec
) -> Iterator[tuple[int, list[str]]]:
    """Yield number and texts of the rows of a sheet that hold anything."""
    for number, cells in enumerate(sheet.to_python(skip_empty_area=False), 1):
        texts = [_cell_text(cell, spec) for cell in cells]
        if errors:
            texts = [errors.get((number, place), text) for place, text in enumerate(texts, 1)]
        if any(texts):
            yield number, texts


def _cell_text(cell: object, spec: FileSpec) -> str:
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, (int, float)):
        # Excel shows and means 15 digits; what a double holds beyond them is noise.
        text = str(int(cell)) if cell == int(cell) else format(Decimal(f"{cell:.15g}"), "f")
        return text.replace(".", spec.decimal_separator)
    is_moment = isinstance(cell, datetime.datetime) and cell.time() != datetime.time()
    if isinstance(cell, datetime.date) and not is_moment:
        return cell.strftime(spec.date_format)
    return str(cell)


def _error_cells(path: Path, sheet: str) -> dict[tuple[int, int], str]:
    """Cells whose value is an error or was never calculated; calamine reads them as empty."""
    found = {}
    with zipfile.ZipFile(path) as archive:
        part = _sheet_part(archive, sheet)
        content = archive.read(part)
        if b't="e"' not in content and b"<f" not in content:
            return {}
        with archive.open(part) as stream:
            for _, element in ElementTree.iterparse(stream):
                if element.tag.endswith("}c"):
                    error = _error(element)
                    if error:
                        letters, row = re.findall("[A-Z]+|[0-9]+", element.attrib["r"])
                        found[int(row), _column_number(letters)] = error
                elif element.tag.endswith("}row"):
                    element.clear()
    return found


def _error(cell: Element) -> str | None:
    value = cell.findtext("{*}v")
    if cell.get("t") == "e":
        return value or "#ERROR"
    if cell.find("{*}f") is not None and not value and cell.get("t") != "str":
        return "#NOT CALCULATED"
    return None


def _column_number(letters: str) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + ord(letter) - ord("A") + 1
    return number


def _sheet_part(archive: zipfile.ZipFile, sheet: str) -> str:
    """Name of the part of a workbook that holds a sheet."""
    book = ElementTree.fromstring(archive.read("xl/workbook.xml"))
    relations = ElementTree.fromstring(archive.read("xl/_rels/workbook.xml.rels"))
    targets = {relation.get("Id"): relation.attrib["Target"] for relation in relations}
    for element in book.iterfind("{*}sheets/{*}sheet"):
        if element.get("name") == sheet:
            names = [name for name in element.attrib if name.endswith("}id")]
            return str(PurePosixPath("/xl", targets[element.attrib[names[0]]])).removeprefix("/")
    raise KeyError(sheet)


def _extract(request: Request) -> Extract:
    label, spec = request.label, request.spec
    if spec.format == "camt":
        found = read_camt(request.path, label, spec.max_megabytes, spec.customer_of)
    else:
        reader = {"ubl": read_ubl, "cii": read_cii, "facturx": read_facturx}[spec.format]
        found = reader(request.path, label, spec.max_megabytes)
    check_header(label, None, found.columns, spec)
    return found


def _read_documents(connection: duckdb.DuckDBPyConnection, request: Request) -> Table:
    """Read the documents or transactions of a format whose columns are the program's own."""
    name = request.name
    found = _extract(request)
    target = request.folder / f"{name}.records"
    write_records(found.rows, target)
    create_table(connection, target, PLAIN, name, len(found.columns), len(found.rows))
    return Table(name, found.columns, len(found.rows), found.refusals, found.remarks)


def load_extract(connection: duckdb.DuckDBPyConnection, rows: ExtractedRows, name: str) -> Table:
    """Load what was read of a database into a new table."""
    create_table(connection, rows.path, PLAIN, name, len(rows.columns), rows.count)
    return Table(name, rows.columns, rows.count, rows.refusals)


def _read_sql(connection: duckdb.DuckDBPyConnection, request: Request) -> Table:
    assert request.extract is not None
    return load_extract(connection, request.extract.rows, request.name)


_READERS: Mapping[str, Callable[[duckdb.DuckDBPyConnection, Request], Table]] = {
    "csv": _read_csv,
    "jsonl": _read_jsonl,
    "parquet": _read_parquet,
    "xlsx": _read_xlsx,
    "ubl": _read_documents,
    "cii": _read_documents,
    "facturx": _read_documents,
    "camt": _read_documents,
    "sql": _read_sql,
}


def create_table(
    connection: duckdb.DuckDBPyConnection,
    records: Path,
    dialect: Dialect,
    name: str,
    width: int,
    count: int,
) -> None:
    """Load rewritten records into a table, all of them, and remove their file."""
    columns = ", ".join(
        [f"'{LINE}': 'BIGINT'", *(f"'c{place}': 'VARCHAR'" for place in range(1, width + 1))]
    )
    connection.execute(
        f"create table {name} as select * from read_csv({quoted(str(records.resolve()))}, "
        f"columns = {{{columns}}}, delim = {quoted(dialect.delimiter)}, "
        f"quote = {quoted(dialect.quote)}, escape = {quoted(dialect.quote)}, header = false, "
        "auto_detect = false, new_line = '\\n', strict_mode = true, max_line_size = 4000000)"
    )
    records.unlink()
    loaded = _number(connection, f"select count(*) from {name}")
    if loaded != count:
        raise RuntimeError(f"{name}: {loaded} of {count} records were loaded")


def _cut(connection: duckdb.DuckDBPyConnection, table: Table, limit: int) -> Table:
    """Keep the first rows of a table, and what was refused before the last of them."""
    last = _number(
        connection,
        f"select max({LINE}) from (select {LINE} from {table.name} order by {LINE} limit {limit})",
    )
    connection.execute(f"delete from {table.name} where {LINE} > {last}")
    refusals = tuple(refusal for refusal in table.refusals if refusal.line <= last)
    return replace(table, rows=limit, refusals=refusals)


def _number(connection: duckdb.DuckDBPyConnection, query: str) -> int:
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0


def check_header(label: str, line: int | None, names: Iterable[str] | None, spec: FileSpec) -> None:
    """Make sure that a file has every column that is mapped, and none twice.

    Args:
        label: Name of the file in messages.
        line: Line of the header, if the format has lines.
        names: Names of the columns; None if there is no header.
        spec: The entry of the source.

    Raises:
        DataError: It has not.
    """
    place = label if line is None else f"{label}: line {line}"
    if names is None:
        raise DataError(f"{label}: is empty, without even a header. Deliver the export again.")
    columns = list(names)
    needed = list(
        dict.fromkeys(
            mapping.column
            for feed in spec.feeds.values()
            for mapping in feed.columns.values()
            if mapping.column is not None
        )
    )
    missing = [column for column in needed if column not in columns]
    if spec.format == "csv" and (missing or len(columns) == 1):
        _check_delimiter(place, columns, needed, spec)
    if missing:
        suggestions = "".join(
            f"\n  '{column}': {nearest(column, filter(None, columns))}" for column in missing
        )
        raise DataError(
            f"{place}: columns that the source YAML maps are not in the "
            f"{'table' if spec.format == 'sql' else 'file'}: "
            f"{', '.join(missing)}.{suggestions}"
        )
    seen: dict[str, str] = {}
    for column in filter(None, columns):
        # SQL does not tell capitals from small letters in names, so neither do files.
        if column.lower() in seen or column.lower() == LINE:
            raise DataError(
                f"{place}: the column '{column}' is there twice. Remove or rename one of them, "
                "since nothing says which is meant."
            )
        seen[column.lower()] = column


def _check_delimiter(place: str, columns: list[str], needed: list[str], spec: FileSpec) -> None:
    header = spec.delimiter.join(columns)
    for delimiter, words in _DELIMITERS.items():
        names = [name.strip().strip(spec.quote or None) for name in header.split(delimiter)]
        if delimiter != spec.delimiter and len(names) > 1 and set(needed) <= set(names):
            expected = _DELIMITERS.get(spec.delimiter, f"'{spec.delimiter}'")
            raise DataError(
                f"{place}: the columns are separated by {words}, but {expected} is expected. "
                f"Set delimiter: {_yaml(delimiter)} in the source YAML."
            )


def _yaml(delimiter: str) -> str:
    return '"\\t"' if delimiter == "\t" else f'"{delimiter}"'


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0]
