"""A folder to write `fraises.yaml` in, which is also the working folder, as messages show paths from there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

Write = Callable[[str], Path]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def write(folder: Path) -> Write:
    """Write the file and return its path."""

    def write_it(text: str) -> Path:
        path = folder / "fraises.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write_it


@pytest.fixture
def message_of(write: Write) -> Callable[[str], str]:
    """Return what a wrong file is refused with."""
    from fraisier.contract.errors import ConfigError
    from fraisier.engine.configuration.config import load_config

    def refuse(text: str) -> str:
        with pytest.raises(ConfigError) as caught:
            load_config(write(text))
        assert "\n" not in str(caught.value)
        return str(caught.value)

    return refuse


@pytest.fixture
def problems_of(write: Write) -> Callable[[str], list[str]]:
    """Return all that is wrong with a file."""
    from fraisier.contract.errors import ConfigError
    from fraisier.engine.configuration.config import load_config

    def refuse(text: str) -> list[str]:
        with pytest.raises(ConfigError) as caught:
            load_config(write(text))
        return caught.value.problems

    return refuse
