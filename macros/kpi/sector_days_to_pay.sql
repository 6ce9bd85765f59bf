{#- Days to pay of the customers' industries; definition in docs block kpi_sector_days_to_pay. -#}
{% macro sector_days_to_pay(benchmark_weight, sector_allocated) -%}
    {{ safe_divide(benchmark_weight, sector_allocated) }}
{%- endmacro %}
