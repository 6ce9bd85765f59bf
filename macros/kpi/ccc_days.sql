{#- Cash conversion cycle; definition in docs block kpi_ccc_days. -#}
{% macro ccc_days(dio, dso, dpo) -%}
    {{ dio }} + {{ dso }} - {{ dpo }}
{%- endmacro %}
