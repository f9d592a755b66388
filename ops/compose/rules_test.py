"""Every rule notices a fault: each is put into the real docker-compose.yml, and exactly its own rule must speak."""

import copy
import sys

import rules

WELL = rules.load("docker-compose.yml")


def without(service, *path):
    def fault(compose):
        place = compose["services"][service]
        for key in path[:-1]:
            place = place[key]
        del place[path[-1]]

    return fault


def with_(service, *path):
    """The last two are the key and its value."""

    def fault(compose):
        place = compose["services"][service]
        for key in path[:-2]:
            place = place[key]
        place[path[-2]] = path[-1]

    return fault


FAULTS = [
    (rules.profiles_are_known, without("jaeger", "profiles")),
    (rules.profiles_are_known, with_("k6", "profiles", ["debug"])),
    (rules.images_are_pinned, with_("redis", "image", "redis:latest")),
    (rules.images_are_pinned, with_("redis", "image", "redis:7")),
    (rules.images_are_pinned, with_("redis", "image", "redis")),
    (rules.images_are_pinned, with_("redis", "image", "registry.example:5000/redis")),
    (rules.every_service_says_when_it_is_well, without("web", "healthcheck")),
    (rules.every_service_says_when_it_is_well, with_("redis", "healthcheck", {"disable": True})),
    (rules.every_service_says_when_it_is_well, without("grafana", "restart")),
    (rules.dependencies_are_waited_for, with_("web", "depends_on", "nobody", {"condition": "service_healthy"})),
    (rules.dependencies_are_waited_for, with_("web", "depends_on", "jaeger", {"condition": "service_healthy"})),
    (rules.dependencies_are_waited_for, with_("web", "depends_on", "migrate", "condition", "service_started")),
    (rules.dependencies_are_waited_for, with_("web", "depends_on", "redis", "condition", "service_started")),
    (rules.nothing_is_published_to_others, with_("proxy", "ports", ["8080:8080"])),
    (rules.nothing_is_published_to_others, with_("proxy", "ports", [{"target": 8080, "published": 8080}])),
    (rules.nothing_is_published_to_others, with_("web", "network_mode", "host")),
    (rules.no_password_is_written_down, with_("postgres", "environment", "POSTGRES_PASSWORD", "postgres")),
    (rules.no_password_is_written_down, with_("grafana", "environment", ["GF_SECURITY_ADMIN_PASSWORD=admin"])),
    (rules.no_password_is_written_down, with_("bootstrap", "environment", "DATABASE_URL", "postgres://a:b@postgres/stampede")),
    (rules.no_password_is_written_down, with_("redis", "command", ["redis-server", "redis://:hunter2@redis"])),
    (rules.missing_variables_are_explained, with_("k6", "environment", "BASE_URL", "${BASE_URL}")),
    (rules.missing_variables_are_explained, with_("k6", "environment", "BASE_URL", "$BASE_URL")),
    (rules.missing_variables_are_explained, with_("k6", "environment", "BASE_URL", "${BASE_URL:?is missing}")),
    (rules.services_are_locked_down, without("redis", "user")),
    (rules.services_are_locked_down, with_("redis", "user", "0:0")),
    (rules.services_are_locked_down, without("redis", "read_only")),
    (rules.services_are_locked_down, without("redis", "cap_drop")),
    (rules.services_are_locked_down, with_("redis", "cap_add", ["NET_ADMIN"])),
    (rules.services_are_locked_down, without("redis", "security_opt")),
    (rules.services_are_locked_down, without("redis", "deploy")),
    (rules.nobody_is_cut_short, with_("web", "stop_grace_period", "20s")),
    (rules.nobody_is_cut_short, without("web", "stop_grace_period")),
    (rules.nobody_is_cut_short, without("web", "environment", "STAMPEDE_SHUTDOWN_LIMIT")),
    (rules.nobody_is_cut_short, with_("web", "environment", "STAMPEDE_SHUTDOWN_LIMIT", "1m")),
    (rules.mounts_exist_and_are_read_only, with_("grafana", "volumes", ["./grafana:/etc/grafana"])),
    (rules.mounts_exist_and_are_read_only, with_("k6", "volumes", 0, "read_only", False)),
    (rules.mounts_exist_and_are_read_only, with_("k6", "volumes", 0, "source", "./no-such-folder")),
    (rules.settings_exist, with_("web", "environment", "STAMPEDE_HTTP_ADDRESS", "0.0.0.0:8080")),
    (rules.scrapes_find_their_services, lambda compose: compose["services"].pop("redis-exporter")),
]

missed = [f"rules_test.py: no fault is made for {rule.__name__}" for rule in rules.RULES if rule not in [of for of, _ in FAULTS]]
for number, (expected, fault) in enumerate(FAULTS, start=1):
    # Aliases of one anchor are one object once loaded: a fault in one service must stay in one.
    compose = {key: copy.deepcopy(part) for key, part in WELL.items()}
    compose["services"] = {name: copy.deepcopy(service) for name, service in WELL["services"].items()}
    fault(compose)
    speaking = [rule.__name__ for rule in rules.RULES if list(rule(compose))]
    if speaking != [expected.__name__]:
        missed.append(f"rules_test.py: fault {number} is for {expected.__name__}, but {speaking or 'nobody'} noticed it")
for sentence in missed:
    print(sentence, file=sys.stderr)
sys.exit(1 if missed else 0)
