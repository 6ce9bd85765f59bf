{#- The words of a text in capitals with one blank between: letters A to Z and digits, nothing else. -#}
{% macro words_in(text) -%}
    trim({{ regexp_replace_all('upper(' ~ text ~ ')', '[^0-9A-Z]+', ' ') }})
{%- endmacro %}
