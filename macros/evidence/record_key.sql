{#- Key of a row of a feed among the rows of all feeds. Items, allocations and write-offs have the key
    that the ledger gives them. -#}
{% macro record_key(feed, relation) -%}
    {%- set prefixes = {
        'invoices': 'document', 'receipts': 'receipt', 'allocations': 'allocation',
        'write_offs': 'write_off',
    } -%}
    '{{ prefixes.get(feed, feed) }}|' || {{ feed_key_text(feed, relation) }}
{%- endmacro %}

{#- Key of the row behind a movement: an allocation that a document implies stands on the row of the
    document. -#}
{% macro movement_record_key(relation) -%}
    case
        when {{ relation }}.event_key like 'implied|%' then substring({{ relation }}.event_key, 9)
        when {{ relation }}.movement_type = 'transfer' then {{ relation }}.item_key
        else {{ relation }}.event_key
    end
{%- endmacro %}
