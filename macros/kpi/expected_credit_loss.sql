{#- What is expected to be lost of the balance of one ageing bucket; definition in docs block
    kpi_expected_credit_loss_amount. -#}
{% macro expected_credit_loss(balance, rate) -%}
    {{ balance }} * {{ rate }}
{%- endmacro %}
