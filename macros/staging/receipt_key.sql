{#- Key of a receipt among all items; see document_key. -#}
{% macro receipt_key(entity_code, receipt_id) -%}
    'receipt|' || {{ entity_code }} || '|' || {{ receipt_id }}
{%- endmacro %}
