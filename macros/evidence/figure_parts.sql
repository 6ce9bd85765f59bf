{#- What each figure of a mart is made of, as a list of (column, part, kind, order) for every column that
    is a number. The parts of a KPI are the columns that its formula names, or those that its meta
    lists, and theirs in turn. Kinds:
    - rows: records of the ledger add up to it; its code among the contributions is `part`
    - calendar: a number of days or months
    - figure: itself made of the parts that follow -#}
{% macro figure_parts(node) -%}
    {%- set direct = {} -%}
    {%- set found = [] -%}
    {%- for column in node.columns.values() -%}
        {%- set meta = column.config.get('meta', {}) -%}
        {%- set evidence = meta.get('evidence', {}) -%}
        {%- set names = [] -%}
        {%- set formula = meta.get('kpi', {}).get('formula', '') -%}
        {%- for name in evidence.get('parts', modules.re.findall('[a-z][a-z0-9_]*', formula)) -%}
            {%- if name not in names and name in node.columns and (
                is_figure(node.columns[name]) or name == 'days_in_period'
            ) -%}
                {%- do names.append(name) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- do direct.update({column.name: names}) -%}
    {%- endfor -%}
    {%- for column in node.columns.values() if is_figure(column) -%}
        {%- set todo = direct[column.name][:] or [column.name] -%}
        {%- set done = [] -%}
        {%- for _ in range(40) if todo -%}
            {%- set name = todo.pop(0) -%}
            {%- if name not in done -%}
                {%- do done.append(name) -%}
                {%- set evidence = node.columns[name].config.get('meta', {}).get('evidence', {}) -%}
                {%- if evidence.get('calendar') or name == 'days_in_period' -%}
                    {%- set kind = 'calendar' -%}
                {%- elif direct[name] and name != column.name and direct[name] != [name] -%}
                    {%- set kind = 'figure' -%}
                    {%- for below in direct[name] | reverse -%}{%- do todo.insert(0, below) -%}{%- endfor -%}
                {%- else -%}
                    {%- set kind = 'rows' -%}
                {%- endif -%}
                {%- do found.append((
                    column.name, name, evidence.get('part', name) if kind == 'rows' else none, kind,
                    done | length
                )) -%}
            {%- endif -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(found) }}
{%- endmacro %}

{#- Whether a column of a mart is a figure: a number that is no key, no rank and no bound of a slice. -#}
{% macro is_figure(column) -%}
    {{ return(
        column.data_type not in ('varchar', 'date', 'boolean')
        and column.name != 'days_in_period' and not column.name.endswith('_order')
    ) }}
{%- endmacro %}

{#- The name of a figure among all: its code in the catalogue, else its mart and column. -#}
{% macro figure_code(node, name) -%}
    {%- set kpi = node.columns[name].config.get('meta', {}).get('kpi', {}) -%}
    {{ return(kpi.get('code', node.name ~ '.' ~ name)) }}
{%- endmacro %}
