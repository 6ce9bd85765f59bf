"""The dbt project that the package belongs to, and the hash of everything a figure depends on."""

import hashlib
import subprocess
from functools import cache
from importlib.metadata import version
from pathlib import Path

from encours.hashes import file_sha256

PROJECT_FOLDER = Path(__file__).resolve().parents[2]
PROFILES_FOLDER = PROJECT_FOLDER / "profiles"

# What decides figures: models, formulas, reference tables, the tests that let them pass, and
# the code that reads files.
_CODE = ("dbt_project.yml", "models", "macros", "seeds", "tests/dbt", "profiles", "scripts")
_SUFFIXES = {".sql", ".yml", ".csv", ".py", ".md"}


def code_sha256() -> str:
    """Hash of the models, formulas, seeds, reading code, and versions of the engines."""
    digest = hashlib.sha256()
    for place in _CODE:
        root = PROJECT_FOLDER / place
        for path in sorted(root.rglob("*")) if root.is_dir() else [root]:
            if path.suffix in _SUFFIXES and path.is_file():
                digest.update(path.relative_to(PROJECT_FOLDER).as_posix().encode() + b"\0")
                digest.update(hashlib.sha256(path.read_bytes()).digest())
    for package in ("dbt-core", "dbt-duckdb", "duckdb", "sqlglot"):
        digest.update(f"{package}=={version(package)}\n".encode())
    return digest.hexdigest()


def seeds_sha256() -> dict[str, str]:
    """Hashes of the reference tables, by name."""
    return {path.stem: file_sha256(path) for path in sorted(PROJECT_FOLDER.glob("seeds/*.csv"))}


@cache
def git_commit() -> str | None:
    """The commit that is checked out, with `+changes` where files differ; None outside git."""
    try:
        commit = _git("rev-parse", "HEAD")
        changed = _git("status", "--porcelain", "--untracked-files=no")
    except (OSError, subprocess.CalledProcessError):
        return None
    return f"{commit}+changes" if changed else commit


def _git(*arguments: str) -> str:
    result = subprocess.run(
        ["git", "-C", str(PROJECT_FOLDER), *arguments],  # noqa: S607  the git of the shell
        check=True,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )
    return result.stdout.strip()
