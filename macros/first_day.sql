{#- The day from which on holds what has always held. -#}
{% macro first_day() -%} date '0001-01-01' {%- endmacro %}
