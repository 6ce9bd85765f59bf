"""Hand-made companies that every comparison includes, one entity each.

A case is what `companies.text_of` prints of a failing company: paste it here under a name that says
what it is about. The rows have no entity; dates lie between `FIRST_DAY` and a little after `AS_OF`
of `reference.companies`.
"""

from __future__ import annotations

Case = dict[str, list[dict[str, str]]]

REGRESSIONS: dict[str, Case] = {
    "a receipt bounces before and after the days of its allocations": {
        "invoices": [
            {
                "invoice_number": "1",
                "customer_code": "C1",
                "issue_date": "2024-01-31",
                "due_date": "2024-02-29",
                "gross_amount": "100.00",
                "currency_code": "EUR",
            },
        ],
        "receipts": [
            {
                "receipt_id": "R1",
                "customer_code": "C1",
                "receipt_date": "2024-03-10",
                "amount": "100.00",
                "currency_code": "EUR",
                "reversed_on": "2024-03-31",
            },
        ],
        "allocations": [
            {
                "allocation_id": "A1",
                "invoice_number": "1",
                "amount": "60.00",
                "kind": "receipt",
                "receipt_id": "R1",
            },
            {
                "allocation_id": "A2",
                "invoice_number": "1",
                "amount": "40.00",
                "allocation_date": "2024-04-02",
                "receipt_id": "R1",
            },
            {
                "allocation_id": "A3",
                "invoice_number": "1",
                "amount": "2.00",
                "kind": "discount",
                "receipt_id": "R1",
            },
        ],
    },
    "a payment of too much stays on the invoice, in its bucket, and ages there": {
        "invoices": [
            {
                "invoice_number": "1",
                "customer_code": "C2",
                "issue_date": "2023-12-01",
                "due_date": "2023-12-31",
                "gross_amount": "100.00",
                "currency_code": "EUR",
            },
        ],
        "receipts": [
            {
                "receipt_id": "R1",
                "customer_code": "C3",
                "receipt_date": "2024-01-15",
                "amount": "130.00",
                "currency_code": "EUR",
                "invoice_number": "1",
            },
        ],
        "disputes": [
            {
                "dispute_id": "D1",
                "invoice_number": "1",
                "opened_on": "2023-11-01",
                "amount": "500.00",
            },
        ],
    },
    "two documents of opposite sign leave a slice at zero with open items": {
        "invoices": [
            {
                "invoice_number": "1",
                "customer_code": "C1",
                "issue_date": "2024-02-10",
                "due_date": "2024-03-10",
                "gross_amount": "100.00",
                "currency_code": "EUR",
            },
            {
                "invoice_number": "2",
                "customer_code": "C1",
                "issue_date": "2024-02-10",
                "due_date": "2024-03-10",
                "gross_amount": "50.00",
                "currency_code": "EUR",
            },
        ],
        "receipts": [
            {
                "receipt_id": "R1",
                "customer_code": "C1",
                "receipt_date": "2024-02-20",
                "amount": "150.00",
                "currency_code": "EUR",
                "invoice_number": "2",
            },
        ],
    },
    "an invoice that an allocation names as its credit note gives nothing": {
        "invoices": [
            {
                "invoice_number": "1",
                "customer_code": "C1",
                "issue_date": "2024-01-10",
                "due_date": "2024-02-09",
                "gross_amount": "100.00",
                "currency_code": "EUR",
            },
            {
                "invoice_number": "2",
                "customer_code": "C1",
                "issue_date": "2024-01-10",
                "due_date": "2024-02-09",
                "gross_amount": "50.00",
                "currency_code": "EUR",
            },
        ],
        "allocations": [
            {
                "allocation_id": "A1",
                "invoice_number": "2",
                "amount": "30.00",
                "kind": "credit_note",
                "credit_note_number": "1",
            },
        ],
    },
    "a receipt numbered like the invoice it pays comes on the due date, not late": {
        "invoices": [
            {
                "invoice_number": "1",
                "customer_code": "C2",
                "issue_date": "2024-04-01",
                "due_date": "2024-05-16",
                "gross_amount": "1000.00",
                "currency_code": "USD",
            },
        ],
        "receipts": [
            {
                "receipt_id": "1",
                "customer_code": "C2",
                "receipt_date": "2024-05-16",
                "amount": "1000.00",
                "currency_code": "USD",
                "invoice_number": "1",
            },
        ],
    },
    "a month's revenue covers what is open, but for the rounding of its conversion": {
        "invoices": [
            {
                "invoice_number": "1",
                "customer_code": "C1",
                "issue_date": "2024-02-19",
                "gross_amount": "50.00",
                "currency_code": "GBP",
            },
            {
                "invoice_number": "2",
                "customer_code": "C1",
                "issue_date": "2024-04-23",
                "gross_amount": "0.01",
                "currency_code": "GBP",
            },
        ],
        "receipts": [
            {
                "receipt_id": "R1",
                "customer_code": "C1",
                "receipt_date": "2024-04-27",
                "amount": "50.00",
                "currency_code": "GBP",
            },
        ],
    },
    "an invoice without a due date never falls due, whatever day it is booked on": {
        "invoices": [
            {
                "invoice_number": "1",
                "customer_code": "C1",
                "issue_date": "2024-02-19",
                "gross_amount": "50.00",
                "currency_code": "EUR",
            },
        ],
        "receipts": [
            {
                "receipt_id": "R1",
                "customer_code": "C1",
                "receipt_date": "2024-03-01",
                "amount": "20.00",
                "currency_code": "EUR",
                "invoice_number": "1",
            },
        ],
    },
    "reminders and promises of an invoice that the as-of day does not know yet": {
        "invoices": [
            {
                "invoice_number": "1",
                "customer_code": "C3",
                "issue_date": "2024-05-28",
                "due_date": "2024-06-28",
                "gross_amount": "100.00",
                "currency_code": "EUR",
            },
            {
                "invoice_number": "2",
                "customer_code": "C3",
                "issue_date": "2024-02-26",
                "due_date": "2024-03-27",
                "gross_amount": "100.00",
                "currency_code": "EUR",
            },
        ],
        "reminders": [
            {
                "reminder_id": "M1",
                "invoice_number": "1",
                "planned_on": "2024-05-04",
                "done_on": "2024-05-13",
                "level": "5",
                "cost_amount": "7",
                "non_payment_reason": "CASH",
            },
        ],
        "promises": [
            {
                "promise_id": "P1",
                "invoice_number": "1",
                "made_on": "2024-05-04",
                "promised_date": "2024-05-10",
                "amount": "100.00",
            },
        ],
        "disputes": [
            {"dispute_id": "D1", "invoice_number": "1", "opened_on": "2024-05-04"},
        ],
    },
    "a dispute of an open credit that was used for more than it is worth": {
        "invoices": [
            {
                "invoice_number": "1",
                "customer_code": "C2",
                "issue_date": "2024-04-17",
                "gross_amount": "-22.57",
                "currency_code": "EUR",
                "document_type": "opening",
            },
            {
                "invoice_number": "2",
                "customer_code": "C2",
                "issue_date": "2024-04-17",
                "due_date": "2024-05-17",
                "gross_amount": "99.99",
                "currency_code": "EUR",
            },
        ],
        "allocations": [
            {
                "allocation_id": "A1",
                "invoice_number": "2",
                "amount": "100.00",
                "kind": "credit_note",
                "credit_note_number": "1",
            },
        ],
        "disputes": [
            {"dispute_id": "D1", "invoice_number": "1", "opened_on": "2024-04-11"},
        ],
    },
    # The example of ADR 0020; its figures by hand are in test_reference.py.
    "a customer moves to another region in the middle of a month": {
        "customers": [
            {"customer_code": "C5", "region": "WEST"},
            {"customer_code": "C5", "valid_from": "2024-04-15", "region": "SOUTH"},
        ],
        "invoices": [
            {
                "invoice_number": "1",
                "customer_code": "C5",
                "issue_date": "2024-03-20",
                "due_date": "2024-04-19",
                "gross_amount": "500.00",
                "currency_code": "EUR",
            },
            {
                "invoice_number": "2",
                "customer_code": "C5",
                "issue_date": "2024-03-25",
                "due_date": "2024-04-30",
                "gross_amount": "200.00",
                "currency_code": "EUR",
            },
        ],
        "receipts": [
            {
                "receipt_id": "R1",
                "customer_code": "C5",
                "receipt_date": "2024-04-10",
                "amount": "200.00",
                "currency_code": "EUR",
                "invoice_number": "2",
            },
            {
                "receipt_id": "R2",
                "customer_code": "C5",
                "receipt_date": "2024-05-06",
                "amount": "300.00",
                "currency_code": "EUR",
                "invoice_number": "1",
            },
        ],
        "promises": [
            {
                "promise_id": "P1",
                "invoice_number": "1",
                "made_on": "2024-04-12",
                "promised_date": "2024-05-06",
                "amount": "300.00",
            },
        ],
    },
    # Its figures by hand are in test_reference_families.py.
    "a provision is of a salesperson that no document is of yet, or ever": {
        "customers": [
            {"customer_code": "C5", "salesperson_code": "S2"},
            {"customer_code": "C6", "salesperson_code": "S3", "business_unit": "B"},
        ],
        "invoices": [
            {
                "invoice_number": "1",
                "customer_code": "C5",
                "issue_date": "2024-02-10",
                "due_date": "2024-03-10",
                "gross_amount": "500.00",
                "currency_code": "EUR",
                "salesperson_code": "S1",
            },
            {
                "invoice_number": "2",
                "customer_code": "C6",
                "issue_date": "2024-02-20",
                "due_date": "2024-03-20",
                "gross_amount": "200.00",
                "currency_code": "EUR",
                "salesperson_code": "S1",
            },
            {
                "invoice_number": "3",
                "customer_code": "C5",
                "issue_date": "2024-05-02",
                "due_date": "2024-06-02",
                "gross_amount": "70.00",
                "currency_code": "EUR",
            },
        ],
        "provisions": [
            {"customer_code": "C5", "provision_date": "2024-03-31", "provision_amount": "300.00"},
            {"customer_code": "C6", "provision_date": "2024-01-31", "provision_amount": "80.00"},
            {"customer_code": "C6", "provision_date": "2024-04-30", "provision_amount": "0.00"},
        ],
    },
}
