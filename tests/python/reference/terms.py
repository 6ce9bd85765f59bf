"""Payment terms as people write them, and the due dates they give."""

from __future__ import annotations

import unicodedata
from datetime import date, timedelta
from typing import NamedTuple

IMMEDIATE = {"a reception", "comptant", "immediate", "due on receipt"}
DAYS = {"jour", "jours", "day", "days"}
END_OF_MONTH = ("fin de mois", "end of month", "eom", "fdm")
ON_THE = ("le ", "on the ")


class Terms(NamedTuple):
    """Readable payment terms.

    Args:
        days: Days to pay.
        end_of_month: `none`, `after_days` (days, then end of month) or `before_days` (end of month,
            then days).
        day_of_month: Day of the month after that one on which payments are made, if any.
    """

    days: int
    end_of_month: str = "none"
    day_of_month: int | None = None


def terms_of(text: str | None) -> Terms | None:
    """Read payment terms; None where they are empty or say something else."""
    plain = _plain(text or "")
    if plain in IMMEDIATE:
        return Terms(0)
    for end_of_month in END_OF_MONTH:
        before, found, after = f" {plain} ".partition(f" {end_of_month} ")
        if found:
            return _monthly_terms(before.strip(), after.strip())
    if plain.isdigit():
        return None  # a code, or days?
    words = plain.split()
    if words[:1] == ["net"]:
        words = words[1:]
    elif words[-1:] in (["net"], ["nets"]):
        words = words[:-1]
    days = _days(" ".join(words))
    return None if days is None else Terms(days)


def _monthly_terms(before: str, after: str) -> Terms | None:
    """Terms with an end of month, from what is written before and after it."""
    if after.startswith("+"):
        days = _days(after.removeprefix("+").strip())
        return None if before or days is None else Terms(days, "before_days")
    if not after and before.endswith(" from"):
        days = _days(before.removesuffix(" from"))
        return None if days is None else Terms(days, "before_days")
    days = _days(before) if before else 0
    if days is None:
        return None
    if not after:
        return Terms(days, "after_days")
    for on_the in ON_THE:
        day = after.removeprefix(on_the)
        if day != after and day.isdigit() and 1 <= int(day) <= 31:
            return Terms(days, "after_days", int(day))
    return None


def due_date_of(terms: Terms, issue_date: date) -> date:
    """Day on which an invoice issued on a day is due."""
    if terms.end_of_month == "none":
        return issue_date + timedelta(days=terms.days)
    if terms.end_of_month == "before_days":
        return end_of_month(issue_date) + timedelta(days=terms.days)
    month_end = end_of_month(issue_date + timedelta(days=terms.days))
    if terms.day_of_month is None:
        return month_end
    following = month_end + timedelta(days=1)
    return min(end_of_month(following), following + timedelta(days=terms.day_of_month - 1))


def end_of_month(day: date) -> date:
    """Last day of the month of a day."""
    while (day + timedelta(days=1)).month == day.month:
        day += timedelta(days=1)
    return day


def _plain(text: str) -> str:
    """Lower case, without accents, words set apart by single spaces, `+` as a word."""
    letters = unicodedata.normalize("NFKD", text.lower())
    bare = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return " ".join(bare.replace("+", " + ").split())


def _days(text: str) -> int | None:
    """Number of days in words such as `45`, `45 jours`."""
    words = text.split()
    if len(words) == 2 and words[1] in DAYS:
        words = words[:1]
    if len(words) != 1 or not words[0].isdigit():
        return None
    return int(words[0])
