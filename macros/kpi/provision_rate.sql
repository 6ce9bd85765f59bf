{#- Provisioned part of the doubtful receivables; definition in docs block kpi_provision_rate. -#}
{% macro provision_rate(provision, doubtful) -%}
    {{ safe_divide(provision, doubtful) }}
{%- endmacro %}
