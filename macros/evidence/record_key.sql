{#- Key of a row of a feed among the rows of all feeds. Items, allocations and write-offs have the key
    that the ledger gives them. -#}
{% macro record_key(feed, relation) -%}
    {%- set prefixes = {
        'invoices': 'document', 'receipts': 'receipt', 'allocations': 'allocation',
        'write_offs': 'write_off',
    } -%}
    '{{ prefixes.get(feed, feed) }}|' || {{ feed_key_text(feed, relation) }}
{%- endmacro %}

{#- Key of the row behind a movement: an allocation that a document implies stands on its row. -#}
{% macro event_record_key(event_key) -%}
    case
        when {{ event_key }} like 'implied|%' then substring({{ event_key }}, 9)
        else {{ event_key }}
    end
{%- endmacro %}
