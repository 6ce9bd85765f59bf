"""What formats with columns of their own give to the feeds, unless a source YAML says otherwise.

Their columns are those of `encours.einvoices` and `encours.bank_statements`.
"""

from collections.abc import Mapping
from typing import Any

Standard = Mapping[str, Mapping[str, Any]]
"""By feed: canonical columns, `where` and `on_duplicate_key`, written as in a source YAML."""

_INVOICES: Standard = {
    "invoices": {
        "entity_code": "seller_code",
        "invoice_number": "document_number",
        "customer_code": "buyer_code",
        "issue_date": "issue_date",
        "due_date": "due_date",
        "gross_amount": "gross_amount",
        "net_amount": "net_amount",
        "currency_code": "currency_code",
        "document_type": "document_type",
        "applies_to_invoice_number": "applies_to_invoice_number",
        "payment_terms": "payment_terms",
        "is_factored": "is_factored",
    },
    "customers": {
        "customer_code": "buyer_code",
        "customer_name": "buyer_name",
        "country_code": "buyer_country_code",
        "registration_number": "buyer_registration_number",
        "on_duplicate_key": "last",  # a buyer stands on each of its invoices
    },
    "entities": {
        "entity_code": "seller_code",
        "entity_name": "seller_name",
        "country_code": "seller_country_code",
        "on_duplicate_key": "last",
    },
}
_STATEMENTS: Standard = {
    "receipts": {
        "where": "status = 'BOOK' and kind in ('receipt', 'reversal')",
        "receipt_id": "receipt_id",
        "customer_code": "customer_code",
        "receipt_date": {"sql": "coalesce(booking_date, value_date)"},
        "amount": "amount",
        "currency_code": "currency_code",
        "method": "method",
        "reference": "reference",
        "invoice_number": "invoice_number",
    },
}
STANDARD: Mapping[str, Standard] = {
    "ubl": _INVOICES,
    "cii": _INVOICES,
    "facturx": _INVOICES,
    "camt": _STATEMENTS,
}
_SUPPLIED = {"ubl": ("invoices", "customers"), "camt": ("receipts",)}
_SUPPLIED |= {"cii": _SUPPLIED["ubl"], "facturx": _SUPPLIED["ubl"]}


def completed(entry: Any, defaults: Any) -> Any:
    """One entry of `files`, completed by what is standard for its format.

    A column that the entry maps is left as it is. `where` narrows the standard one. The entity
    code of the source's defaults counts before the identifier of the seller.

    Args:
        entry: As it is written; what is not an entry of such a format is returned as it is.
        defaults: The defaults of the source, as they are written.
    """
    if not isinstance(entry, dict) or entry.get("format") not in STANDARD:
        return entry
    kind = entry["format"]
    feeds = entry.get("feeds", dict.fromkeys(_SUPPLIED[kind]))
    if not isinstance(feeds, dict):
        return entry
    known = defaults if isinstance(defaults, dict) else {}
    return entry | {
        "feeds": {
            name: _completed_feed(STANDARD[kind].get(name), own, known)
            for name, own in feeds.items()
        }
    }


def _completed_feed(standard: Mapping[str, Any] | None, own: Any, defaults: dict[str, Any]) -> Any:
    if standard is None or not isinstance(own, dict | None):
        return own
    given = own or {}
    mapping = {
        name: origin
        for name, origin in standard.items()
        if not (name == "entity_code" and name in defaults)
    } | given
    if "where" in standard and isinstance(given.get("where"), str):
        mapping["where"] = f"({standard['where']}) and (\n{given['where']}\n)"
    return mapping
