"""What docker-compose.yml promises of every service, and no schema can check.

Each rule is a function over the file as it is written (anchors resolved, variables not) and yields sentences. rules_test.py makes a
fault for each of them.
"""

import pathlib
import re
import sys

from ruamel.yaml import YAML

ROOT = pathlib.Path(__file__).resolve().parents[2]
PROFILES = {"distributed", "observability", "load"}
# A password that is asked for by name, with a sentence for who has none yet.
ASKED_FOR = re.compile(r"\$\{[A-Z_]+:\?[^}]+\}")
SECRET_NAME = re.compile(r"PASS|SECRET|TOKEN|AUTH$|PRIVATE|CREDENTIAL|_KEY$")
PASSWORD_IN_URL = re.compile(r"://[^/@\s]*?:((?:\$\{[^}]*\}|[^@/\s])*)@")
VARIABLE = re.compile(r"(?<!\$)\$(?:\{([^}]*)\}|\w+)")
# `1.28`, `v3.13.3`, `581.0.0-emulators`: at least two numbers, or a digest.
VERSION = re.compile(r":v?\d+\.\d+[\w.-]*$|@sha256:[0-9a-f]{64}$")
UNITS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600}


def load(path):
    return YAML(typ="safe").load((ROOT / path).read_text())


def seconds(text):
    parts = re.findall(r"(\d+)(ms|s|m|h)", str(text))
    return sum(int(number) * UNITS[unit] for number, unit in parts)


def texts(value, name=""):
    """Every text with the name it stands under."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from texts(inner, str(key))
    elif isinstance(value, list):
        for inner in value:
            # `NAME=value`, as environments may be written too.
            key, equals, rest = str(inner).partition("=")
            yield from texts(rest if equals else inner, key if equals else name)
    elif isinstance(value, str):
        yield name, value


def settings(service):
    """The environment, which may be written as a list too."""
    environment = service.get("environment", {})
    return environment if isinstance(environment, dict) else dict(line.partition("=")[::2] for line in environment)


def is_one_shot(service):
    return service.get("restart") == "no"


def profiles_are_known(compose):
    for name, service in compose["services"].items():
        profiles = set(service.get("profiles", []))
        if not profiles or not profiles <= PROFILES:
            yield f"{name}: profiles must be some of {sorted(PROFILES)}"


def images_are_pinned(compose):
    for name, service in compose["services"].items():
        if not (("build" in service) or VERSION.search(service.get("image", ""))):
            yield f"{name}: {service.get('image')} has no exact version"


def every_service_says_when_it_is_well(compose):
    for name, service in compose["services"].items():
        health = service.get("healthcheck", {})
        if service.get("restart") not in ("no", "unless-stopped"):
            yield f'{name}: restart must be unless-stopped, or "no" for what ends by itself'
        elif not is_one_shot(service) and (health.get("disable") or not health.get("test")):
            yield f"{name}: runs on, but has no healthcheck"


def dependencies_are_waited_for(compose):
    services = compose["services"]
    for name, service in services.items():
        for other, how in service.get("depends_on", {}).items():
            if other not in services:
                yield f"{name}: depends on {other}, which does not exist"
                continue
            if not set(service.get("profiles", [])) <= set(services[other].get("profiles", [])):
                yield f"{name}: depends on {other}, which is not in its profile"
            wanted = "service_completed_successfully" if is_one_shot(services[other]) else "service_healthy"
            if how.get("condition") != wanted:
                yield f"{name}: must wait for {other} by {wanted}"


def nothing_is_published_to_others(compose):
    for name, service in compose["services"].items():
        if service.get("network_mode"):
            yield f"{name}: network_mode would go around the networks"
        for port in service.get("ports", []):
            on_loopback = port.get("host_ip") == "127.0.0.1" if isinstance(port, dict) else str(port).startswith("127.0.0.1:")
            if not on_loopback:
                yield f"{name}: port {port} is not published on 127.0.0.1 only"


def no_password_is_written_down(compose):
    for name, text in texts(compose):
        if SECRET_NAME.search(name) and not ASKED_FOR.fullmatch(text):
            yield f"{name}: must be ${{VARIABLE:?sentence}}"
        for password in PASSWORD_IN_URL.findall(text):
            if not ASKED_FOR.fullmatch(password):
                yield f"{name}: the password in its URL must be ${{VARIABLE:?sentence}}"


def missing_variables_are_explained(compose):
    for name, text in texts(compose):
        for inside in VARIABLE.findall(text):
            if not re.fullmatch(r"[A-Z_]+:(\?.*make-env.*|-.*)", inside):
                yield f"{name}: a missing variable must name ops/compose/make-env, or have a default"


def services_are_locked_down(compose):
    for name, service in compose["services"].items():
        user = str(service.get("user", "0"))
        if not re.fullmatch(r"[1-9]\d*:\d+", user):
            yield f"{name}: user {user} must be a number, and not root's"
        if service.get("read_only") is not True:
            yield f"{name}: the root file system must be read_only"
        if service.get("cap_drop") != ["ALL"] or service.get("cap_add") or service.get("privileged"):
            yield f"{name}: must have no capabilities"
        if "no-new-privileges:true" not in service.get("security_opt", []):
            yield f"{name}: must have no-new-privileges:true"
        limits = service.get("deploy", {}).get("resources", {}).get("limits", {})
        if not ("memory" in limits and "pids" in limits):
            yield f"{name}: must have limits of memory and pids"


def nobody_is_cut_short(compose):
    for name, service in compose["services"].items():
        grace = service.get("stop_grace_period")
        limit = settings(service).get("STAMPEDE_SHUTDOWN_LIMIT")
        if not is_one_shot(service) and grace is None:
            yield f"{name}: must have a stop_grace_period"
        elif not is_one_shot(service) and "build" in service and limit is None:
            yield f"{name}: must have a STAMPEDE_SHUTDOWN_LIMIT, or nobody knows whether stop_grace_period is enough"
        elif limit is not None and seconds(grace) <= seconds(limit):
            yield f"{name}: stop_grace_period ({grace}) must be longer than STAMPEDE_SHUTDOWN_LIMIT ({limit})"


def mounts_exist_and_are_read_only(compose):
    for name, service in compose["services"].items():
        for mount in service.get("volumes", []):
            if isinstance(mount, str):
                if mount.split(":")[0] not in compose.get("volumes", {}):
                    yield f"{name}: {mount} is no named volume; write a mount of a file in its long form"
            elif mount.get("type") != "bind" or mount.get("read_only") is not True:
                yield f"{name}: {mount.get('source')} must be a read-only bind"
            elif not (ROOT / mount["source"]).exists():
                yield f"{name}: {mount['source']} does not exist"


def settings_exist(compose, reference="ops/CONFIGURATION.md"):
    known = set(re.findall(r"^\| `([A-Z_]+)`", (ROOT / reference).read_text(), re.MULTILINE))
    for name, service in compose["services"].items():
        for setting in settings(service) if "build" in service else ():
            if setting not in known:
                yield f"{name}: {setting} is no setting of stampede ({reference})"


def scrapes_find_their_services(compose, prometheus=None):
    prometheus = prometheus or load("ops/prometheus/prometheus.yml")
    known = set(compose["services"]) | {"localhost"}
    for job in prometheus["scrape_configs"]:
        hosts = [name for found in job.get("dns_sd_configs", []) for name in found["names"]]
        hosts += [target.split(":")[0] for found in job.get("static_configs", []) for target in found["targets"]]
        for host in hosts:
            if host not in known:
                yield f"ops/prometheus/prometheus.yml: {job['job_name']} looks for {host}, which is no service"


RULES = [
    profiles_are_known,
    images_are_pinned,
    every_service_says_when_it_is_well,
    dependencies_are_waited_for,
    nothing_is_published_to_others,
    no_password_is_written_down,
    missing_variables_are_explained,
    services_are_locked_down,
    nobody_is_cut_short,
    mounts_exist_and_are_read_only,
    settings_exist,
    scrapes_find_their_services,
]

if __name__ == "__main__":
    compose = load("docker-compose.yml")
    found = [sentence for rule in RULES for sentence in rule(compose)]
    for sentence in found:
        print(f"docker-compose.yml: {sentence}", file=sys.stderr)
    sys.exit(1 if found else 0)
