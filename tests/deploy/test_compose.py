"""The compose file and Grafana's provisioning: parsed, and held against what they point to."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from aligntax.deploy import Settings, write_pack


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_pack(tmp_path, Settings(prometheus_port=19090, grafana_port=13000))
    return tmp_path


@pytest.fixture
def services(folder: Path) -> dict[str, Any]:
    compose = yaml.safe_load((folder / "compose.yml").read_text(encoding="utf-8"))
    assert set(compose) == {"name", "services", "volumes"}
    found: dict[str, Any] = compose["services"]
    return found


def test_images_are_pinned(services: dict[str, Any]) -> None:
    assert set(services) == {"prometheus", "grafana"}
    for service in services.values():
        assert re.fullmatch(r"[a-z]+/[a-z]+:v?\d+\.\d+\.\d+", service["image"])


def test_both_listen_on_the_loopback_address_only(services: dict[str, Any]) -> None:
    assert all(service["network_mode"] == "host" and "ports" not in service for service in services.values())
    assert "--web.listen-address=127.0.0.1:19090" in services["prometheus"]["command"]
    environment = services["grafana"]["environment"]
    assert environment["GF_SERVER_HTTP_ADDR"] == "127.0.0.1"
    assert environment["GF_SERVER_HTTP_PORT"] == "13000"


def test_nobody_can_log_in_with_a_default_password(services: dict[str, Any]) -> None:
    environment = services["grafana"]["environment"]
    assert environment["GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION"] == "true"
    assert environment["GF_AUTH_ANONYMOUS_ORG_ROLE"] == "Viewer"
    for service in services.values():
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]


def test_what_is_mounted_is_there(folder: Path, services: dict[str, Any]) -> None:
    compose = yaml.safe_load((folder / "compose.yml").read_text(encoding="utf-8"))
    for service in services.values():
        for volume in service["volumes"]:
            source, target, *options = volume.split(":")
            if source.startswith("./"):
                assert (folder / source).is_dir(), source
                assert options == ["ro"]
            else:
                assert source in compose["volumes"]
            assert target.startswith("/")


def test_prometheus_keeps_what_the_longest_window_needs_and_no_more_than_fits(services: dict[str, Any]) -> None:
    flags = dict(flag.split("=", 1) for flag in services["prometheus"]["command"])
    assert flags["--config.file"] == "/etc/prometheus/prometheus.yml"
    assert int(flags["--storage.tsdb.retention.time"].removesuffix("d")) > 3
    assert flags["--storage.tsdb.retention.size"].endswith("GB")


def test_grafana_finds_prometheus_and_the_dashboard(folder: Path, services: dict[str, Any]) -> None:
    provisioning = folder / "grafana/provisioning"
    (source,) = yaml.safe_load((provisioning / "datasources/aligntax.yml").read_text(encoding="utf-8"))["datasources"]
    assert (source["type"], source["url"], source["isDefault"]) == ("prometheus", "http://127.0.0.1:19090", True)
    config = yaml.safe_load((folder / "prometheus/prometheus.yml").read_text(encoding="utf-8"))
    assert source["jsonData"]["timeInterval"] == config["global"]["scrape_interval"]

    (provider,) = yaml.safe_load((provisioning / "dashboards/aligntax.yml").read_text(encoding="utf-8"))["providers"]
    mounted = {target: source for source, target, *_ in (v.split(":") for v in services["grafana"]["volumes"])}
    boards = folder / mounted[provider["options"]["path"]]
    home = services["grafana"]["environment"]["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
    assert (boards / Path(home).name).is_file()
    assert Path(home).parent == Path(provider["options"]["path"])
    for kind in ("datasources", "dashboards"):
        assert (folder / mounted[f"/etc/grafana/provisioning/{kind}"]) == provisioning / kind
