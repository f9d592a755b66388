"""Every rule notices a fault: each is put into a real dashboard, and its own rule must speak."""

import copy
import sys

import rules

WELL = rules.load()


def at(*path):
    """Puts the last of the path into a dashboard; the one before is its key."""

    def fault(dashboard):
        place = dashboard
        for key in path[:-2]:
            place = place[key]
        place[path[-2]] = path[-1]

    return fault


def instead(panel, old, new):
    def fault(dashboard):
        target = dashboard["panels"][panel]["targets"][0]
        assert old in target["expr"], f"{old} is not in {target['expr']}"
        target["expr"] = target["expr"].replace(old, new)

    return fault


FIRST, JOB, INSTANCE = ("panels", 0), ("templating", "list", 1), ("templating", "list", 2)
RATE, QUANTILE = 4, 6  # of the dashboard API
FAULTS = [
    (rules.uneditable_dashboard, at("editable", True)),
    (rules.names_are_kept, at("tags", [])),
    (rules.names_are_kept, at("title", "API")),
    (rules.template_datasource_rule, at("templating", "list", 0, "query", "loki")),
    (rules.template_job_rule, at(*JOB, "allValue", ".*")),
    (rules.template_job_rule, at(*JOB, "name", "service")),
    (rules.template_instance_rule, at(*INSTANCE, "multi", False)),
    (rules.template_on_time_change_reload_rule, at(*JOB, "refresh", 1)),
    (rules.panel_datasource_rule, at(*FIRST, "datasource", {"type": "prometheus", "uid": "prometheus-1"})),
    (rules.panel_datasource_rule, at(*FIRST, "targets", 0, "datasource", None)),
    (rules.panel_title_description_rule, at(*FIRST, "title", "Processes")),
    (rules.panel_title_description_rule, at(*FIRST, "title", "How are they answered?")),
    (rules.panel_title_description_rule, at(*FIRST, "description", "Processes that answer.")),
    (rules.panel_units_rule, at(*FIRST, "fieldConfig", "defaults", "unit", "requests")),
    (rules.panel_no_targets_rule, at(*FIRST, "targets", [])),
    (rules.panel_no_targets_rule, at(*FIRST, "type", "graph")),
    (rules.panels_have_thresholds, at(*FIRST, "fieldConfig", "defaults", "thresholds", "steps", [])),
    (rules.panels_do_not_overlap, at(*FIRST, "gridPos", "w", 7)),
    (rules.panels_do_not_overlap, at(*FIRST, "id", 2)),
    (rules.target_rate_interval_rule, instead(RATE, "$__rate_interval", "1m")),
    (rules.target_counter_agg_rule, lambda dashboard: instead(RATE, "rate(", "(")(dashboard) or instead(RATE, "[$__rate_interval]", "")(dashboard)),
    (rules.target_job_rule, instead(RATE, 'job=~"$job", ', "")),
    (rules.target_job_rule, instead(RATE, '{job=~"$job", instance=~"$instance"}', "")),
    (rules.target_instance_rule, instead(RATE, ', instance=~"$instance"', "")),
    (rules.quantiles_keep_their_buckets, instead(QUANTILE, "sum by (le)", "sum by (route)")),
    (rules.quantiles_keep_their_buckets, instead(QUANTILE, "sum by (le) ", "")),
    (rules.metrics_exist, instead(RATE, "http_requests_total", "http_demands_total")),
    (rules.metrics_exist, instead(2, "ratio_rate1h", "ratio_rate2h")),
    (rules.runbooks_exist, at(*FIRST, "description", "Looks bad: always, see ops/runbooks/pray.md.")),
]

missed = [f"rules_test.py: no fault is made for {rule.__name__}" for rule in rules.RULES if rule not in [of for of, _ in FAULTS]]
for number, (expected, fault) in enumerate(FAULTS, start=1):
    dashboards = {"api": copy.deepcopy(WELL["api"])}
    before = list(rules.judge(dashboards, [expected]))
    fault(dashboards["api"])
    after = list(rules.judge(dashboards, [expected]))
    if len(after) <= len(before):
        missed.append(f"rules_test.py: fault {number} is for {expected.__name__}, which says nothing")
if not any("nothing needs" in sentence for sentence in rules.judge({"api": WELL["api"]})):
    missed.append("rules_test.py: an exclusion that nothing needs is not noticed")
for sentence in missed:
    print(sentence, file=sys.stderr)
sys.exit(1 if missed else 0)
