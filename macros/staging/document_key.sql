{#- Key of a document of the invoices feed among all items. An entity code holds no `|`
    (ingestion refuses it), so two documents never share a key. -#}
{% macro document_key(entity_code, document_number) -%}
    'document|' || {{ entity_code }} || '|' || {{ document_number }}
{%- endmacro %}
