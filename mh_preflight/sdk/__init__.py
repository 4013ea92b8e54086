"""Spend through the official SDK: the same client, whose jobs are priced, held and settled."""

from __future__ import annotations

from mh_preflight.sdk.guarding import guard, with_id

__all__ = ["guard", "with_id"]
