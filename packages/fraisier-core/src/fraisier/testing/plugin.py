"""The pytest plugin: makes pytest explain the contract kit's assertions as it explains those of a test file."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("fraisier.testing.contract")
