{#- Bounds and markers of the age bands, in days overdue; no item is that old or that early. -#}
{% macro first_age_day() -%} -1000000 {%- endmacro %}
{% macro last_age_day() -%} 1000000 {%- endmacro %}
{% macro undated_band() -%} 2000000 {%- endmacro %}
{% macro unallocated_band() -%} 2000001 {%- endmacro %}
