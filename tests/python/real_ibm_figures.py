"""On-time rate, days to pay and days late of the IBM late-payments file, straight from the CSV.

    python tests/python/real_ibm_figures.py FOLDER/accounts_receivable.csv

It shares nothing with the warehouse: every invoice is paid in full on its `SettledDate`, so a
receipt is a line of the file. Prints one line per quarter and entity, and `ALL`.
"""

import csv
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from pathlib import Path


@dataclass
class Figures:
    """Sums over the invoices of an entity; amounts in USD."""

    fell_due: Decimal = Decimal(0)
    on_time: Decimal = Decimal(0)
    received: Decimal = Decimal(0)
    days_to_pay: Decimal = Decimal(0)
    days_late: Decimal = Decimal(0)

    def values(self) -> tuple[float | None, float | None, float | None]:
        """On-time rate, days to pay and days late, the last two weighted by amount."""
        return (
            float(self.on_time / self.fell_due) if self.fell_due else None,
            float(self.days_to_pay / self.received) if self.received else None,
            float(self.days_late / self.received) if self.received else None,
        )


def _day(text: str) -> date:
    month, day, year = map(int, text.split("/"))
    return date(year, month, day)


def _quarter(day: date) -> date:
    return date(day.year, (day.month - 1) // 3 * 3 + 1, 1)


def _invoices(path: Path) -> Iterator[tuple[str, date, date, date, Decimal]]:
    with path.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            yield (
                row["countryCode"],
                _day(row["InvoiceDate"]),
                _day(row["DueDate"]),
                _day(row["SettledDate"]),
                Decimal(row["InvoiceAmount"]),
            )


def figures(path: Path) -> dict[tuple[date, str], Figures]:
    """Sums by first day of the quarter and entity, over invoices that fell due or were paid then.

    Args:
        path: The CSV file.
    """
    found: dict[tuple[date, str], Figures] = defaultdict(Figures)
    invoices = list(_invoices(path))
    last_day = max(settled for _, _, _, settled, _ in invoices)
    for country, issued, due, settled, amount in invoices:
        for entity in (country, "ALL"):
            if due <= last_day:
                of_due = found[_quarter(due), entity]
                of_due.fell_due += amount
                of_due.on_time += amount if settled <= due else 0
            of_receipt = found[_quarter(settled), entity]
            of_receipt.received += amount
            of_receipt.days_to_pay += amount * (settled - issued).days
            of_receipt.days_late += amount * (settled - due).days
    return dict(found)


if __name__ == "__main__":
    for (start, code), sums in sorted(figures(Path(sys.argv[1])).items()):
        rates = ("" if value is None else f"{value:.6f}" for value in sums.values())
        sys.stdout.write(" ".join((str(start), code, *rates)) + "\n")
