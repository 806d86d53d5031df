"""How long a `fraises.yaml` of 1 MiB takes: to be read, to be loaded, and to be told a line of.

Run: python bench/config_load.py [FILE]
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fraisier.engine.configuration.config import load_config
from fraisier.engine.configuration.yaml_file import MAX_BYTES, read_yaml
from fraisier.engine.configuration.yaml_parser import parse

_FRAISE = """\
  my_api_{n}:
    type: api
    providers:
      production:
        provider: bare_metal
        config:
          ssh_user: deploy
          ssh_key_path: /etc/fraisier/keys/prod.pem
          ssh_host: prod-{n}.example.com
          git_repo: git@github.com:acme/my_api_{n}.git
          branch: main
          app_path: /var/app_{n}
          systemd_service: my_api_{n}.service
        health_check:
          url: http://127.0.0.1:8000/health
          timeout: 30
        fallback:                       # tried when this target fails pre-flight or deploy
          provider: docker_compose
          config: {{compose_file: docker-compose.yml, service_name: my_api_{n}}}
      staging:
        provider: docker_compose
        config:
          compose_file: docker-compose.yml
          service_name: my_api_{n}
"""


def example() -> str:
    """Return as many fraises, in the form of the design, as 1 MiB holds."""
    parts, size, n = ["fraises:\n"], 9, 0
    while size + len(part := _FRAISE.format(n=n)) <= MAX_BYTES:
        parts.append(part)
        size += len(part)
        n += 1
    return "".join(parts)


def nodes(value: Any) -> int:
    """Return how many values there are in a value, itself counted."""
    below = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return 1 + sum(map(nodes, below))


def fastest(run: Callable[[], object], times: int = 7) -> float:
    """Return the milliseconds of the fastest of some runs."""
    spent = []
    for _ in range(times):
        started = time.perf_counter()
        run()
        spent.append((time.perf_counter() - started) * 1000)
    return min(spent)


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(folder) / "fraises.yaml"
        if len(sys.argv) == 1:
            path.write_text(example(), encoding="utf-8")
        text = path.read_text(encoding="utf-8")
        document = read_yaml(path)
        print(f"{len(text.encode())} bytes, {text.count(chr(10))} lines, {nodes(document.value)} values")
        print(f"read_yaml            {fastest(lambda: read_yaml(path)):7.1f} ms")
        print(f"load_config          {fastest(lambda: load_config(path)):7.1f} ms")
        print(f"the YAML parser only {fastest(lambda: parse(text, 'fraises.yaml')):7.1f} ms")
        print(f"the line of a key    {fastest(lambda: read_yaml(path).line_of(('x',))):7.1f} ms, read and found")


if __name__ == "__main__":
    main()
