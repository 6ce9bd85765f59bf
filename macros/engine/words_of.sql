{#- A query that gives every word of a text of each row of `relation`: the columns `keys`, `word` in
    capitals, and `word_position` from 1. Words are runs of the letters A to Z and of digits. -#}
{% macro words_of(relation, keys, text) -%}
    {{ return(adapter.dispatch('words_of', 'encours')(relation, keys, text)) }}
{%- endmacro %}

{% macro default__words_of(relation, keys, text) -%}
    select
        {%- for key in keys %}
        split.{{ key }},
        {%- endfor %}
        unnest(split.words) as word,
        generate_subscripts(split.words, 1) as word_position
    from (
        select
            {%- for key in keys %}
            {{ relation }}.{{ key }},
            {%- endfor %}
            string_split({{ words_in(relation ~ '.' ~ text) }}, ' ') as words
        from {{ relation }}
    ) as split
{%- endmacro %}

{% macro spark__words_of(relation, keys, text) -%}
    select
        {%- for key in keys %}
        {{ relation }}.{{ key }},
        {%- endfor %}
        split_words.word,
        split_words.place + 1 as word_position
    from {{ relation }}
    lateral view posexplode(split({{ words_in(relation ~ '.' ~ text) }}, ' ')) split_words as place, word
{%- endmacro %}
