{#- Provisions in stock and written off over the revenue of the period; definition in docs block
    kpi_provisions_and_losses_to_revenue. -#}
{% macro provisions_and_losses_to_revenue(provision, write_off, revenue) -%}
    {{ safe_divide('(' ~ provision ~ ' + ' ~ write_off ~ ')', revenue) }}
{%- endmacro %}
