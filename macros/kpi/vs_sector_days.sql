{#- Days to pay compared with those of the industries; definition in docs block
    kpi_vs_sector_days. -#}
{% macro vs_sector_days(days_to_pay_weight, benchmark_weight, sector_allocated) -%}
    {{ safe_divide(
        '(' ~ days_to_pay_weight ~ ' - ' ~ benchmark_weight ~ ')', sector_allocated
    ) }}
{%- endmacro %}
