"""What the dashboards promise: each panel asks a question, says what to do when the answer is bad, and can be filtered.

Each rule is a function over one dashboard and yields (panel, metric, sentence). Where Grafana's dashboard-linter has the same
rule, its name is the linter's; the file of exclusions is the linter's, too. rules_test.py makes a fault for each rule.
"""

import json
import pathlib
import re
import sys

from ruamel.yaml import YAML

ROOT = pathlib.Path(__file__).resolve().parents[2]
FOLDER = ROOT / "grafana" / "dashboards"
SOURCE = {"type": "prometheus", "uid": "${datasource}"}
KINDS = {"stat", "timeseries", "bargauge"}
UNITS = {"none", "short", "locale", "percentunit", "s", "dtdurations", "bytes", "Bps", "reqps", "ops"}
SELECTOR = re.compile(r"([a-zA-Z_:][a-zA-Z0-9_:]*)\{([^{}]*)\}")
# Names that are metrics and nothing else in the language of queries.
METRIC = re.compile(r"\b(?:stampede|redis|pg|k6|process|up)(?:[_:][a-zA-Z0-9_:]*)?\b|\b\w+:\w+:\w+\b")
COUNTER = re.compile(r"_(?:total|count|sum|bucket)$")
RANGED = re.compile(r"\b(?:rate|increase|irate)\(([^()\[\]]*)\[([^\]]*)\]\)")
RUNBOOK = re.compile(r"(?:ops/runbooks/)?\b([a-z-]+)\.md\b")


def targets(dashboard):
    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            yield panel, target


def variable(dashboard, name):
    return next((one for one in dashboard["templating"]["list"] if one["name"] == name), None)


def uneditable_dashboard(dashboard):
    """What is changed by hand in Grafana is lost with the next start; so it cannot be."""
    if dashboard.get("editable") is not False:
        yield "", "", "editable must be false"


def names_are_kept(dashboard):
    """Links and bookmarks go by uid."""
    if not re.fullmatch(r"stampede-[a-z-]+", dashboard.get("uid", "")) or "stampede" not in dashboard.get("tags", []):
        yield "", "", "the uid must be stampede-NAME, and a tag stampede"
    if not dashboard.get("title", "").startswith("Stampede: ") or len(dashboard.get("description", "")) < 30:
        yield "", "", "the title must begin with Stampede:, and a description say for whom it is"


def template_datasource_rule(dashboard):
    source = variable(dashboard, "datasource")
    if not source or (source["type"], source["query"], source["label"]) != ("datasource", "prometheus", "Data source"):
        yield "", "", "there must be a variable datasource, of type datasource, of prometheus, labelled Data source"


def filter_is_there(dashboard, name):
    one = variable(dashboard, name)
    if not one or one["type"] != "query" or one.get("datasource") != SOURCE:
        yield "", "", f"there must be a variable {name}, a query of ${{datasource}}"
    elif one["label"] != name.capitalize() or not one["multi"] or not one["includeAll"] or one["allValue"] != ".+":
        yield "", "", f"{name} must be labelled {name.capitalize()}, allow several, and mean .+ by all"


def template_job_rule(dashboard):
    yield from filter_is_there(dashboard, "job")


def template_instance_rule(dashboard):
    yield from filter_is_there(dashboard, "instance")


def template_on_time_change_reload_rule(dashboard):
    for one in dashboard["templating"]["list"]:
        if one["type"] == "query" and one.get("refresh") != 2:
            yield "", "", f"{one['name']} must be asked for again when the time changes (refresh: 2)"


def panel_datasource_rule(dashboard):
    for panel in dashboard["panels"]:
        if panel.get("datasource") != SOURCE or any(target.get("datasource") != SOURCE for target in panel.get("targets", [])):
            yield panel["title"], "", "it must use ${datasource}"


def panel_title_description_rule(dashboard):
    titles = [panel.get("title", "") for panel in dashboard["panels"]]
    for panel, title in zip(dashboard["panels"], titles):
        if not title.endswith("?") or titles.count(title) > 1:
            yield title, "", "its title must be a question of its own"
        if "Looks bad: " not in panel.get("description", ""):
            yield title, "", "its description must say what looks bad and what to do then"


def panel_units_rule(dashboard):
    for panel in dashboard["panels"]:
        if panel["fieldConfig"]["defaults"].get("unit") not in UNITS:
            yield panel["title"], "", f"its unit must be one of {sorted(UNITS)}"


def panel_no_targets_rule(dashboard):
    for panel in dashboard["panels"]:
        refs = [target.get("refId") for target in panel.get("targets", [])]
        if panel["type"] not in KINDS or not refs or len(set(refs)) != len(refs):
            yield panel["title"], "", f"it must be one of {sorted(KINDS)} with queries of different names"


def panels_have_thresholds(dashboard):
    for panel in dashboard["panels"]:
        steps = panel["fieldConfig"]["defaults"].get("thresholds", {}).get("steps", [])
        values = [step["value"] for step in steps[1:]]
        if not steps or steps[0]["value"] is not None or None in values or values != sorted(values):
            yield panel["title"], "", "its thresholds must begin at null and rise"


def panels_do_not_overlap(dashboard):
    taken = {}
    for panel in dashboard["panels"]:
        at = panel["gridPos"]
        if at["x"] + at["w"] > 24:
            yield panel["title"], "", "it stands out to the right"
        for place in [(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])]:
            if taken.setdefault(place, panel["id"]) != panel["id"]:
                yield panel["title"], "", "it lies on another one"
                break
    if len({panel["id"] for panel in dashboard["panels"]}) != len(dashboard["panels"]):
        yield "", "", "two panels have one id"


def target_rate_interval_rule(dashboard):
    for panel, target in targets(dashboard):
        for of, window in RANGED.findall(target["expr"]):
            if window not in ("$__rate_interval", "$__range"):
                yield panel["title"], of, f"[{window}] must be [$__rate_interval]"


def target_counter_agg_rule(dashboard):
    for panel, target in targets(dashboard):
        # What is left when everything that is asked for as a rate is taken away.
        for name, _ in SELECTOR.findall(RANGED.sub("", target["expr"])):
            if COUNTER.search(name) and not re.match(r"redis_db_|pg_.*_count$|pg_settings", name):
                yield panel["title"], name, f"{name} counts, so it must be asked for as a rate or an increase"


def matcher_is_there(dashboard, label):
    for panel, target in targets(dashboard):
        selectors = dict(SELECTOR.findall(target["expr"]))
        for name in METRIC.findall(target["expr"]):
            if f'{label}=~"${label}"' not in selectors.get(name, ""):
                yield panel["title"], name, f"{name} must be filtered by {label}"


def target_job_rule(dashboard):
    yield from matcher_is_there(dashboard, "job")


def target_instance_rule(dashboard):
    yield from matcher_is_there(dashboard, "instance")


def quantiles_keep_their_buckets(dashboard):
    for panel, target in targets(dashboard):
        for inside in re.findall(r"histogram_quantile\([0-9.]+, sum by \(([^)]*)\)", target["expr"]):
            if "le" not in inside.split(", "):
                yield panel["title"], "", "the sum inside a quantile must keep le"
        if target["expr"].count("histogram_quantile(") != len(re.findall(r"histogram_quantile\([0-9.]+, sum by \(", target["expr"])):
            yield panel["title"], "", "a quantile must be taken of a sum"


def metrics_exist(dashboard):
    """Those of other programs are asked for in a test that runs them (server/tests/watching)."""
    described = set(re.findall(r'"(stampede_[a-z0-9_]+)"', (ROOT / "server/src/telemetry/describe.rs").read_text()))
    recorded = set(re.findall(r"record: (\S+)", (ROOT / "ops/prometheus/rules/recording.yml").read_text()))
    for panel, target in targets(dashboard):
        for name in METRIC.findall(target["expr"]):
            ours = name.startswith("stampede_")
            if (ours and re.sub(r"_(count|sum|bucket)$", "", name) not in described) or (":" in name and name not in recorded):
                yield panel["title"], name, f"{name} does not exist"


def runbooks_exist(dashboard):
    for panel in dashboard["panels"]:
        for name in RUNBOOK.findall(panel.get("description", "")):
            if not (ROOT / "ops/runbooks" / f"{name}.md").exists() and not (ROOT / "ops" / f"{name}.md").exists():
                yield panel["title"], "", f"there is no {name}.md"


RULES = [
    uneditable_dashboard,
    names_are_kept,
    template_datasource_rule,
    template_job_rule,
    template_instance_rule,
    template_on_time_change_reload_rule,
    panel_datasource_rule,
    panel_title_description_rule,
    panel_units_rule,
    panel_no_targets_rule,
    panels_have_thresholds,
    panels_do_not_overlap,
    target_rate_interval_rule,
    target_counter_agg_rule,
    target_job_rule,
    target_instance_rule,
    quantiles_keep_their_buckets,
    metrics_exist,
    runbooks_exist,
]


def load():
    return {path.stem: json.loads(path.read_text()) for path in sorted(FOLDER.glob("*.json"))}


def exclusions():
    return YAML(typ="safe").load((FOLDER / ".lint").read_text())["exclusions"]


def excludes(entry, dashboard, panel, metric):
    wanted = {"dashboard": dashboard["title"], "panel": panel}
    return all(entry[key] == value for key, value in wanted.items() if key in entry) and metric.startswith(entry.get("metric", ""))


def judge(dashboards, rules=RULES):
    """Sentences about what is wrong, exclusions considered."""
    used, excluded = set(), exclusions()
    for name, dashboard in dashboards.items():
        if dashboard.get("uid") != f"stampede-{name}":
            yield f"grafana/dashboards/{name}.json: its uid must be stampede-{name}"
        for rule in rules:
            linters = rule.__name__.replace("_", "-")
            for panel, metric, sentence in rule(dashboard):
                entries = excluded.get(linters, {}).get("entries", [])
                by = [number for number, entry in enumerate(entries) if excludes(entry, dashboard, panel, metric)]
                used.update((linters, number) for number in by)
                if not by:
                    yield f"grafana/dashboards/{name}.json: {panel or 'the dashboard'}: {sentence} ({linters})"
    for rule, exclusion in excluded.items():
        for number, entry in enumerate(exclusion["entries"]):
            if rule in {one.__name__.replace("_", "-") for one in rules} and (rule, number) not in used:
                yield f"grafana/dashboards/.lint: nothing needs the exclusion of {entry} from {rule}"


if __name__ == "__main__":
    found = list(judge(load()))
    for sentence in found:
        print(sentence, file=sys.stderr)
    sys.exit(1 if found else 0)
