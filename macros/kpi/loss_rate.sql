{#- Written off over the revenue of the period; definition in docs block kpi_loss_rate. -#}
{% macro loss_rate(write_off, revenue) -%}
    {{ safe_divide(write_off, revenue) }}
{%- endmacro %}
