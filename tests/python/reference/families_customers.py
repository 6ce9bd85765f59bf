"""Dunning, promises, disputes, credit exposure, losses and cash cycle."""

from __future__ import annotations

from reference.figures import Table

TABLES: dict[str, Table] = {}
