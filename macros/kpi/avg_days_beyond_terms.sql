{#- Days late of what came late, weighted by amount; definition in docs block
    kpi_avg_days_beyond_terms. -#}
{% macro avg_days_beyond_terms(days_beyond_terms_weight, collected_late) -%}
    {{ safe_divide(days_beyond_terms_weight, collected_late) }}
{%- endmacro %}
