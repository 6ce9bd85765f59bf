{#- Where the loss rates of the provision matrix come from, as the variable of that name says. -#}
{% macro loss_rate_basis() -%}
    {%- set basis = var('loss_rate_basis', 'seed') -%}
    {%- if basis not in ['seed', 'observed'] -%}
        {{ exceptions.raise_compiler_error(
            "loss_rate_basis is '" ~ basis ~ "': set it to seed or observed in dbt_project.yml"
        ) }}
    {%- endif -%}
    {{ return(basis) }}
{%- endmacro %}
