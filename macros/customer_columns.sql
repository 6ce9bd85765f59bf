{#- The attributes of a customer as they are published, from a relation with those of the feed. -#}
{% macro customer_columns(relation) -%}
    coalesce({{ relation }}.customer_name, {{ relation }}.customer_code) as customer_name,
    {% for attribute in [
        'customer_segment', 'business_unit', 'region', 'customer_type', 'industry_code',
        'salesperson_code', 'collector_code'
    ] -%}
    coalesce({{ relation }}.{{ attribute }}, '(none)') as {{ attribute }},
    {% endfor -%}
    {{ relation }}.country_code,
    {{ relation }}.parent_customer_code,
    {{ relation }}.registration_number,
    {{ relation }}.payment_terms,
    {{ relation }}.risk_score,
    {{ relation }}.risk_class,
    coalesce({{ relation }}.is_doubtful, false) as is_doubtful,
    coalesce({{ relation }}.is_insolvent, false) as is_insolvent,
    {{ relation }}.is_insurable,
    {{ relation }}.terms_signed_on,
    {{ relation }}.has_record as has_master_record
{%- endmacro %}
