{#- The due date that payment terms give, NULL where their kind is; the arguments are SQL expressions,
    the kind as parse_payment_terms names it. A day that the month does not have is its last one. -#}
{% macro payment_due_date(issue_date, kind, days, day_of_month) -%}
    {%- set month_end = 'last_day(' ~ add_days(issue_date, days) ~ ')' -%}
    case {{ kind }}
        when 'net' then {{ add_days(issue_date, days) }}
        when 'days_end_of_month' then {{ month_end }}
        when 'end_of_month_days' then {{ add_days('last_day(' ~ issue_date ~ ')', days) }}
        when 'days_end_of_month_on_day'
            then
                least(
                    {{ add_days(month_end, day_of_month) }},
                    last_day({{ add_days(month_end, 1) }})
                )
    end
{%- endmacro %}
