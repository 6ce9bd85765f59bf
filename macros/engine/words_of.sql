{#- A query that gives every word of a text of each row of `relation`: the columns `keys`, `word`,
    `word_position` from 1, and as `word_1`, `word_2`... the words that follow it, NULL past the end.
    Words are in capitals, of the letters A to Z and digits. -#}
{% macro words_of(relation, keys, text, following=0) -%}
    {{ return(adapter.dispatch('words_of', 'encours')(relation, keys, text, following)) }}
{%- endmacro %}

{% macro default__words_of(relation, keys, text, following=0) -%}
    select
        {%- for key in keys %}
        split.{{ key }},
        {%- endfor %}
        generate_subscripts(split.words, 1) as word_position,
        {%- for distance in range(1, following + 1) %}
        unnest(split.words[{{ distance + 1 }}:]) as word_{{ distance }},
        {%- endfor %}
        unnest(split.words) as word
    from (
        select
            {%- for key in keys %}
            {{ relation }}.{{ key }},
            {%- endfor %}
            string_split(
                {{ words_in(relation ~ '.' ~ text) }}, ' '
            ) as words
        from {{ relation }}
    ) as split
{%- endmacro %}

{% macro spark__words_of(relation, keys, text, following=0) -%}
    select
        {%- for key in keys %}
        split.{{ key }},
        {%- endfor %}
        placed.place + 1 as word_position,
        {%- for distance in range(1, following + 1) %}
        get(split.words, placed.place + {{ distance }}) as word_{{ distance }},
        {%- endfor %}
        placed.word
    from (
        select
            {%- for key in keys %}
            {{ relation }}.{{ key }},
            {%- endfor %}
            split({{ words_in(relation ~ '.' ~ text) }}, ' ') as words
        from {{ relation }}
    ) as split
    lateral view posexplode(split.words) placed as place, word
{%- endmacro %}
