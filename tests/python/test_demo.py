"""The demonstration company: what its exports hold, and that they tie out.

The exports are read here with a small reader of the source YAML's own, and the balances are
worked out again in plain Python, so that neither leans on the code that wrote them.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import pytest
import yaml
from encours.demo import END, START, generate
from encours.errors import EncoursError, UsageError

PROJECT = Path(__file__).resolve().parents[2]
SOURCE = PROJECT / "sources" / "demo.yml"
NOT_COLUMNS = {"where", "on_duplicate_key"}

Row = dict[str, Any]
T = TypeVar("T")


def contract() -> dict[str, list[Row]]:
    """The columns of every feed that an accounting system can give, as the dbt sources define them.

    `reading_issues` is filled by readers of formats, with what they could not tell apart.
    """
    feeds = {}
    for path in sorted((PROJECT / "models" / "staging" / "feeds").glob("*.yml")):
        for source in yaml.safe_load(path.read_text(encoding="utf-8"))["sources"]:
            for table in source["tables"]:
                feeds[table["name"]] = table["columns"]
    del feeds["reading_issues"]
    return feeds


def role(column: Row) -> str:
    """Role of a column in its feed."""
    meta = column.get("config", {}).get("meta", {})
    return str(meta.get("role", "optional"))


@dataclass
class Company:
    """A generated company: its folder and its canonical rows by feed."""

    folder: Path
    feeds: dict[str, list[Row]] = field(default_factory=dict)

    def __getitem__(self, feed: str) -> list[Row]:
        return self.feeds[feed]


def read(folder: Path, scratch: Path) -> Company:
    """Read all exports of a folder into canonical rows."""
    company = Company(folder)
    columns = contract()
    with duckdb.connect() as connection:
        for file in yaml.safe_load(SOURCE.read_text(encoding="utf-8"))["files"]:
            connection.execute(f"create or replace view file as {rows_sql(folder, file, scratch)}")
            for name, mapping in file["feeds"].items():
                wanted = [column for column in columns[name] if column["name"] in mapping]
                selected = ", ".join(
                    f"{typed(column, mapping[column['name']], file)} as {column['name']}"
                    for column in wanted
                )
                result = connection.execute(
                    f"select {selected} from file where {mapping.get('where', 'true')}"
                )
                names = [column["name"] for column in wanted]
                company.feeds[name] = [
                    dict(zip(names, row, strict=True)) for row in result.fetchall()
                ]
    return company


def rows_sql(folder: Path, file: Row, scratch: Path) -> str:
    """SQL that reads a file with every column as text."""
    path = folder / file["path"]
    if file["format"] == "csv":
        copy = scratch / file["path"]
        copy.write_text(path.read_text(encoding=file.get("encoding", "utf-8")), encoding="utf-8")
        delimiter = file.get("delimiter", ",")
        return (
            f"select * from read_csv('{copy}', delim = '{delimiter}', header = true, "
            "all_varchar = true, auto_detect = false, columns = "
            f"{header(copy, delimiter)})"
        )
    reader = "read_json" if file["format"] == "jsonl" else "read_parquet"
    return f"select columns(*)::varchar from {reader}('{path}')"


def header(path: Path, delimiter: str) -> str:
    """The columns of a file for `read_csv`, all text."""
    with path.open(encoding="utf-8") as stream:
        names = stream.readline().rstrip("\n").split(delimiter)
    return "{" + ", ".join(f"'{name}': 'varchar'" for name in names) + "}"


def typed(column: Row, origin: str | dict[str, str], file: Row) -> str:
    """SQL of one canonical column."""
    if isinstance(origin, str):
        text = f'"{origin}"'
    else:
        text = f"({origin['sql']})" if "sql" in origin else f"'{origin['value']}'"
    data_type = column["data_type"]
    if data_type == "date":
        return f"strptime({text}, '{file.get('date_format', '%Y-%m-%d')}')::date"
    if data_type.startswith("decimal"):
        return f"replace({text}, '{file.get('decimal_separator', '.')}', '.')::{data_type}"
    return f"({text})::{data_type}"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Company:
    """A company of 600 invoices."""
    folder = tmp_path_factory.mktemp("small")
    generate(folder, invoices=600, seed=3)
    return read(folder, tmp_path_factory.mktemp("scratch"))


@pytest.fixture(scope="module")
def usual(tmp_path_factory: pytest.TempPathFactory) -> Company:
    """The company that people see first."""
    folder = tmp_path_factory.mktemp("usual")
    generate(folder)
    return read(folder, tmp_path_factory.mktemp("scratch"))


@dataclass
class Item:
    """An open item: its signed changes by day, and what it was."""

    entity: str
    kind: str
    side: str
    booked_on: date
    due_date: date | None
    row: Row
    changes: list[tuple[date, Decimal]] = field(default_factory=list)

    def balance(self, day: date) -> Decimal:
        """Balance at the end of a day."""
        return sum((amount for on, amount in self.changes if on <= day), Decimal(0))


class Ledger:
    """Every item of a company with its movements, one row after the other."""

    def __init__(self, company: Company) -> None:
        self.items: dict[tuple[str, str], Item] = {}
        self.receipts: dict[tuple[str, str], Item] = {}
        for row in company["invoices"]:
            self._add_document(row)
        for row in company["receipts"]:
            self._add_receipt(row)
        named = {
            (row["entity_code"], row[origin])
            for row in company["allocations"]
            for origin in ("receipt_id", "credit_note_number")
            if row[origin] and row["kind"] != "discount"
        }
        for row in company["allocations"]:
            self._allocate(row)
        for key, receipt in self.receipts.items():
            if receipt.row["invoice_number"] and key not in named:
                self._allocate(
                    receipt.row | {"allocation_date": None, "kind": "receipt"} | {"via": receipt}
                )
        for key, item in list(self.items.items()):
            applies_to = item.row["applies_to_invoice_number"]
            if item.kind == "credit_note" and applies_to and key not in named:
                self._pair(self.items[key[0], applies_to], item, -item.changes[0][1], None)
        for row in company["write_offs"]:
            item = self.items[row["entity_code"], row["invoice_number"]]
            item.changes.append((max(row["write_off_date"], item.booked_on), -row["amount"]))

    def _add_document(self, row: Row) -> None:
        kind, gross = row["document_type"], row["gross_amount"]
        if kind in ("invoice", "debit_note") and gross < 0:
            kind = "credit_note"
        amount = -abs(gross) if kind == "credit_note" else gross
        booked_on = row["issue_date"]
        if kind == "opening":
            booked_on = row["opening_date"] or booked_on
        item = Item(
            row["entity_code"],
            kind,
            "credit" if kind == "credit_note" or amount < 0 else "debit",
            booked_on,
            row["due_date"],
            row,
            [(booked_on, amount)],
        )
        key = (row["entity_code"], row["invoice_number"])
        assert key not in self.items
        self.items[key] = item

    def _add_receipt(self, row: Row) -> None:
        booked_on = row["receipt_date"]
        item = Item(row["entity_code"], "receipt", "credit", booked_on, None, row)
        self._move(item, booked_on, -row["amount"], row["reversed_on"])
        key = (row["entity_code"], row["receipt_id"])
        assert key not in self.receipts
        self.receipts[key] = item

    @staticmethod
    def _move(item: Item, day: date, amount: Decimal, reversed_on: date | None) -> None:
        item.changes.append((day, amount))
        if reversed_on:
            item.changes.append((max(day, reversed_on), -amount))

    def _allocate(self, row: Row) -> None:
        entity = row["entity_code"]
        target = self.items[entity, row["invoice_number"]]
        receipt = self.receipts[entity, row["receipt_id"]] if row["receipt_id"] else None
        if row["kind"] == "discount":
            days = [target.booked_on, row["allocation_date"], receipt and receipt.booked_on]
            day = max(day for day in days if day)
            reversed_on = receipt.row["reversed_on"] if receipt else None
            self._move(target, day, -row["amount"], reversed_on)
            return
        origin = receipt or self.items[entity, row["credit_note_number"]]
        assert origin.row["currency_code"] == target.row["currency_code"]
        self._pair(target, origin, row["amount"], row["allocation_date"])

    def _pair(self, target: Item, origin: Item, amount: Decimal, on: date | None) -> None:
        day = max(day for day in (target.booked_on, origin.booked_on, on) if day)
        reversed_on = origin.row.get("reversed_on")
        self._move(target, day, -amount, reversed_on)
        self._move(origin, day, amount, reversed_on)

    def all_items(self) -> Iterator[Item]:
        """Documents, then receipts."""
        yield from self.items.values()
        yield from self.receipts.values()


def month_ends() -> list[date]:
    """The month ends of the three years."""
    days = [START + timedelta(days) for days in range((END - START).days + 1)]
    return [day for day in days if (day + timedelta(1)).day == 1]


def files_of(folder: Path) -> dict[str, str]:
    """Hash of every file of a folder."""
    return {path.name: sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def by_month(rows: Iterator[tuple[str, date]]) -> Counter[tuple[str, int, int]]:
    """How many there are by entity, year and month."""
    return Counter((entity, day.year, day.month) for entity, day in rows)


# The files


def test_same_seed_same_bytes_other_seed_other_company(tmp_path: Path) -> None:
    for name, seed in (("first", 5), ("again", 5), ("other", 6)):
        generate(tmp_path / name, invoices=300, seed=seed)
    generate(tmp_path / "other", invoices=300, seed=5)
    first = files_of(tmp_path / "first")
    assert files_of(tmp_path / "again") == first
    assert files_of(tmp_path / "other") == first, "files of an earlier company stayed"
    generate(tmp_path / "other", invoices=300, seed=6)
    same = {name for name, digest in files_of(tmp_path / "other").items() if first[name] == digest}
    assert same == {"societes.csv"}


def test_the_source_reads_every_file_and_feeds_every_column() -> None:
    source = yaml.safe_load(SOURCE.read_text(encoding="utf-8"))
    fed = {name: mapping for file in source["files"] for name, mapping in file["feeds"].items()}
    wanted = {name: {column["name"] for column in columns} for name, columns in contract().items()}
    assert {name: set(mapping) - NOT_COLUMNS for name, mapping in fed.items()} == wanted


def test_files_are_those_of_the_source(small: Company) -> None:
    source = yaml.safe_load(SOURCE.read_text(encoding="utf-8"))
    assert set(files_of(small.folder)) == {file["path"] for file in source["files"]}
    with pytest.raises(UnicodeDecodeError):
        (small.folder / "tiers.csv").read_text(encoding="utf-8")


@pytest.mark.parametrize("feed", sorted(contract()))
def test_rows_hold_what_the_contract_asks(usual: Company, feed: str) -> None:
    columns = contract()[feed]
    rows = usual[feed]
    assert rows
    for column in columns:
        name, given = column["name"], [row[column["name"]] for row in rows]
        if role(column) in ("key", "required"):
            assert None not in given, name
        assert any(value is not None for value in given), f"{name} is always empty"
        values = column.get("config", {}).get("meta", {}).get("values")
        if values:
            assert set(given) - {None} == set(values)
    key = [column["name"] for column in columns if role(column) in ("key", "optional_key")]
    assert len({tuple(row[name] for name in key) for row in rows}) == len(rows)


def test_wrong_use_is_explained(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--invoices 10"):
        generate(tmp_path, invoices=10)
    (tmp_path / "file").touch()
    with pytest.raises(EncoursError, match="cannot write"):
        generate(tmp_path / "file" / "below", invoices=100)


def test_progress_names_what_is_written(tmp_path: Path) -> None:
    told: list[str] = []
    generate(tmp_path, invoices=100, progress=told.append)
    assert {f"demo: writing {name}" for name in files_of(tmp_path)} <= set(told)


# The company


@pytest.mark.parametrize(("name", "invoices"), [("small", 600), ("usual", 20_000)])
def test_counts_follow_the_number_of_invoices(
    request: pytest.FixtureRequest, name: str, invoices: int
) -> None:
    company: Company = request.getfixturevalue(name)
    types = Counter(row["document_type"] for row in company["invoices"] if row["gross_amount"] > 0)
    assert types["invoice"] + types["debit_note"] == invoices
    assert 0.02 * invoices < types["opening"] < 0.12 * invoices
    customers = {row["customer_code"] for row in company["customers"]}
    assert len(customers) == max(60, invoices // 50)
    assert {row["customer_code"] for row in company["invoices"]} <= customers
    currencies = {(row["entity_code"], row["currency_code"]) for row in company["invoices"]}
    assert currencies == {("FR01", "EUR"), ("DE02", "EUR"), ("GB03", "GBP")}


def test_no_day_lies_outside_the_three_years(usual: Company) -> None:
    days = [row["issue_date"] for row in usual["invoices"] if row["document_type"] != "opening"]
    days += [row["receipt_date"] for row in usual["receipts"]]
    days += [row["write_off_date"] for row in usual["write_offs"]]
    days += [row["planned_on"] for row in usual["reminders"]]
    assert START <= min(days) <= max(days) <= END
    later = [row["reversed_on"] for row in usual["receipts"]]
    later += [row["allocation_date"] for row in usual["allocations"]]
    later += [day for row in usual["disputes"] for day in (row["opened_on"], row["closed_on"])]
    later += [row["done_on"] for row in usual["reminders"]]
    later += [row["made_on"] for row in usual["promises"]]
    assert max(day for day in later if day) <= END


@pytest.mark.parametrize("name", ["small", "usual"])
def test_control_balances_are_those_of_the_items(request: pytest.FixtureRequest, name: str) -> None:
    company: Company = request.getfixturevalue(name)
    changes: dict[str, list[tuple[date, Decimal]]] = defaultdict(list)
    for item in Ledger(company).all_items():
        changes[item.entity] += item.changes
    expected = {
        (entity, day): sum((amount for on, amount in changes[entity] if on <= day), Decimal(0))
        for entity in changes
        for day in month_ends()
    }
    given = {
        (row["entity_code"], row["balance_date"]): row["balance_amount"]
        for row in company["control_balances"]
    }
    assert given == expected
    assert len(given) == 3 * 36


def test_only_the_duplicate_payments_pass_through_zero(usual: Company) -> None:
    crossing = []
    for key, item in [*(ledger := Ledger(usual)).items.items(), *ledger.receipts.items()]:
        sign = 1 if item.changes[0][1] > 0 else -1
        if any(item.balance(day) * sign < 0 for day, _ in item.changes):
            crossing.append(key)
    assert len(crossing) == 3
    assert all(ledger.items[key].side == "debit" for key in crossing)


def test_balances_look_like_a_sane_company(usual: Company) -> None:
    items = list(Ledger(usual).all_items())
    to_eur = {"EUR": Decimal(1), "GBP": Decimal("1.16")}
    disputes = defaultdict(list)
    for row in usual["disputes"]:
        disputes[row["entity_code"], row["invoice_number"]].append(row)
    for day in (date(2024, 6, 30), date(2025, 6, 30), END):
        receivable = opened = overdue = disputed = revenue = Decimal(0)
        for item in items:
            rate = to_eur[item.row["currency_code"]]
            balance = item.balance(day) * rate
            receivable += balance
            is_sale = item.kind in ("invoice", "debit_note", "credit_note")
            if is_sale and day - timedelta(365) < item.booked_on <= day:
                revenue += item.changes[0][1] * rate
            if item.side == "debit" and item.booked_on <= day:
                opened += balance
                overdue += balance if item.due_date and item.due_date < day else 0
                if any(
                    row["opened_on"] <= day and not (row["closed_on"] and row["closed_on"] <= day)
                    for row in disputes[item.entity, item.row["invoice_number"]]
                ):
                    disputed += balance
        assert 45 <= receivable / revenue * 365 <= 75
        assert Decimal("0.2") <= overdue / opened <= Decimal("0.35")
        assert Decimal("0.01") <= disputed / opened <= Decimal("0.08")


def test_turnover_grows_has_seasons_and_few_large_customers(usual: Company) -> None:
    sold = [row for row in usual["invoices"] if row["document_type"] == "invoice"]
    years = Counter(
        (row["issue_date"].year * 12 + row["issue_date"].month - 7) // 12 for row in sold
    )
    first, second, third = (years[year] for year in sorted(years))
    assert first < second < third
    months = Counter(row["issue_date"].month for row in sold)
    assert min(months, key=lambda month: months[month]) == 8
    amounts: dict[str, Decimal] = defaultdict(Decimal)
    for row in sold:
        amounts[row["customer_code"]] += row["gross_amount"]
    largest = sorted(amounts.values(), reverse=True)
    assert sum(largest[: len(largest) // 5]) > sum(largest) / 2


def test_every_month_of_every_entity_has_every_kind_of_event(usual: Company) -> None:
    months = {
        (entity, day.year, day.month) for entity in ("FR01", "DE02", "GB03") for day in month_ends()
    }
    due = {
        (row["entity_code"], row["invoice_number"]): row["due_date"] for row in usual["invoices"]
    }
    late = [
        row["receipt_date"] > due[row["entity_code"], row["invoice_number"]]
        for row in usual["receipts"]
        if row["invoice_number"] and due[row["entity_code"], row["invoice_number"]]
    ]
    assert 0.1 < sum(late) / len(late) < 0.9
    for feed, column in (
        ("invoices", "issue_date"),
        ("receipts", "receipt_date"),
        ("disputes", "opened_on"),
        ("disputes", "closed_on"),
        ("reminders", "done_on"),
        ("promises", "made_on"),
        ("promises", "promised_date"),
        ("provisions", "provision_date"),
        ("collection_costs", "period_month"),
        ("financials", "period_month"),
        ("control_balances", "balance_date"),
    ):
        found = by_month(
            (row["entity_code"], row[column]) for row in usual[feed] if row[column] is not None
        )
        assert months <= set(found), f"{feed}.{column}"


def test_rates_are_of_working_days_and_begin_before_the_ledger(usual: Company) -> None:
    days = [row["rate_date"] for row in usual["fx_rates"]]
    assert all(day.weekday() < 5 for day in days)
    assert min(days) < START
    assert max(days) == END
    assert max(b - a for a, b in zip(sorted(days), sorted(days)[1:], strict=False)).days <= 5


# The cases a demonstration has to show


def test_payers_of_every_kind(usual: Company) -> None:
    receipts = {(row["entity_code"], row["receipt_id"]): row for row in usual["receipts"]}
    invoices = {(row["entity_code"], row["invoice_number"]): row for row in usual["invoices"]}
    paid = [
        (receipts[row["entity_code"], row["receipt_id"]], row["invoice_number"])
        for row in usual["allocations"]
        if row["receipt_id"] and row["kind"] != "discount"
    ]
    paid += [(row, row["invoice_number"]) for row in usual["receipts"] if row["invoice_number"]]
    lateness: dict[str, list[tuple[date, int]]] = defaultdict(list)
    for receipt, number in paid:
        due_date = invoices[receipt["entity_code"], number]["due_date"]
        if due_date:
            days = (receipt["receipt_date"] - due_date).days
            lateness[receipt["customer_code"]].append((due_date, days))

    def median(days: list[int]) -> int:
        return sorted(days)[len(days) // 2]

    usually = {code: median([days for _, days in pairs]) for code, pairs in lateness.items()}
    kinds = Counter(
        "early" if days < -2
        else "on time" if days <= 0
        else "a bit late" if days <= 14
        else "late" if days <= 40
        else "very late"
        for days in usually.values()
    )  # fmt: skip
    assert set(kinds) == {"early", "on time", "a bit late", "late", "very late"}
    degrading = [
        code
        for code, pairs in lateness.items()
        if (first := [days for due, days in pairs if due < date(2024, 7, 1)])
        and (last := [days for due, days in pairs if due >= date(2025, 7, 1)])
        and median(last) - median(first) > 20
    ]
    assert len(degrading) >= 5
    stopped = {
        row["customer_code"]
        for row in usual["customers"]
        if row["is_doubtful"]
        and max((day for day, _ in lateness[row["customer_code"]]), default=START)
        < date(2026, 1, 1)
    }
    assert len(stopped) >= 5


def cases(company: Company) -> dict[str, int]:
    """How often each case occurs that the demonstration is to show."""
    invoices = {(row["entity_code"], row["invoice_number"]): row for row in company["invoices"]}
    receipts = {(row["entity_code"], row["receipt_id"]): row for row in company["receipts"]}
    customers = {(row["customer_code"], row["entity_code"]): row for row in company["customers"]}
    ledger = Ledger(company)
    allocated = [row for row in company["allocations"] if row["kind"] in ("receipt", None)]
    per_receipt = Counter((row["entity_code"], row["receipt_id"]) for row in allocated)
    per_invoice = Counter((row["entity_code"], row["invoice_number"]) for row in allocated)
    pairs = [(row, receipts[row["entity_code"], row["receipt_id"]]) for row in allocated]
    discounts = [row for row in company["allocations"] if row["kind"] == "discount"]
    per_dispute = Counter(
        (row["entity_code"], row["invoice_number"]) for row in company["disputes"]
    )
    insured = {(row["customer_code"], row["entity_code"]) for row in company["credit_insurance"]}
    limits = Counter((row["customer_code"], row["entity_code"]) for row in company["credit_limits"])
    overlapping = {code for code, entity in customers if entity} & {
        code for code, entity in customers if not entity
    }
    twins = Counter(code for code, entity in customers if entity)

    def count(rows: Iterable[T], condition: Callable[[T], object]) -> int:
        return sum(1 for row in rows if condition(row))

    def own(row: Row, column: str) -> bool:
        master = customers.get((row["customer_code"], row["entity_code"]))
        master = master or customers[row["customer_code"], None]
        return row[column] is not None and row[column] != master[column]

    documents = company["invoices"]
    return {
        "receipt on several invoices": count(per_receipt.values(), lambda n: n > 1),
        "invoice paid in parts": count(per_invoice.values(), lambda n: n > 1),
        "receipt unallocated": count(
            receipts.items(),
            lambda pair: pair[0] not in per_receipt and not pair[1]["invoice_number"],
        ),
        "receipt allocated in part": count(
            ledger.receipts.values(),
            lambda item: not item.row["reversed_on"] and item.changes[0][1] < item.balance(END) < 0,
        ),
        "receipt allocated later": count(
            pairs,
            lambda pair: (pair[0]["allocation_date"] or START) > pair[1]["receipt_date"],
        ),
        "deposit before its invoice": count(
            pairs,
            lambda pair: (
                pair[1]["receipt_date"]
                < invoices[pair[0]["entity_code"], pair[0]["invoice_number"]]["issue_date"]
            ),
        ),
        "receipt that names its invoice": count(
            receipts.values(), lambda row: row["invoice_number"]
        ),
        "refund": count(receipts.values(), lambda row: row["amount"] < 0),
        "bounced after allocation": count(
            pairs,
            lambda pair: (
                pair[1]["reversed_on"]
                and (pair[0]["allocation_date"] or START) < pair[1]["reversed_on"]
            ),
        ),
        "bounced before allocation": count(
            pairs,
            lambda pair: (
                pair[1]["reversed_on"]
                and (pair[0]["allocation_date"] or START) > pair[1]["reversed_on"]
            ),
        ),
        "bounced and paid again": count(receipts, lambda key: key[1].endswith("R")),
        "bounced direct debit": count(
            receipts.values(), lambda row: row["invoice_number"] and row["reversed_on"]
        ),
        "allocation without date": count(allocated, lambda row: row["allocation_date"] is None),
        "allocation without kind": count(allocated, lambda row: row["kind"] is None),
        "discount on a receipt": count(discounts, lambda row: row["receipt_id"]),
        "discount by date": count(discounts, lambda row: not row["receipt_id"]),
        "discount undone": count(
            discounts,
            lambda row: (
                row["receipt_id"] and receipts[row["entity_code"], row["receipt_id"]]["reversed_on"]
            ),
        ),
        "credit note linked": count(documents, lambda row: row["applies_to_invoice_number"]),
        "credit note as negative invoice": count(
            documents, lambda row: row["document_type"] == "invoice" and row["gross_amount"] < 0
        ),
        "credit note allocated later": count(
            company["allocations"], lambda row: row["kind"] == "credit_note"
        ),
        "credit note unallocated": count(
            ledger.items.values(),
            lambda item: item.kind == "credit_note" and item.balance(END) == item.changes[0][1],
        ),
        "debit note": count(documents, lambda row: row["document_type"] == "debit_note"),
        "opening item due before": count(
            documents,
            lambda row: (
                row["opening_date"] == START
                and (row["due_date"] or START) < START
                and row["issue_date"] < START
            ),
        ),
        "opening item in credit": count(
            documents, lambda row: row["opening_date"] and row["gross_amount"] < 0
        ),
        "factored": count(documents, lambda row: row["is_factored"]),
        "not insurable": count(documents, lambda row: row["is_insurable"] is False),
        "terms without due date": count(
            documents, lambda row: row["payment_terms"] and not row["due_date"]
        ),
        "undated": count(
            documents,
            lambda row: (
                row["gross_amount"] > 0
                and row["document_type"] != "credit_note"
                and not row["payment_terms"]
                and not row["due_date"]
            ),
        ),
        "own business unit": count(documents, lambda row: own(row, "business_unit")),
        "own salesperson": count(documents, lambda row: own(row, "salesperson_code")),
        "terms beyond the law": count(
            documents, lambda row: row["payment_terms"] == "90 jours net"
        ),
        "end of month, then 45 days": count(
            documents,
            lambda row: (
                row["payment_terms"] == "fin de mois + 45 jours"
                and row["due_date"]
                and row["due_date"].day in (14, 15)
            ),
        ),
        "45 days, then end of month": count(
            documents,
            lambda row: (
                row["payment_terms"] == "45 jours fin de mois"
                and row["due_date"]
                and (row["due_date"] + timedelta(1)).day == 1
            ),
        ),
        "customer of all entities": count(customers, lambda key: key[1] is None),
        "customer that changes": count(company["customers"], lambda row: row["valid_from"]),
        "customer of all with an own row": len(overlapping),
        "customer of two entities": count(twins.values(), lambda n: n > 1),
        "customer without segment": count(
            customers.values(), lambda row: row["customer_segment"] is None
        ),
        "customer with a parent": count(
            customers.values(), lambda row: row["parent_customer_code"]
        ),
        "terms signed": count(customers.values(), lambda row: row["terms_signed_on"]),
        "terms unsigned": count(customers.values(), lambda row: not row["terms_signed_on"]),
        "doubtful": count(customers.values(), lambda row: row["is_doubtful"]),
        "insolvent": count(customers.values(), lambda row: row["is_insolvent"]),
        "customer not insurable": count(customers.values(), lambda row: not row["is_insurable"]),
        "dispute on an amount": count(company["disputes"], lambda row: row["amount"]),
        "dispute on all": count(company["disputes"], lambda row: not row["amount"]),
        "dispute open": count(company["disputes"], lambda row: not row["closed_on"]),
        "dispute closed": count(company["disputes"], lambda row: row["closed_on"]),
        "two disputes on one": count(per_dispute.values(), lambda n: n > 1),
        "reminder skipped": count(company["reminders"], lambda row: not row["done_on"]),
        "reminder with reason": count(company["reminders"], lambda row: row["non_payment_reason"]),
        "reminder with cost": count(company["reminders"], lambda row: row["cost_amount"]),
        "legal action": count(company["reminders"], lambda row: row["level"] == 5),
        "write-off": len(company["write_offs"]),
        "write-off in part": count(
            company["write_offs"],
            lambda row: (
                row["amount"] < invoices[row["entity_code"], row["invoice_number"]]["gross_amount"]
            ),
        ),
        "limit of all entities": count(limits, lambda key: key[1] is None),
        "limit of an entity": count(limits, lambda key: key[1] is not None),
        "limit that changes": count(limits.values(), lambda n: n > 1),
        "customer without limit": count(
            customers, lambda key: not any(code == key[0] for code, _ in limits)
        ),
        "cover with quota": count(
            company["credit_insurance"], lambda row: (row["quota_rate"] or 1) < 1
        ),
        "cover without quota": count(
            company["credit_insurance"], lambda row: row["quota_rate"] is None
        ),
        "cover without limit": count(insured, lambda key: key not in limits),
        "provision": count(company["provisions"], lambda row: row["provision_amount"]),
        **promise_cases(company),
    }


def promise_cases(company: Company) -> dict[str, int]:
    """How often promises are kept, broken or still open."""
    received: dict[tuple[str, str], list[tuple[date, Decimal]]] = defaultdict(list)
    receipts = {(row["entity_code"], row["receipt_id"]): row for row in company["receipts"]}
    pairs = [
        (receipts[row["entity_code"], row["receipt_id"]], row["invoice_number"], row["amount"])
        for row in company["allocations"]
        if row["receipt_id"] and row["kind"] != "discount"
    ]
    pairs += [
        (row, row["invoice_number"], row["amount"])
        for row in receipts.values()
        if row["invoice_number"]
    ]
    for receipt, number, amount in pairs:
        if not receipt["reversed_on"]:
            received[receipt["entity_code"], number].append((receipt["receipt_date"], amount))
    states = {"promise kept": 0, "promise broken": 0, "promise active": 0}
    for row in company["promises"]:
        coming = sum(
            amount
            for day, amount in received[row["entity_code"], row["invoice_number"]]
            if row["made_on"] <= day <= row["promised_date"]
        )
        kept = coming >= row["amount"]
        late = row["promised_date"] < END
        states["promise kept" if kept else "promise broken" if late else "promise active"] += 1
    return states


def test_every_case_is_there(usual: Company) -> None:
    found = cases(usual)
    assert {case: count for case, count in found.items() if count < 2} == {}


def test_a_small_company_shows_almost_every_case(small: Company) -> None:
    found = cases(small)
    missing = {case for case, count in found.items() if count == 0}
    assert len(missing) <= len(found) // 6, missing
