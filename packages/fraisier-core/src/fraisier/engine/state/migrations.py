"""The tables and views, as numbered steps of SQL; a step that was released is never edited.

Every table has `id` (public UUID), `identifier` (business key) and `pk_<table>`, which views never show.
Writes go to `tb_*`, reads come from `v_*`. Times are UTC, as ISO 8601 text of one length, so that text order is
time order.
"""

from __future__ import annotations

from typing import Final

_FIRST = """
CREATE TABLE tb_fraise_state (
    pk_fraise_state INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    identifier TEXT NOT NULL UNIQUE,  -- my_api:production
    fraise TEXT NOT NULL,
    environment TEXT NOT NULL,
    type TEXT,
    provider TEXT NOT NULL,
    fallback INTEGER NOT NULL DEFAULT 0,  -- 1: what is in service is in service there
    status TEXT NOT NULL,  -- of the last attempt; what follows is of the last success
    version TEXT,
    revision TEXT,
    deployed_at TEXT,
    fk_deployment INTEGER REFERENCES tb_deployment (pk_deployment)
);

CREATE TABLE tb_deployment (
    pk_deployment INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    identifier TEXT NOT NULL UNIQUE,  -- my_api:production:7
    fk_fraise_state INTEGER NOT NULL REFERENCES tb_fraise_state (pk_fraise_state),
    fraise TEXT NOT NULL,  -- repeated from the state, so that one index filters and sorts
    environment TEXT NOT NULL,
    number INTEGER NOT NULL,  -- counts the attempts of one fraise in one environment
    kind TEXT NOT NULL,
    provider TEXT NOT NULL,
    fallback INTEGER NOT NULL DEFAULT 0,  -- 1: made on the fallback, which may have the same provider
    status TEXT NOT NULL,
    version TEXT,
    revision TEXT,
    details TEXT,
    previous_version TEXT,
    previous_revision TEXT,
    started_at TEXT NOT NULL,
    finished_at TEXT,
    duration_seconds REAL,
    user TEXT NOT NULL,
    host TEXT NOT NULL,
    host_identity TEXT NOT NULL,
    pid INTEGER NOT NULL,
    process_started TEXT,
    error TEXT,
    steps TEXT NOT NULL DEFAULT '[]',
    UNIQUE (fk_fraise_state, number)
);
CREATE INDEX ix_deployment_started ON tb_deployment (started_at);
CREATE INDEX ix_deployment_fraise ON tb_deployment (fraise, started_at);
CREATE INDEX ix_deployment_environment ON tb_deployment (environment, started_at);
CREATE INDEX ix_deployment_target ON tb_deployment (fraise, environment, started_at);
CREATE INDEX ix_deployment_status ON tb_deployment (fraise, environment, status, number);
CREATE INDEX ix_deployment_revision ON tb_deployment (fraise, environment, revision, status);
CREATE INDEX ix_deployment_running ON tb_deployment (started_at) WHERE status = 'running';

CREATE TABLE tb_provider_config (
    pk_provider_config INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    identifier TEXT NOT NULL UNIQUE,  -- my_api:production:local
    fk_fraise_state INTEGER NOT NULL REFERENCES tb_fraise_state (pk_fraise_state),
    provider_name TEXT NOT NULL,
    provider_type TEXT NOT NULL,
    configuration TEXT NOT NULL,  -- JSON without secrets
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);
CREATE INDEX ix_provider_config_state ON tb_provider_config (fk_fraise_state);

CREATE TABLE tb_deployment_lock (
    pk_deployment_lock INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    identifier TEXT NOT NULL UNIQUE,  -- my_api:production:local
    service_name TEXT NOT NULL,
    provider_name TEXT NOT NULL,
    holder TEXT NOT NULL,
    host TEXT NOT NULL,
    host_identity TEXT,
    pid INTEGER,
    process_started TEXT,
    reason TEXT,
    deployment TEXT,
    fencing_token INTEGER UNIQUE,
    locked_at TEXT NOT NULL,
    expires_at TEXT,  -- NULL: frozen by hand
    UNIQUE (service_name, provider_name)
);

CREATE VIEW v_fraise_state AS
SELECT s.id, s.identifier, s.fraise, s.environment, s.type, s.provider, s.fallback, s.status, s.version,
    s.revision, s.deployed_at, d.id AS deployment
FROM tb_fraise_state s LEFT JOIN tb_deployment d ON d.pk_deployment = s.fk_deployment;

CREATE VIEW v_deployment AS
SELECT id, identifier, fraise, environment, number, kind, provider, fallback, status, version, revision,
    details, previous_version, previous_revision, started_at, finished_at, duration_seconds, user, host,
    host_identity, pid, process_started, error, steps
FROM tb_deployment;

CREATE VIEW v_provider_config AS
SELECT c.id, c.identifier, s.fraise, s.environment, c.provider_name, c.provider_type, c.configuration,
    c.created_at, c.updated_at
FROM tb_provider_config c JOIN tb_fraise_state s ON s.pk_fraise_state = c.fk_fraise_state;

CREATE VIEW v_deployment_lock AS
SELECT l.id, l.identifier, l.service_name, l.provider_name, l.holder, l.host, l.host_identity, l.pid,
    l.process_started, l.reason, l.deployment, d.identifier AS deployment_identifier, l.fencing_token,
    l.locked_at, l.expires_at
FROM tb_deployment_lock l LEFT JOIN tb_deployment d ON d.id = l.deployment;
"""

STEPS: Final = {"m001_first": _FIRST}
"""Name of each migration, in order, and its SQL."""
