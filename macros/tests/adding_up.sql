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

{#- Each divisor, a bracket or a single value, made NULL where it is zero or less; what is no
    ten-thousandth counts as zero. Divisors may hold divisions: `open` has, for each one that is not closed,
    the depth of brackets and the place where it began. -#}
{% macro divided_by_positive(sql) -%}
    {%- set state = namespace(depth=0, text='') -%}
    {%- set open = [] -%}
    {%- for token in modules.re.findall('[a-z][a-z0-9_]*|[0-9.]+|[()]|[-+*/,]| ', sql) -%}
        {%- if token == ')' -%}{%- set state.depth = state.depth - 1 -%}{%- endif -%}
        {%- if open and (
            state.depth < open[-1][0]
            or (token == ' ' and state.depth == open[-1][0] and state.text | length > open[-1][1])
        ) -%}
            {%- set start = open.pop()[1] -%}
            {%- set state.text = state.text[:start] ~ positive(state.text[start:]) -%}
        {%- endif -%}
        {%- if token == '(' -%}{%- set state.depth = state.depth + 1 -%}{%- endif -%}
        {%- if not (token == ' ' and open and state.text | length == open[-1][1]) -%}
            {%- set state.text = state.text ~ token -%}
        {%- endif -%}
        {%- if token == '/' -%}
            {%- do open.append((state.depth, state.text | length)) -%}
        {%- endif -%}
    {%- endfor -%}
    {%- for divisor in open | reverse -%}
        {%- set state.text = state.text[:divisor[1]] ~ positive(state.text[divisor[1]:]) -%}
    {%- endfor -%}
    {{ return(state.text) }}
{%- endmacro %}

{% macro positive(expression) -%}
    {{ return(' case when round(' ~ expression ~ ', 4) > 0 then ' ~ expression ~ ' end') }}
{%- endmacro %}
