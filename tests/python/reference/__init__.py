"""Slow and obvious reference of the warehouse: the same figures, by adding up movements.

It shares no code, no SQL and no algorithm with the models. Read `ledger` first, then `kpis`.
"""
