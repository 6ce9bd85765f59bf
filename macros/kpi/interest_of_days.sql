{#- Interest on balances of single days, each already multiplied by the yearly rate of its day;
    definition in docs blocks kpi_financing_cost_amount and kpi_late_interest_amount. -#}
{% macro interest_of_days(weight) -%}
    {{ weight }} / 365
{%- endmacro %}
