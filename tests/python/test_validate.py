"""The second gate: deliveries that are not like the earlier ones stop, or are noted."""

import html
import json
import re
import shutil
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import duckdb
import pytest
import yaml
from encours import quality
from encours.errors import UsageError
from encours.sources import load_source
from support import Feeds, run_encours, write_feeds

LAST = datetime.now(UTC).date() - timedelta(1)


def _feeds(last: date = LAST) -> Feeds:
    """Ninety days of one invoice a day, paid twenty days later, as delivered on a day."""
    invoices: list[dict[str, Any]] = []
    receipts: list[dict[str, Any]] = []
    for number in range(90):
        issued = LAST - timedelta(89 - number)
        amount = Decimal(100 + number % 7)
        document: dict[str, Any] = {
            "entity_code": f"E{number % 2}",
            "customer_code": f"C{number % 5}",
            "currency_code": "EUR",
        }
        if issued <= last:
            invoices.append(
                document
                | {
                    "invoice_number": f"F{number}",
                    "issue_date": issued,
                    "due_date": issued + timedelta(30),
                    "gross_amount": amount,
                    "payment_terms": "30 jours",
                }
            )
        if issued + timedelta(20) <= last:
            receipts.append(
                document
                | {
                    "receipt_id": f"R{number}",
                    "receipt_date": issued + timedelta(20),
                    "amount": amount,
                    "invoice_number": f"F{number}",
                }
            )
    return {"invoices": invoices, "receipts": receipts}


def _expect(source: Path, section: dict[str, Any]) -> None:
    content = yaml.safe_load(source.read_text(encoding="utf-8"))
    source.write_text(yaml.safe_dump({**content, "quality": section}), encoding="utf-8")


def _published(home: Path) -> tuple[Any, ...]:
    with duckdb.connect(str(home / "encours.duckdb"), read_only=True) as connection:
        row = connection.execute(
            "select run_id, validation, data_docs from audit.runs where is_current"
        ).fetchone()
        assert row is not None
        return row


def _issues(home: Path, code: str) -> list[tuple[Any, ...]]:
    with duckdb.connect(str(home / "encours.duckdb"), read_only=True) as connection:
        return connection.execute(
            "select severity, feed, source_name, record_key, description, first_seen_run, "
            "last_seen_run, is_open from audit.data_issues where issue_code = ? order by all",
            [code],
        ).fetchall()


def _last_run(home: Path) -> dict[str, Any]:
    path = max((home / "runs").glob("*/run.json"))
    record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return record


def _data_docs(home: Path) -> str:
    """The words of the pages that the last run kept."""
    pages = (home / _last_run(home)["data_docs"]).parent
    text = " ".join(path.read_text(encoding="utf-8") for path in sorted(pages.rglob("*.html")))
    assert not re.search(r"<(script|link|img)[^>]*https?:", text), "a page asks the network"
    links = re.findall(r'href="([^"]+)"', (pages / "index.html").read_text(encoding="utf-8"))
    assert links
    assert all((pages / unquote(link)).is_file() for link in links)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


@pytest.fixture(scope="module")
def daily(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home folder to which two days were delivered and published."""
    folder = tmp_path_factory.mktemp("daily")
    for days in (2, 1):
        source = write_feeds(_feeds(LAST - timedelta(days)), folder / "inbox")
        result = run_encours("run", source, "--home", folder / "home")
        assert "expect" not in result.stdout
    run_id, validation, data_docs = _published(folder / "home")
    assert validation == "passed"
    assert data_docs == f"runs/{run_id}/data_docs/index.html"
    assert (folder / "home" / data_docs).is_file()
    return folder


@pytest.fixture
def home(daily: Path, tmp_path: Path) -> Path:
    shutil.copytree(daily / "home", tmp_path / "home", symlinks=True)
    return tmp_path / "home"


def _halved(feeds: Feeds) -> None:
    feeds["invoices"] = feeds["invoices"][::2] + feeds["invoices"][-1:]


def _late(feeds: Feeds) -> None:
    feeds["invoices"] = _feeds(LAST - timedelta(8))["invoices"]
    feeds["receipts"] = [
        row
        for row in feeds["receipts"]
        if row["invoice_number"] in {invoice["invoice_number"] for invoice in feeds["invoices"]}
    ]


def _emptied(feeds: Feeds) -> None:
    for row in feeds["invoices"]:
        row["payment_terms"] = None


def _is_stopped(home: Path, said: str, words: str) -> None:
    """A run that published nothing said why, and so do its pages."""
    assert "error: invoices of hand_made: " in said
    assert words in said
    assert "Nothing was published" in said
    assert words in _data_docs(home)
    assert re.search(r"Expectations invoices of hand_made \d failed ", _data_docs(home))
    failed = _last_run(home)
    assert (failed["status"], failed["validation"]) == ("failed", "failed")


_HALVED = "of the 89 last published ones; at least 60%"


@pytest.fixture(scope="module")
def stopped(daily: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in whose `home` half a delivery was stopped."""
    folder = tmp_path_factory.mktemp("stopped")
    shutil.copytree(daily / "home", folder / "home", symlinks=True)
    before = _published(folder / "home")
    feeds = _feeds()
    _halved(feeds)
    source = write_feeds(feeds, folder / "inbox")
    result = run_encours("run", source, "--home", folder / "home", status=1)
    assert _published(folder / "home") == before
    _is_stopped(folder / "home", result.stderr, _HALVED)
    return folder


@pytest.fixture
def stopped_home(stopped: Path, tmp_path: Path) -> Path:
    shutil.copytree(stopped / "home", tmp_path / "home", symlinks=True)
    return tmp_path / "home"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_late, f"The newest date is {LAST - timedelta(8)}, 9 days before"),
        (_emptied, "payment_terms is filled in 0.0% of the rows, 100.0% before"),
    ],
)
def test_a_delivery_unlike_the_earlier_ones_publishes_nothing(
    home: Path, tmp_path: Path, change: Any, words: str
) -> None:
    before = _published(home)
    feeds = _feeds()
    change(feeds)
    source = write_feeds(feeds, tmp_path / "inbox")
    result = run_encours("run", source, "--home", home, status=1)
    assert _published(home) == before
    _is_stopped(home, result.stderr, words)


@pytest.mark.slow
def test_half_a_delivery_publishes_nothing_until_it_is_said_to_be_right(
    stopped: Path, stopped_home: Path
) -> None:
    home, source = stopped_home, stopped / "inbox" / "source.yml"
    before, failed = _published(home), _last_run(home)
    # The same again does not become right by being repeated, and cannot be published.
    run_encours("validate", "--home", home, status=1)
    run_encours("publish", "--home", home, status=2)
    assert _published(home) == before
    # Said to be right, it is noted, published and listed.
    _expect(source, {"feeds": {"invoices": dict.fromkeys(quality.SECTIONS, _WARNING)}})
    result = run_encours("validate", source, "--home", home)
    assert "warning: invoices of hand_made: " in result.stdout
    assert _HALVED in result.stdout
    run_encours("publish", "--home", home)
    run_id, validation, _ = _published(home)
    assert (run_id, validation) == (failed["run_id"], "noted")
    ((severity, feed, name, _, description, first, last, is_open),) = [
        issue for issue in _issues(home, "quality_volume_fell") if issue[1] == "invoices"
    ]
    assert (severity, feed, name, is_open) == ("warning", "invoices", "hand_made", True)
    assert _HALVED in description
    assert first == last == run_id


_WARNING = {"severity": "warning"}


@pytest.mark.slow
def test_a_corrected_delivery_is_compared_with_what_was_published_and_the_finding_stays_known(
    stopped_home: Path, tmp_path: Path
) -> None:
    home = stopped_home
    stopped = _last_run(home)["run_id"]
    feeds = _feeds()
    feeds["invoices"][-1]["currency_code"] = feeds["receipts"][-1]["currency_code"] = "EUR"
    feeds["invoices"][-1]["entity_code"] = "E7"
    source = write_feeds(feeds, tmp_path / "inbox")
    result = run_encours("run", source, "--home", home)
    assert "entity_code has codes that it never had: E7" in result.stdout
    ((severity, *_, first, last, is_open),) = _issues(home, "quality_volume_fell")
    assert (severity, first, last, is_open) == ("error", stopped, stopped, False)
    ((severity, *_, is_open),) = _issues(home, "quality_new_code")
    assert (severity, is_open) == ("warning", True)
    with duckdb.connect(str(home / "encours.duckdb"), read_only=True) as connection:
        failed = connection.execute(
            "select run_id, validation, data_docs from audit.runs where status = 'failed'"
        ).fetchall()
    assert failed == [(stopped, "failed", f"runs/{stopped}/data_docs/index.html")]
    assert "Nothing new" in run_encours("run", source, "--home", home).stdout


def test_what_a_source_expects_overrides_the_defaults_for_all_its_feeds_or_for_one(
    tmp_path: Path,
) -> None:
    source = write_feeds(_feeds(), tmp_path)
    _expect(
        source,
        {
            "volume": {"min_ratio": 0.3},
            "feeds": {"receipts": {"volume": {"severity": "ignore"}}},
        },
    )
    section = load_source(source).quality
    default = quality.defaults().volume
    assert quality.of_feed(section, "invoices").volume.min_ratio == 0.3
    assert quality.of_feed(section, "invoices").volume.severity == default.severity
    assert quality.of_feed(section, "receipts").volume.severity == "ignore"
    assert quality.of_feed(section, "receipts").volume.min_ratio == 0.3
    assert quality.of_feed({}, "receipts").volume == default


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"volumes": {}}, "quality.volumes: is not known here. Did you mean 'volume'?"),
        (
            {"volume": {"min_rate": 1}},
            "quality.volume.min_rate: is not known here. Did you mean 'min_ratio'?",
        ),
        ({"volume": {"severity": "fatal"}}, "quality.volume.severity: 'fatal' is not one of"),
        ({"volume": {"min_ratio": "half"}}, "quality.volume.min_ratio: "),
        ({"feeds": {"invoice": {}}}, "quality.feeds.invoice: there is no such feed."),
        (
            {"feeds": {"invoices": {"volume": {"min_rows": -1}}}},
            "quality.feeds.invoices.volume.min_rows: ",
        ),
    ],
)
def test_what_a_source_expects_is_checked(
    tmp_path: Path, section: dict[str, Any], message: str
) -> None:
    source = write_feeds(_feeds(), tmp_path)
    _expect(source, section)
    with pytest.raises(UsageError) as error:
        load_source(source)
    assert re.search(rf"source\.yml:\d+: {re.escape(message)}", str(error.value))
