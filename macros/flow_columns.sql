{#- The flows that are added up by period, in the order they are published. -#}
{% macro flow_columns() -%}
    {{ return([
        'revenue_amount', 'factored_revenue_amount', 'opening_items_amount', 'collected_amount',
        'collected_late_amount', 'credit_note_amount', 'write_off_amount', 'discount_amount',
        'transferred_amount',
    ]) }}
{%- endmacro %}
