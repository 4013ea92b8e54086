"""The guarded SDK as a user writes it; only the type checker reads this."""

from __future__ import annotations

from typing import assert_type

import magic_hour

from mh_preflight import Report
from mh_preflight.budget import Budget, Entry, Ledger, Policy, State
from mh_preflight.budget.holding import Held, hold
from mh_preflight.sdk import guard, with_id

client = guard(magic_hour.Client(), budget=500, plan="creator")
assert_type(client, magic_hour.Client)
assert_type(with_id(client, "row-1"), magic_hour.Client)
created = client.v1.lip_sync.create(
    assets={"video_source": "youtube", "audio_file_path": "api-assets/id/line.mp3"},
    start_seconds=0,
    end_seconds=5,
)
assert_type(created.id, str)
assert_type(created.credits_charged, int)
client.v1.lip_sync.create(colour="red")  # type: ignore[call-arg]
guard(magic_hour.Client(), plan="gold")  # type: ignore[arg-type]
guard(magic_hour.Client(), budget="500")  # type: ignore[arg-type]

later = guard(
    magic_hour.AsyncClient(),
    budget=[Budget.of(credits=500, per="day")],
    ledger=Ledger("costs.sqlite"),
    policy=Policy(),
    confirm=lambda report, reasons: report.estimate.hold is not None and not reasons,
)
assert_type(later, magic_hour.AsyncClient)


def spend(report: Report) -> None:
    """Spend in a way of one's own."""
    with hold(report, ledger="costs.sqlite") as entry:
        assert_type(entry, Held)
        assert_type(entry.settle(3), Entry)
        assert_type(entry.state, State)
