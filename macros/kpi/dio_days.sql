{#- Days inventory outstanding; definition in docs block kpi_dio_days. -#}
{% macro dio_days(opening_inventory, inventory, cost_of_goods_sold, days) -%}
    {{ safe_divide('(' ~ opening_inventory ~ ' + ' ~ inventory ~ ')', cost_of_goods_sold) }}
    / 2 * {{ days }}
{%- endmacro %}
