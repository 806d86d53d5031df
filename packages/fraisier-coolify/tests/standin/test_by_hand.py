"""Started by hand, as a person would to try the provider out."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import requests

from .certificate import Certificate
from .coolify import Coolify


@pytest.mark.slow
@pytest.mark.parametrize("tls", [False, True])
def test_a_person_is_told_all_that_fraisier_needs_and_ends_it_with_ctrl_c(tls: bool) -> None:
    if tls and shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    words = ["--version", "4.3.0", "--port", "0", *(["--tls"] if tls else [])]
    environ = os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)}
    with subprocess.Popen(
        [sys.executable, "-m", "standin", *words], env=environ, stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            assert process.stdout is not None
            said = ""
            while "Ctrl-C" not in said:
                line = process.stdout.readline()
                assert line, f"it ended with: {said}"
                said += line
            found = dict(re.findall(r"^(Coolify 4.3.0 at|token:|ca_bundle:) +(\S+)$", said, re.MULTILINE))
            headers = {"Authorization": f"Bearer {found['token:']}", "Accept": "application/json"}
            url = f"{found['Coolify 4.3.0 at']}/api/v1/applications"
            answer = requests.get(url, headers=headers, verify=found.get("ca_bundle:"), timeout=20)
            assert {each["name"] for each in answer.json()} == {"dockerimage", "nixpacks", "dockercompose"}
            assert all(each["uuid"] in said for each in answer.json())
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 0
        finally:
            process.kill()


def test_its_certificate_is_trusted_by_who_knows_its_authority_alone(certificate: Certificate) -> None:
    with Coolify(certificate=certificate) as coolify:
        health = f"{coolify.url}/api/health"
        assert health.startswith("https://")
        assert requests.get(health, verify=str(certificate.ca), timeout=20).text == "OK"
        with pytest.raises(requests.exceptions.SSLError):
            requests.get(health, timeout=20)
