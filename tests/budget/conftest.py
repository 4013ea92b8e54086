from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from budget.serving_postgres import Unavailable, postgres_server, sql


@pytest.fixture(scope="session")
def postgres_address() -> Iterator[str]:
    """Give the address of a real PostgreSQL, of this worker's own."""
    try:
        with postgres_server() as address:
            yield address
    except Unavailable as reason:
        pytest.skip(f"no PostgreSQL can run here: {reason}")


@pytest.fixture(params=["sqlite", "postgres"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give where a new ledger is to lie, of each kind."""
    if request.param == "sqlite":
        return str(tmp_path / "ledger.sqlite")
    address: str = request.getfixturevalue("postgres_address")
    sql(address, "DROP SCHEMA IF EXISTS mh_preflight CASCADE")
    return address
