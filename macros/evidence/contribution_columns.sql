{#- The columns of a contribution in their order, from a map of names to SQL expressions; what is not
    given is empty. One contribution is what one record of the ledger adds to one part of a figure. -#}
{% macro contribution_columns(given) -%}
    {%- set types = {
        'part': 'varchar', 'row_key': 'varchar', 'period_grain': 'varchar', 'period_start': 'date',
        'scope': 'varchar', 'scope_id': 'bigint', 'contribution': 'decimal(38, 15)',
        'count_key': 'varchar', 'record_type': 'varchar', 'record_key': 'varchar',
        'item_key': 'varchar', 'entity_code': 'varchar', 'customer_code': 'varchar',
        'event_date': 'date', 'currency_code': 'varchar', 'document_amount': 'decimal(18, 2)',
        'factor': 'double', 'days': 'integer', 'note': 'varchar',
    } -%}
    {%- set defaults = {
        'row_key': "''", 'scope': "'item'", 'period_grain': 'periods.period_grain',
        'period_start': 'periods.period_start',
    } -%}
    {%- for name in given if name not in types -%}
        {{ exceptions.raise_compiler_error('a contribution has no column ' ~ name) }}
    {%- endfor -%}
    {%- for name, type in types.items() %}
    cast({{ given.get(name, defaults.get(name, 'null')) }} as {{ type }}) as {{ name }}{{ ',' if not loop.last }}
    {%- endfor %}
{%- endmacro %}
