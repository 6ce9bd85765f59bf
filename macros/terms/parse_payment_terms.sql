{#- A query that reads the texts of payment terms in column `text` of `relation`, one row per text:
    - terms_kind: `net` (days from the issue), `days_end_of_month` (days, then the end of that month),
      `end_of_month_days` (the end of the month, then days), `days_end_of_month_on_day` (days, the end
      of that month, then a day of the month after); NULL where the text cannot be read
    - terms_days: the days, 0 for payment on receipt
    - terms_day_of_month: the day, only where the kind has one
    Which text means what, and why: ADR 0013. -#}
{% macro parse_payment_terms(relation, text) -%}
    {%- set days = '([0-9]{1,3})' -%}
    {%- set unit = '(?:jours?|jrs?|j|days?|d)' -%}
    {%- set nets = '(?: nets?)?' -%}
    {%- set end_of_month = '(?:fin (?:de |du )?mois|fdm|end of (?:the )?month|eom)' -%}
    {%- set since = '(?:a compter de la|a partir de la|apres(?: la)?|from(?: the)?|after(?: the)?)' -%}
    {%- set immediate = (
        '^(?:(?:paiement|payment|payable|due) )?'
        ~ '(?:(?:(?:a|des|on|upon) )?(?:reception|receipt)(?: (?:de (?:la )?facture|of (?:the )?invoice))?'
        ~ '|(?:au )?comptant|immediate?(?:ly|ment)?)(?: (?:paiement|payment))?$'
    ) -%}
    {%- set net = [
        '^(?:a )?' ~ days ~ ' ?' ~ unit ~ nets ~ '(?: date de facture)?$',
        '^' ~ days ~ ' nets?$',
        '^net ' ~ days ~ '(?: ?' ~ unit ~ ')?$',
    ] -%}
    {%- set days_end_of_month =
        '^(?:a )?' ~ days ~ '(?: ?' ~ unit ~ ')?' ~ nets ~ '(?: [+])? ' ~ end_of_month -%}
    {%- set on_day =
        ' (?:le|on the|on|the) ([0-9]{1,2})(?:er|st|nd|rd|th)?'
        ~ '(?: (?:du mois suivant|of the (?:following|next) month))?$' -%}
    {%- set end_of_month_days = [
        '^' ~ end_of_month ~ ' (?:[+]|plus) ' ~ days ~ '(?: ?' ~ unit ~ ')?' ~ nets ~ '$',
        '^(?:a )?' ~ days ~ '(?: ?' ~ unit ~ ')? ' ~ since ~ ' ' ~ end_of_month ~ '$',
    ] -%}
    {%- set accented = 'àâäáãéèêëîïíôöóùûüúçñ' -%}
    {%- set plain = 'aaaaaeeeeiiiooouuuucn' -%}
    select
        matched.payment_terms,
        case
            when matched.is_immediate or matched.net_days <> '' then 'net'
            when matched.end_of_month_days <> '' then 'end_of_month_days'
            when matched.days_end_of_month <> '' or matched.is_end_of_month then 'days_end_of_month'
            when cast(nullif(matched.day_of_month, '') as integer) between 1 and 31
                then 'days_end_of_month_on_day'
        end as terms_kind,
        case
            when matched.is_immediate or matched.is_end_of_month then 0
            when cast(nullif(matched.day_of_month, '') as integer) not between 1 and 31 then null
            when matched.day_of_month <> '' and matched.days_on_day = '' then 0
            else
                cast(
                    nullif(
                        matched.net_days || matched.end_of_month_days || matched.days_end_of_month
                        || matched.days_on_day, ''
                    ) as integer
                )
        end as terms_days,
        case
            when cast(nullif(matched.day_of_month, '') as integer) between 1 and 31
                then cast(nullif(matched.day_of_month, '') as integer)
        end as terms_day_of_month
    from (
        select
            cleaned.payment_terms,
            {{ regexp_group('cleaned.words', immediate) }} <> '' as is_immediate,
            {{ regexp_group('cleaned.words', '^' ~ end_of_month ~ '$') }} <> '' as is_end_of_month,
            {% for pattern in net -%}
            {{ regexp_group('cleaned.words', pattern, 1) }} {{ '||' if not loop.last }}
            {% endfor -%}
            as net_days,
            {% for pattern in end_of_month_days -%}
            {{ regexp_group('cleaned.words', pattern, 1) }} {{ '||' if not loop.last }}
            {% endfor -%}
            as end_of_month_days,
            {{ regexp_group('cleaned.words', days_end_of_month ~ '$', 1) }} as days_end_of_month,
            {{ regexp_group('cleaned.words', days_end_of_month ~ on_day, 1) }} as days_on_day,
            {{ regexp_group('cleaned.words', days_end_of_month ~ on_day, 2) }}
            || {{ regexp_group('cleaned.words', '^' ~ end_of_month ~ on_day, 1) }} as day_of_month
        from (
            -- Lower case, no accents, words parted by single blanks; `+` is a word, other signs none.
            select
                texts.payment_terms,
                trim(
                    {{ regexp_replace_all(
                        regexp_replace_all(
                            "translate(lower(texts.payment_terms), '" ~ accented ~ "', '" ~ plain ~ "')",
                            '[+]', ' + '
                        ),
                        '[^a-z0-9+]+', ' '
                    ) }}
                ) as words
            from (
                select distinct {{ relation }}.{{ text }} as payment_terms
                from {{ relation }}
                where {{ relation }}.{{ text }} is not null
            ) as texts
        ) as cleaned
    ) as matched
{%- endmacro %}
