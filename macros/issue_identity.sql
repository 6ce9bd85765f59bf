{#- What makes a finding the same one in two runs: its kind, feed, source and record; its place and
    its words where it has no record. -#}
{% macro issue_identity(relation) -%}
    {{ relation }}.issue_code
    || '|' || {{ relation }}.feed
    || '|' || coalesce({{ relation }}.source_name, '')
    || '|' || coalesce(
        {{ relation }}.record_key,
        coalesce({{ relation }}.source_file, '')
        || '|' || coalesce(cast({{ relation }}.source_row as varchar), '')
        || '|' || {{ relation }}.description
    )
{%- endmacro %}
