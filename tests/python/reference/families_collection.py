"""Collection, payment behaviour and invoicing."""

from __future__ import annotations

from reference.figures import Table

TABLES: dict[str, Table] = {}
