{#- Whether a total differs from the sum of its parts by more than rounding in each row does. -#}
{% macro is_other_sum(total, parts, row_count) -%}
    abs(cast(coalesce({{ total }}, 0) as double) - cast(coalesce({{ parts }}, 0) as double))
        > 0.005 + 0.000001 * coalesce({{ row_count }}, 0) + 0.000000001 * abs(coalesce({{ total }}, 0))
{%- endmacro %}

{#- Whether a column's formula can be computed from columns of the same row: it has nothing but
    their names, numbers, + - / x and brackets. -#}
{% macro is_formula_of(column, columns) -%}
    {%- set formula = column.config.get('meta', {}).get('kpi', {}).get('formula', '') -%}
    {%- if not formula or column.data_type != 'double' or modules.re.fullmatch('[a-z0-9_ ()/+.-]+', formula) is none -%}
        {{ return(false) }}
    {%- endif -%}
    {%- for name in modules.re.findall('[a-z][a-z0-9_]*', formula) if name != 'x' and name not in columns -%}
        {{ return(false) }}
    {%- endfor -%}
    {{ return(true) }}
{%- endmacro %}

{#- The formula as SQL: NULL where something is divided by zero or less. -#}
{% macro formula_as_sql(formula) -%}
    {%- set doubles = modules.re.sub('[a-z][a-z0-9_]+', 'cast(\\g<0> as double)', formula | replace(' x ', ' * ')) -%}
    {{ divided_by_positive(doubles) }}
{%- endmacro %}

{#- Each divisor, a bracket or a single value, put into `nullif(greatest(..., 0), 0)`. -#}
{% macro divided_by_positive(sql) -%}
    {%- set state = namespace(done='', depth=0, start=none) -%}
    {%- set parts = sql.split(' / ') -%}
    {%- set state.done = parts[0] -%}
    {%- for part in parts[1:] -%}
        {%- set cut = namespace(depth=0, at=none) -%}
        {%- for letter in part -%}
            {%- if letter == '(' -%}{%- set cut.depth = cut.depth + 1 -%}{%- endif -%}
            {%- if letter == ')' -%}{%- set cut.depth = cut.depth - 1 -%}{%- endif -%}
            {%- if cut.at is none and ((letter == ' ' and cut.depth == 0) or cut.depth < 0) -%}
                {%- set cut.at = loop.index0 -%}
            {%- endif -%}
        {%- endfor -%}
        {%- set at = cut.at if cut.at is not none else part | length -%}
        {%- set state.done = state.done ~ ' / nullif(greatest(' ~ part[:at] ~ ', 0), 0)' ~ part[at:] -%}
    {%- endfor -%}
    {{ return(state.done) }}
{%- endmacro %}
