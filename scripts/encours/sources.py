"""Source YAML: how the files of one accounting system become canonical feeds."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal, get_args

import yaml
from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from encours import quality, sql_options
from encours.errors import UsageError
from encours.feeds import Contract, Feed, load_contract, nearest
from encours.lake import MatchingRule
from encours.sql_options import Incremental
from encours.standard_mappings import completed

Place = tuple[str | int, ...]
DuplicatePolicy = Literal["refuse", "first", "last"]

RESERVED = ("where", "on_duplicate_key")
"""Keys of a mapping that are not columns."""

_WRITTEN = ("csv", "xlsx", "parquet", "jsonl", "sql")
"""Formats in which dates and numbers are written as each program likes."""
_XML = ("ubl", "cii", "facturx", "camt")
_OPTIONS_OF_FORMAT = {
    "delimiter": ("csv",),
    "quote": ("csv",),
    "encoding": ("csv", "jsonl", "fec"),
    "sheet": ("xlsx",),
    "entity_code": ("fec",),
    "currency_code": ("fec",),
    "customer_accounts": ("fec",),
    "opening_journals": ("fec",),
    "payment_terms": ("fec",),
    "payment_terms_by_customer": ("fec",),
    "date_format": _WRITTEN,
    "decimal_separator": _WRITTEN,
    "thousands_separator": _WRITTEN,
    "max_megabytes": _XML,
    "customer_of": ("camt",),
    "database": ("sql",),
    "table": ("sql",),
    "query": ("sql",),
    "name": ("sql",),
    "incremental": ("sql",),
}
_WORDS = re.compile(r'"(?:[^"]|"")+"|\w+')
_DATE_PARTS = {
    "Y": r"[0-9]{4}",
    "y": r"[0-9]{2}",
    "m": r"[0-9]{2}",
    "-m": r"[0-9]{1,2}",
    "d": r"[0-9]{2}",
    "-d": r"[0-9]{1,2}",
    "b": r"[A-Za-z]{3}",
    "B": r"[A-Za-z]+",
    "H": r"[0-9]{2}",
    "M": r"[0-9]{2}",
    "S": r"[0-9]{2}",
    "f": r"[0-9]{1,6}",
}


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class ColumnMapping(_Strict):
    """Where a canonical column comes from: a column of the file, SQL over them, or a constant."""

    column: str | None = None
    sql: str | None = None
    value: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_text(cls, content: Any) -> Any:
        if content is None:
            raise ValueError("is empty; name a column of the file, or remove the line")
        return {"column": content} if isinstance(content, str) else content

    @model_validator(mode="after")
    def _exactly_one(self) -> "ColumnMapping":
        if sum(part is not None for part in (self.column, self.sql, self.value)) != 1:
            raise ValueError("must be the name of a column of the file, {sql: ...} or {value: ...}")
        return self

    @property
    def origin(self) -> str:
        """What is shown as the origin of the column in messages."""
        if self.column is not None:
            return self.column
        return f"sql: {self.sql}" if self.sql is not None else f"value: {self.value}"


class FeedMapping(_Strict):
    """How the rows of a file become rows of one feed."""

    columns: dict[str, ColumnMapping]
    where: str | None = None
    on_duplicate_key: DuplicatePolicy = "refuse"

    @model_validator(mode="before")
    @classmethod
    def _split_reserved(cls, content: Any) -> Any:
        if not isinstance(content, dict):
            raise ValueError("must map canonical columns to columns of the file")  # noqa: TRY004
        reserved = {key: content[key] for key in RESERVED if key in content}
        columns = {key: value for key, value in content.items() if key not in RESERVED}
        return {"columns": columns, **reserved}


def _single_character(text: str) -> str:
    if len(text) != 1:
        raise ValueError("must be a single character")
    return text


def _tab(content: Any) -> Any:
    return "\t" if content in ("\\t", "tab") else content


FEC_FEEDS = {
    "customers": ("customer_code entity_code customer_name payment_terms is_doubtful"),
    "invoices": (
        "entity_code invoice_number customer_code issue_date gross_amount currency_code "
        "document_type payment_terms opening_date"
    ),
    "receipts": (
        "entity_code receipt_id customer_code receipt_date amount currency_code method reference "
        "reversed_on"
    ),
    "allocations": (
        "entity_code allocation_id invoice_number amount allocation_date kind receipt_id "
        "credit_note_number"
    ),
    "write_offs": ("entity_code write_off_id invoice_number write_off_date amount reason_code"),
    "provisions": "entity_code customer_code provision_date provision_amount",
    "financials": (
        "entity_code period_month cost_of_goods_sold purchases_amount inventory_amount "
        "payables_amount ebitda_amount cash_flow_amount"
    ),
    "control_balances": "entity_code balance_date balance_amount",
    "reading_issues": ("entity_code issue_id issue_code severity feed record_key description"),
}
"""What a FEC gives: columns by feed."""

CUSTOMER_ACCOUNTS = ("411", "413", "416", "419")


def _constant(content: Any) -> Any:
    return content.get("value") if isinstance(content, dict) and len(content) == 1 else content


class FileSpec(_Strict):
    """One entry of `files`: which files, how to read them, which feeds they give."""

    path: str
    format: Literal[
        "csv", "xlsx", "parquet", "jsonl", "fec", "ubl", "cii", "facturx", "camt", "sql"
    ]
    load: Literal["snapshot", "upsert"]
    feeds: dict[str, FeedMapping] = Field(min_length=1)
    delimiter: Annotated[str, BeforeValidator(_tab)] = ","
    quote: Annotated[str, BeforeValidator(lambda content: content or "")] = '"'
    encoding: str = "utf-8"
    date_format: str = "%Y-%m-%d"
    decimal_separator: Literal[".", ","] = "."
    thousands_separator: str | None = None
    sheet: str | None = None
    null_values: tuple[str, ...] = ("",)
    max_megabytes: Annotated[int, Field(ge=1, le=2000)] = 50
    customer_of: dict[str, str] = {}
    optional: bool = False
    allow_empty: bool = False
    entity_code: Annotated[str | None, BeforeValidator(_constant)] = None
    currency_code: Annotated[str, BeforeValidator(_constant)] = "EUR"
    customer_accounts: tuple[str, ...] = CUSTOMER_ACCOUNTS
    opening_journals: tuple[str, ...] = ()
    payment_terms: Annotated[str, BeforeValidator(_constant)] = "30 jours"
    payment_terms_by_customer: dict[str, str] = {}
    database: str | None = None
    table: str | None = None
    query: str | None = None
    name: str | None = None
    incremental: Incremental | None = None

    @model_validator(mode="before")
    @classmethod
    def _path_of_a_table(cls, content: Any) -> Any:
        if not isinstance(content, dict) or content.get("format") != "sql":
            return content
        return sql_options.with_path(content)

    @model_validator(mode="before")
    @classmethod
    def _feeds_of_a_ledger(cls, content: Any) -> Any:
        if not isinstance(content, dict) or content.get("format") != "fec":
            return content
        if "feeds" in content:
            raise ValueError("format fec gives its feeds by itself; remove feeds")
        if content.get("load", "snapshot") != "snapshot":
            raise ValueError("format fec is load: snapshot, all years together; remove load")
        feeds = {
            feed: {name: {"column": name} for name in columns.split()}
            for feed, columns in FEC_FEEDS.items()
        }
        return {**content, "load": "snapshot", "feeds": feeds}

    @field_validator("customer_accounts")
    @classmethod
    def _begin_with_digits(cls, accounts: tuple[str, ...]) -> tuple[str, ...]:
        for account in accounts:
            if not re.fullmatch("[0-9]+", account):
                raise ValueError(f"'{account}' is no beginning of an account number")
        if not accounts:
            raise ValueError("must name an account, such as 411")
        return accounts

    @property
    def encoding_given(self) -> str | None:
        """The encoding, if the YAML says one."""
        return self.encoding if "encoding" in self.model_fields_set else None

    @field_validator("path")
    @classmethod
    def _stays_below(cls, path: str) -> str:
        if ".." in PurePosixPath(path).parts:
            raise ValueError("must not contain '..'; give an absolute path instead")
        return path

    @field_validator("database")
    @classmethod
    def _variable_or_url(cls, database: str) -> str:
        return sql_options.check_database(database)

    @field_validator("query")
    @classmethod
    def _selects(cls, query: str) -> str:
        return sql_options.check_query(query)

    @field_validator("delimiter")
    @classmethod
    def _one_ascii_character(cls, delimiter: str) -> str:
        _single_character(delimiter)
        if not delimiter.isascii() or delimiter.isalnum() or delimiter in '\r\n"\0':
            raise ValueError("must be an ASCII character that is no letter, digit or line end")
        return delimiter

    @field_validator("quote")
    @classmethod
    def _no_or_one_ascii_character(cls, quote: str) -> str:
        if quote and (len(quote) > 1 or not quote.isascii() or quote in "\r\n\0"):
            raise ValueError("must be a single ASCII character, or empty if nothing is quoted")
        return quote

    @field_validator("encoding")
    @classmethod
    def _known_encoding(cls, encoding: str) -> str:
        try:
            "a".encode(encoding)
        except LookupError:
            examples = "utf-8, cp1252, latin-1, utf-16"
            raise ValueError(f"'{encoding}' is not known; examples are {examples}") from None
        return encoding

    @field_validator("date_format")
    @classmethod
    def _whole_date(cls, date_format: str) -> str:
        date_pattern(date_format)
        return date_format

    @field_validator("thousands_separator")
    @classmethod
    def _no_digit(cls, separator: str | None) -> str | None:
        if separator and (len(separator) > 1 or separator.isalnum() or separator in "+-"):
            raise ValueError("must be a single character that is no letter, digit or sign")
        return separator or None

    @model_validator(mode="after")
    def _fits_together(self) -> "FileSpec":
        for option, formats in _OPTIONS_OF_FORMAT.items():
            if option in self.model_fields_set and self.format not in formats:
                raise ValueError(f"{option} has no meaning for format {self.format}; remove it")
        if self.thousands_separator == self.decimal_separator:
            raise ValueError("thousands_separator and decimal_separator must differ")
        if self.format == "csv" and self.quote == self.delimiter:
            raise ValueError("quote and delimiter must differ")
        if self.incremental and self.load != "upsert":
            raise ValueError("incremental reads changes, which are load: upsert")
        return self


def _listed(content: Any) -> Any:
    return [content] if isinstance(content, str) else content


class _SourceSpec(_Strict):
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    description: str = ""
    defaults: dict[str, str] = {}
    max_rejected_rows: int = Field(default=0, ge=0)
    quality: dict[str, Any] = {}
    matching: Annotated[tuple[MatchingRule, ...], BeforeValidator(_listed)] = ()
    files: tuple[FileSpec, ...] = Field(min_length=1)

    @field_validator("matching")
    @classmethod
    def _in_order(cls, rules: tuple[MatchingRule, ...]) -> tuple[MatchingRule, ...]:
        ordered = tuple(rule for rule in get_args(MatchingRule) if rule in rules)
        if rules != ordered:
            raise ValueError(f"rules are tried in one order; write [{', '.join(ordered)}]")
        return rules

    @model_validator(mode="before")
    @classmethod
    def _complete_standard_formats(cls, content: Any) -> Any:
        if not isinstance(content, dict) or not isinstance(content.get("files"), list):
            return content
        files = [completed(entry, content.get("defaults")) for entry in content["files"]]
        return content | {"files": files}


@dataclass(frozen=True)
class Source:
    """One source, checked against the contract; `path` is its YAML."""

    path: Path
    name: str
    description: str
    defaults: Mapping[str, str]
    max_rejected_rows: int
    files: tuple[FileSpec, ...]
    lines: Mapping[Place, int] = field(repr=False, compare=False)
    quality: Mapping[str, Any] = field(default_factory=dict)
    """What it expects of its deliveries, where that differs from the defaults."""
    matching: tuple[MatchingRule, ...] = ()
    """Rules that match its receipts without allocation, in the order in which they are tried."""

    def place(self, *inside: str | int) -> str:
        """How messages name a place in the YAML: file, line, path inside."""
        return _place(self.path, self.lines, inside)

    def mapped(self, spec: FileSpec, feed: Feed) -> dict[str, ColumnMapping]:
        """Every canonical column that is supplied for a feed, source defaults included."""
        own = spec.feeds[feed.name].columns
        columns = {}
        for column in feed.columns:
            if column.name in own:
                columns[column.name] = own[column.name]
            elif column.name in self.defaults:
                columns[column.name] = ColumnMapping(value=self.defaults[column.name])
        return columns


def mentioned(mapping: FeedMapping, columns: Iterable[str] | None = None) -> set[str]:
    """What a mapping may read of a file: columns by name and all words of its SQL, in lower case.

    Args:
        mapping: The mapping of a feed.
        columns: Canonical columns to look at, besides `where`; by default all.
    """
    names = mapping.columns if columns is None else set(columns) & set(mapping.columns)
    origins = [mapping.columns[name] for name in names]
    words = _WORDS.findall(" ".join([mapping.where or "", *(each.sql or "" for each in origins)]))
    found = {word.strip('"').replace('""', '"').lower() for word in words}
    return found | {(each.column or "").lower() for each in origins}


def load_source(path: Path, contract: Contract | None = None) -> Source:
    """Read and check one source YAML.

    Args:
        path: The YAML file.
        contract: The feeds it may fill; by default those of the project.

    Raises:
        UsageError: It cannot be read, is not valid, or maps what no feed has; the message names
            line and path of everything that is wrong.
    """
    content, lines = _read_yaml(path)
    secrets = list(sql_options.passwords(content))
    if secrets:
        raise _usage_error(path, lines, secrets)
    try:
        spec = _SourceSpec.model_validate(content)
    except ValidationError as error:
        raise _usage_error(path, lines, _plain_errors(error)) from error
    source = Source(
        path=path,
        name=spec.name,
        description=spec.description,
        defaults=spec.defaults,
        max_rejected_rows=spec.max_rejected_rows,
        files=spec.files,
        lines=lines,
        quality=spec.quality,
        matching=spec.matching,
    )
    known_feeds = load_contract() if contract is None else contract
    problems = list(_contract_problems(source, known_feeds))
    problems += _database_problems(source)
    problems += _quality_problems(source, known_feeds)
    if problems:
        raise _usage_error(path, lines, problems)
    return source


def date_pattern(date_format: str) -> str:
    """A regular expression for the dates that a format writes.

    Day and month may lack their leading zero where something stands between the parts; without
    that, `%Y%m%d` would read 2026105 as 5 October.

    Raises:
        ValueError: The format has a part that is not supported, or does not give a whole date.
    """
    tokens = re.findall(r"%-?.|[^%]", date_format, flags=re.DOTALL)
    if "".join(tokens) != date_format:
        raise ValueError(f"'{date_format}' ends in the middle of a part")
    parts = [token[1:] for token in tokens if token.startswith("%")]
    unknown = [part for part in parts if part not in _DATE_PARTS]
    if unknown:
        known = ", ".join("%" + part for part in _DATE_PARTS)
        raise ValueError(f"'%{unknown[0]}' is not supported; there are {known}")
    letters = [part.removeprefix("-") for part in parts]
    for name, choices in (("year", "Yy"), ("month", "mbB"), ("day", "d")):
        if sum(letters.count(choice) for choice in choices) != 1:
            raise ValueError(f"'{date_format}' must give the {name} once, as in %Y-%m-%d")
    pattern = ""
    for index, token in enumerate(tokens):
        if not token.startswith("%"):
            pattern += re.escape(token)
            continue
        around = tokens[max(index - 1, 0) : index] + tokens[index + 1 : index + 2]
        stands_alone = not any(other.startswith("%") or other.isdigit() for other in around)
        part = token[1:]
        pattern += _DATE_PARTS["-" + part if part in "md" and stands_alone else part]
    return pattern


def _read_yaml(path: Path) -> tuple[Any, dict[Place, int]]:
    try:
        loader = yaml.SafeLoader(path.read_text(encoding="utf-8"))
        node = loader.get_single_node()
    except OSError as error:
        raise UsageError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise UsageError(
            f"{path}: is not UTF-8 text ({error.reason}). Save it as UTF-8."
        ) from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f":{mark.line + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error)
        raise UsageError(f"{path}{line}: not valid YAML: {problem}") from error
    if node is None:
        raise UsageError(f"{path}: is empty. A source needs at least a name and files.")
    lines: dict[Place, int] = {}
    try:
        return _plain(loader, node, (), lines), lines
    except _DoubledKeyError as error:
        raise UsageError(
            f"{_place(path, lines, error.place)}: is given twice. Remove one of them."
        ) from error


class _DoubledKeyError(Exception):
    def __init__(self, place: Place) -> None:
        super().__init__(place)
        self.place = place


def _plain(loader: yaml.SafeLoader, node: yaml.Node, place: Place, lines: dict[Place, int]) -> Any:
    # Scalars stay the text that was written: YAML would turn the country NO into false and the
    # account 0110 into 72.
    lines.setdefault(place, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, _ in node.value:
            inside = (*place, str(key.value))
            if str(key.value) in seen:
                lines[inside] = key.start_mark.line + 1
                raise _DoubledKeyError(inside)
            seen.add(str(key.value))
        loader.flatten_mapping(node)
        content = {}
        for key, value in node.value:
            inside = (*place, str(key.value))
            lines[inside] = key.start_mark.line + 1
            content[str(key.value)] = _plain(loader, value, inside, lines)
        return content
    if isinstance(node, yaml.SequenceNode):
        return [
            _plain(loader, value, (*place, index), lines) for index, value in enumerate(node.value)
        ]
    return None if node.tag == "tag:yaml.org,2002:null" else node.value


def _contract_problems(source: Source, contract: Contract) -> Iterator[tuple[Place, str]]:
    known_columns = sorted({column.name for feed in contract.values() for column in feed.columns})
    for name in source.defaults:
        if name not in known_columns:
            yield ("defaults", name), f"no feed has this column. {nearest(name, known_columns)}"
    loads: dict[str, tuple[str, DuplicatePolicy]] = {}
    for index, spec in enumerate(source.files):
        for name, mapping in spec.feeds.items():
            inside: Place = ("files", index, "feeds", name)
            if name not in contract:
                yield inside, f"there is no such feed. {nearest(name, contract)}"
                continue
            yield from _feed_problems(source, spec, contract[name], inside)
            load, policy = loads.setdefault(name, (spec.load, mapping.on_duplicate_key))
            if load != spec.load:
                message = f"feed {name} is loaded as {load} further up and as {spec.load} here. "
                yield ("files", index, "load"), message + "One source loads a feed in one way."
            if policy != mapping.on_duplicate_key:
                yield inside, f"on_duplicate_key of {name} must be the same in all its files."


def _database_problems(source: Source) -> Iterator[tuple[Place, str]]:
    names: set[str] = set()
    ways: dict[str, bool | None] = {}
    for index, spec in enumerate(source.files):
        inside: Place = ("files", index)
        if spec.format == "sql":
            if spec.path in names:
                yield inside, f"{spec.path} is read further up. Give one of them another name."
            names.add(spec.path)
        way = spec.incremental.deletions if spec.incremental else None
        for name in spec.feeds:
            if ways.setdefault(name, way) != way:
                yield (
                    (*inside, "incremental"),
                    f"feed {name} comes from several entries. Read all of them incrementally, "
                    "with deletions or without, or none.",
                )


def _quality_problems(source: Source, contract: Contract) -> Iterator[tuple[Place, str]]:
    feeds = source.quality.get("feeds", {})
    if not isinstance(feeds, dict) or not all(isinstance(own, dict) for own in feeds.values()):
        yield ("quality", "feeds"), "must be a mapping of feeds to what is expected of them."
        return
    for name in feeds:
        if name not in contract:
            yield ("quality", "feeds", name), f"there is no such feed. {nearest(name, contract)}"
    for name in (None, *feeds):
        inside: Place = ("quality",) if name is None else ("quality", "feeds", name)
        section = source.quality if name is None else {"feeds": {name: feeds[name]}}
        own = {key: value for key, value in section.items() if key != "feeds" or name is not None}
        try:
            quality.of_feed(own, name or "")
        except ValidationError as error:
            yield from ((inside + place, text) for place, text in _plain_errors(error))


def _feed_problems(
    source: Source, spec: FileSpec, feed: Feed, inside: Place
) -> Iterator[tuple[Place, str]]:
    names = [column.name for column in feed.columns]
    for name in spec.feeds[feed.name].columns:
        if name not in names:
            yield (
                (*inside, name),
                f"feed {feed.name} has no such column. {nearest(name, [*names, *RESERVED])}",
            )
    mapped = source.mapped(spec, feed)
    missing = [
        column.name
        for column in feed.columns
        if column.is_required and column.default is None and column.name not in mapped
    ]
    if missing:
        message = f"nothing is mapped to {', '.join(missing)}, which every row needs. "
        yield inside, message + "Map them to columns of the file, or give them under defaults."


def _plain_errors(error: ValidationError) -> Iterator[tuple[Place, str]]:
    for problem in error.errors(include_url=False):
        place = tuple(part for part in problem["loc"] if part != "columns")
        kind, given = problem["type"], problem["input"]
        if kind == "extra_forbidden":
            message = f"is not known here. {nearest(str(place[-1]), _known_keys(error, place))}"
        elif kind == "missing":
            message = "is missing."
        elif kind == "value_error":
            message = str(problem["ctx"]["error"]) + "."
        elif kind == "literal_error":
            message = f"'{given}' is not one of {problem['ctx']['expected']}."
        elif kind == "too_short" and given:
            continue  # what it holds is wrong, and is reported by itself
        elif kind in ("model_type", "model_attributes_type", "dict_type"):
            message = f"must be a mapping of names to values, not {_shown(given)}."
        elif kind in ("tuple_type", "list_type"):
            message = f"must be a list, not {_shown(given)}."
        elif given is None:
            message = "is empty. Give a value, or remove the line."
        else:
            message = f"{problem['msg']}; it is {_shown(given)}."
        yield place, message


def _shown(content: Any) -> str:
    if isinstance(content, str):
        return f"'{content}'"
    return "empty" if content is None else "a list" if isinstance(content, list) else "a mapping"


def _known_keys(error: ValidationError, place: Place) -> Iterable[str]:
    model: type[BaseModel] = _SourceSpec
    if error.title == quality.FeedQuality.__name__:
        return quality.keys_of(str(place[0])) if place[1:] else (*quality.SECTIONS, "feeds")
    if place[0] == "files":
        model = ColumnMapping if "feeds" in place else FileSpec
    return model.model_fields


def _usage_error(
    path: Path, lines: Mapping[Place, int], problems: Iterable[tuple[Place, str]]
) -> UsageError:
    return UsageError(
        "\n".join(f"{_place(path, lines, inside)}: {message}" for inside, message in problems)
    )


def _place(path: Path, lines: Mapping[Place, int], inside: Place) -> str:
    known = inside
    while known and known not in lines:
        known = known[:-1]
    text = ""
    for part in inside:
        text += f"[{part}]" if isinstance(part, int) else f".{part}" if text else part
    line = f":{lines[known]}" if known in lines else ""
    return f"{path}{line}: {text}" if text else f"{path}{line}"
