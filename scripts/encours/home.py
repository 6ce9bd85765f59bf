"""The home folder: where everything lies, who may write, and how a file is written whole."""

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from encours.errors import HomeBusyError, UsageError


@dataclass(frozen=True)
class Home:
    """The paths below one home folder; nothing is created before it is needed."""

    path: Path

    @property
    def lake(self) -> Path:
        """Folder of everything that was ingested; its files never change."""
        return self.path / "lake"

    @property
    def loads(self) -> Path:
        """Folder of the manifests, one per load; a load without one does not exist."""
        return self.lake / "loads"

    @property
    def rejected(self) -> Path:
        """Folder of the refused rows, one file per ingestion that refused any."""
        return self.lake / "rejected"

    @property
    def build_database(self) -> Path:
        """Database in which dbt works; readers never open it."""
        return self.path / "build.duckdb"

    @property
    def published_database(self) -> Path:
        """Database that readers open, read-only."""
        return self.path / "encours.duckdb"

    @property
    def docs(self) -> Path:
        """Page that describes the published tables and how each is made."""
        return self.path / "docs.html"

    @property
    def runs(self) -> Path:
        """Folder of logs and results, one folder per run."""
        return self.path / "runs"

    @property
    def closes(self) -> Path:
        """Folder of the closed periods, one folder per closing or reopening; never changed."""
        return self.path / "closes"

    @property
    def quality(self) -> Path:
        """What the sources expect of their deliveries, as last read."""
        return self.path / "quality.json"

    @property
    def scratch(self) -> Path:
        """Folder of an ingestion at work; what a killed one leaves is removed by the next."""
        return self.path / "scratch"

    def raw(self, feed: str) -> Path:
        """Folder of the accepted rows of one feed, one Parquet file per load."""
        return self.lake / "raw" / feed

    def deleted(self, feed: str) -> Path:
        """Folder of the keys of one feed that sources no longer have, one file per load."""
        return self.lake / "deleted" / feed

    @contextmanager
    def lock(self) -> Iterator[None]:
        """Hold the home folder; may be nested within one process.

        The system frees the lock when the process dies, however it dies.

        Raises:
            HomeBusyError: Another process holds it.
            UsageError: It cannot be written.
        """
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            lock = FileLock(self.path.resolve() / ".lock", is_singleton=True)
            lock.acquire(timeout=0)
        except OSError as error:
            if isinstance(error, Timeout):
                raise HomeBusyError(
                    f"{self.path}: another run holds this home folder. "
                    "Wait until it has ended, or give another folder with --home."
                ) from error
            raise UsageError(
                f"{self.path.resolve()}: this home folder cannot be written ({error.strerror}). "
                "Give another with --home, or ask for the rights."
            ) from error
        try:
            yield
        finally:
            lock.release()


def write_whole(path: Path, content: bytes) -> None:
    """Write a file so that, after any crash, it is there in full or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(path.name + ".unfinished")
    with unfinished.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    move_whole(unfinished, path)


def write_json(path: Path, content: Any) -> None:
    """Write a JSON document so that, after any crash, it is there in full or not at all."""
    write_whole(path, json_bytes(content))


def json_bytes(content: Any) -> bytes:
    """A JSON document as this project writes it."""
    return json.dumps(content, ensure_ascii=False, indent=2).encode() + b"\n"


def move_whole(written: Path, path: Path) -> None:
    """Give a file that is written and on disk its name, and make the name last a crash."""
    path.parent.mkdir(parents=True, exist_ok=True)
    written.replace(path)
    sync_folder(path.parent)


def sync_file(path: Path) -> None:
    """Have the system put a file that another library wrote on disk."""
    with path.open("rb+") as stream:
        os.fsync(stream.fileno())


def sync_folder(path: Path) -> None:
    """Have the system put the names in a folder on disk."""
    if os.name == "nt":  # Windows cannot open folders, and does not need this
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
