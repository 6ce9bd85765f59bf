{#- The latest due date that the law allows for an issue date: so many days net, or where the terms
    say end of month, the later of its two readings. The arguments are SQL expressions. -#}
{% macro legal_due_date(issue_date, is_end_of_month, max_days_net, max_days_end_of_month) -%}
    case
        when {{ is_end_of_month }}
            then
                greatest(
                    last_day({{ add_days(issue_date, max_days_end_of_month) }}),
                    {{ add_days('last_day(' ~ issue_date ~ ')', max_days_end_of_month) }}
                )
        else {{ add_days(issue_date, max_days_net) }}
    end
{%- endmacro %}
