"""Every KPI is complete: column, declaration, meaning, formula and unit test.

What is a KPI follows from the marts themselves. A column of type double is a ratio, and every ratio
is a KPI; an amount or a count is one where its column declares it, else it is a part.
"""

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from support import PROJECT

MODELS = PROJECT / "models"
FORMULAS = PROJECT / "macros" / "kpi"
GUIDE = PROJECT / "docs" / "kpis.md"
BETTER = {"lower": "at_most", "higher": "at_least"}
UNITS = {"days", "fraction", "ratio", "amount", "count", "index"}
GRAINS = ["day", "month", "quarter", "year"]
KEYS = {"code", "family", "unit", "better", "label", "formula", "source"}
# Grains where they are not month, quarter and year; `matured` where it waits for later rows.
OPTIONAL = {"grains", "matured"}
# `as` names a column, except in a cast.
ALIAS = re.compile(
    r"\bas\s+(?!double\b|decimal\b|bigint\b|integer\b|date\b|varchar\b)((?:\w|\{\{[^{}]*\}\})+)"
)


@dataclass(frozen=True)
class Column:
    """A column of a KPI mart as its YAML declares it."""

    mart: str
    name: str
    data_type: str
    description: str
    kpi: dict[str, Any] | None

    @property
    def place(self) -> str:
        """Where to look, for messages."""
        return f"{self.mart}.{self.name}"

    @property
    def docs_block(self) -> str | None:
        """Name of the docs block that describes the column."""
        found = re.fullmatch(r"\{\{ doc\('(\w+)'\) \}\}", self.description)
        return found[1] if found else None


@cache
def _yaml(key: str) -> list[dict[str, Any]]:
    """Entries of all YAML files of the models under one key."""
    found: list[dict[str, Any]] = []
    for path in sorted(MODELS.rglob("*.yml")):
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
        found.extend(content.get(key) or [])
    return found


@cache
def _columns() -> list[Column]:
    """Columns of all KPI marts."""
    columns = []
    for model in _yaml("models"):
        if not (MODELS / "marts" / "kpi" / f"{model['name']}.sql").is_file():
            continue
        for column in model["columns"]:
            meta = column.get("config", {}).get("meta", {})
            columns.append(
                Column(
                    mart=model["name"],
                    name=column["name"],
                    data_type=column["data_type"],
                    description=column["description"],
                    kpi=meta.get("kpi"),
                )
            )
    return columns


def _kpis() -> list[Column]:
    return [column for column in _columns() if column.kpi]


@cache
def _docs_blocks() -> set[str]:
    text = "\n".join(path.read_text(encoding="utf-8") for path in MODELS.rglob("*.md"))
    return set(re.findall(r"\{% docs (\w+) %\}", text))


@cache
def _sql() -> str:
    return "\n".join(path.read_text(encoding="utf-8") for path in MODELS.rglob("*.sql"))


@cache
def _formulas() -> dict[str, re.Pattern[str]]:
    """Formulas by name, each with what a call of it looks like."""
    return {path.stem: re.compile(rf"\b{path.stem}\(") for path in sorted(FORMULAS.glob("*.sql"))}


def _has_formula(column: Column) -> bool:
    """Whether a formula computes the column in its mart, or one of its name in a model before."""
    name = (column.docs_block or "").removeprefix("kpi_")
    if name in _formulas() and _formulas()[name].search(_sql()):
        return True
    sql = (MODELS / "marts" / "kpi" / f"{column.mart}.sql").read_text(encoding="utf-8")
    start = 0
    for alias in ALIAS.finditer(sql):
        expression, start = sql[start : alias.start()], alias.end()
        # In a loop the name has a part that changes: `as over_{{ days }}_rate`.
        if re.fullmatch(re.sub(r"\{\{[^{}]*\}\}", r"\\w+", alias[1]), column.name) and any(
            call.search(expression) for call in _formulas().values()
        ):
            return True
    return False


def _expected_cells() -> Iterator[tuple[str, str]]:
    """Model and column of every cell that a unit test expects to hold a value."""
    for test in _yaml("unit_tests"):
        rows = test["expect"]["rows"]
        if isinstance(rows, str):  # a query; what it selects comes before its first `from`
            names = re.findall(r"\w+", rows.split("from")[0])
            yield from ((test["model"], name) for name in names)
            continue
        for row in rows:
            yield from ((test["model"], name) for name, value in row.items() if value is not None)


def _guide_columns() -> Iterator[tuple[str, str]]:
    """Mart and name of every column that the guide lists as a KPI."""
    mart = None
    for line in GUIDE.read_text(encoding="utf-8").splitlines():
        if line.startswith("## "):
            found = re.search(r"`marts\.(kpi_\w+)`", line)
            mart = found[1] if found else None
        elif mart and line.startswith("| `"):
            names = re.findall(r"`(\w+)`", line.split("|")[1])
            yield from ((mart, name) for name in names)


def _none(problems: list[str]) -> None:
    assert not problems, "\n" + "\n".join(problems)


def test_every_mart_of_the_folder_is_declared_and_begins_with_the_slice() -> None:
    marts = {path.stem for path in (MODELS / "marts" / "kpi").glob("*.sql")}
    assert marts == {column.mart for column in _columns()}
    macro = (PROJECT / "macros" / "slice_columns.sql").read_text(encoding="utf-8")
    slice_columns = re.findall(r"(?:\}\}\.| as )(\w+),?$", macro, flags=re.MULTILINE)
    for mart in marts:
        names = [column.name for column in _columns() if column.mart == mart]
        assert names[: len(slice_columns)] == slice_columns, mart


def test_every_ratio_is_a_kpi() -> None:
    kpis = {column.name for column in _kpis()}  # another family may repeat one as a part
    _none(
        [
            f"{column.place}: a ratio without `config: {{meta: {{kpi: ...}}}}`"
            for column in _columns()
            if column.data_type == "double" and column.name not in kpis
        ]
    )


def test_every_declaration_is_complete() -> None:
    problems = []
    marts = {column.mart for column in _columns()}
    for column in _kpis():
        kpi = column.kpi or {}
        if not set(kpi) >= KEYS or set(kpi) - KEYS - OPTIONAL:
            problems.append(f"{column.place}: has {sorted(kpi)}, needs {sorted(KEYS)}")
            continue
        if f"kpi_{kpi['family']}" not in marts:
            problems.append(f"{column.place}: there is no mart kpi_{kpi['family']} of its family")
        if kpi["unit"] not in UNITS:
            problems.append(f"{column.place}: unit {kpi['unit']} is none of {sorted(UNITS)}")
        if kpi["better"] not in {*BETTER, "neutral"}:
            problems.append(f"{column.place}: better is lower, higher or neutral")
        if set(kpi["label"]) != {"en", "fr"} or not all(kpi["label"].values()):
            problems.append(f"{column.place}: the label needs en and fr")
        if not set(kpi.get("grains", GRAINS)) <= set(GRAINS):
            problems.append(f"{column.place}: grains are of {GRAINS}")
        problems.extend(
            f"{column.place}: {key} is empty" for key in ("formula", "source") if not kpi[key]
        )
    _none(problems)


def test_a_code_names_one_kpi() -> None:
    codes = [column.kpi["code"] for column in _kpis() if column.kpi]
    _none(sorted({f"{code}: declared twice" for code in codes if codes.count(code) > 1}))


def test_every_kpi_has_a_meaning_and_every_meaning_a_kpi() -> None:
    used = {column.docs_block for column in _kpis()}
    written = {block for block in _docs_blocks() if block.startswith("kpi_")}
    _none(
        [
            f"{column.place}: the description is not {{{{ doc('kpi_...') }}}} with a docs block"
            for column in _kpis()
            if column.docs_block not in written
        ]
        + [f"{block}: a docs block that no KPI uses" for block in sorted(written - used)]
    )


def test_every_ratio_has_a_formula_and_every_formula_a_use() -> None:
    _none(
        [
            f"{column.place}: computed by no formula of macros/kpi/"
            for column in _kpis()
            if column.data_type == "double" and not _has_formula(column)
        ]
        + [
            f"macros/kpi/{name}.sql: no model calls it"
            for name, call in _formulas().items()
            if not call.search(_sql())
        ]
    )


def test_every_kpi_has_a_unit_test() -> None:
    cells = set(_expected_cells())
    upstream = {name for model, name in cells if model.startswith("int_")}
    _none(
        [
            f"{column.place}: no unit test expects a value of it"
            for column in _kpis()
            # A ratio is tested in its mart, an amount or a count also where it is measured.
            if (column.mart, column.name) not in cells
            and (column.data_type == "double" or column.name not in upstream)
        ]
    )


def test_what_the_guide_lists_are_kpis() -> None:
    kpis = {(column.mart, column.name) for column in _kpis()}
    _none(
        [
            f"docs/kpis.md: {mart}.{name} is no column with a declaration as a KPI"
            for mart, name in _guide_columns()
            if (mart, name) not in kpis
        ]
    )


def test_targets_are_about_kpis_and_point_the_right_way() -> None:
    kpis = {column.kpi["code"]: column.kpi for column in _kpis() if column.kpi}
    with Path(PROJECT / "seeds" / "kpi_targets.csv").open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            code = row["kpi_code"]
            assert code in kpis, f"kpi_targets.csv: {code} is no KPI"
            expected = BETTER.get(kpis[code]["better"], row["direction"])
            assert row["direction"] == expected, f"kpi_targets.csv: {code} is better {expected}"


@pytest.mark.parametrize("suffix", ["_rate", "_ratio", "_index", "_share"])
def test_what_is_called_a_ratio_is_stored_as_one(suffix: str) -> None:
    _none(
        [
            f"{column.place}: is {column.data_type}, ratios are double"
            for column in _columns()
            if column.name.endswith(suffix) and column.data_type != "double"
        ]
    )
