"""The page docs/kpi-catalogue.md, written from the columns' meta and the docs blocks.

    python scripts/write_kpi_docs.py [--check]

With `--check` nothing is written: it ends with 1 where the page is not what it should be.
"""

import argparse
import re
import sys
from pathlib import Path
from typing import Any

import yaml
from encours.project import PROJECT_FOLDER

_MARTS = PROJECT_FOLDER / "models" / "marts"
_PAGE = PROJECT_FOLDER / "docs" / "kpi-catalogue.md"
_BLOCK = re.compile(r"{%\s*docs\s+(\w+)\s*%}(.*?){%\s*enddocs\s*%}", re.DOTALL)
_DOC = re.compile(r"{{\s*doc\('(\w+)'\)\s*}}")

_HEAD = """# KPI catalogue

Written by `scripts/write_kpi_docs.py` from the models; `audit.kpi_catalogue` has the same in the
warehouse. Names in formulas are columns of the same row; `x` is times. A ratio is NULL where
what it divides by is zero or negative. The rules behind are in [kpis.md](kpis.md) and in the
[decisions](adr/).
"""


def page() -> str:
    """The whole page, one section per mart with its KPIs in the order of the columns."""
    blocks = {
        name: text.strip()
        for path in sorted(_MARTS.rglob("*.md"))
        for name, text in _BLOCK.findall(path.read_text(encoding="utf-8"))
    }
    parts = [_HEAD]
    for path in sorted(_MARTS.rglob("_kpi_*__models.yml")):
        for model in yaml.safe_load(path.read_text(encoding="utf-8"))["models"]:
            parts.append(f"\n## `marts.{model['name']}`\n\n{model['description'].strip()}\n")
            for column in model["columns"]:
                kpi = column.get("config", {}).get("meta", {}).get("kpi")
                if kpi:
                    parts.append(_section(column, kpi, blocks))
    return "".join(parts)


def _section(column: dict[str, Any], kpi: dict[str, Any], blocks: dict[str, str]) -> str:
    description = _DOC.sub(lambda match: blocks[match[1]], str(column["description"])).strip()
    meaning = description.split("\n\n")[0].replace("\n", " ")
    label = kpi["label"]
    lines = [
        f"\n### `{column['name']}`\n",
        f"{label['en']} · {label['fr']}\n",
        f"{meaning}\n",
        f"- formula: {_formula(str(kpi['formula']))}",
        f"- unit: {kpi['unit']}; better: {kpi['better']}",
        f"- source: {kpi['source']}",
    ]
    return "\n".join(lines) + "\n"


def _formula(text: str) -> str:
    return f"`{text}`" if re.fullmatch(r"[a-z0-9_ ()/+.-]+", text) and "_" in text else text


def main() -> int:
    """Write the page, or check it; 1 when it is not up to date."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true")
    wanted = page()
    if not parser.parse_args().check:
        _PAGE.write_text(wanted, encoding="utf-8")
        return 0
    current = _PAGE.read_text(encoding="utf-8") if Path(_PAGE).is_file() else ""
    if current != wanted:
        sys.stderr.write(f"{_PAGE} is not up to date: python scripts/write_kpi_docs.py\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
