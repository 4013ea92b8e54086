"""Print docs/endpoints.md: which endpoints are priced, by what, and what is not known.

Run it after a change of the rates: python docs/coverage.py > docs/endpoints.md
"""

from __future__ import annotations

import sys
from datetime import date
from fractions import Fraction

from mh_preflight.errors import UnknownRateError
from mh_preflight.jobs import ENDPOINTS
from mh_preflight.rates import EndpointRates, bundled_rates

HEAD = """# The endpoints

Every endpoint of the API that takes credits (Python SDK 0.90.0), on {day}. This page is
printed from the rate files by `python docs/coverage.py`; `mh-preflight rates ENDPOINT` shows the
history of one with its sources.

`mh-preflight estimate ENDPOINT --request body.json` prices any of them, with the body that the API
takes; in Python, `mh.job("text-to-video", **body)` builds the job.

| endpoint | charged by the | once rendered | credits a unit | no public rate |
|---|---|---|---|---|
"""


def table(day: date) -> str:
    """Give the whole page.

    Args:
        day: The day whose rates count.
    """
    rows = [_row(name, day) for name in sorted(ENDPOINTS)]
    return HEAD.format(day=day) + "\n".join(rows) + "\n"


def _row(name: str, day: date) -> str:
    on_day = bundled_rates().endpoint(name, day)
    mode = on_day.modes.default if on_day.modes else None
    billing = on_day.billing(mode)
    settles = "stays as it is" if billing.at_once else "settles to the frames"
    unit = billing.at_once or "frame"
    known, unknown = _prices(on_day)
    return f"| {name} | {unit} | {settles} | {known or 'none published'} | {unknown} |"


def _prices(on_day: EndpointRates) -> tuple[str, str]:
    listed = [e for e in on_day.all("models") if not e.runs and not _gone(e, on_day.day)]
    modes = on_day.modes.names if on_day.modes else (None,)
    prices: set[Fraction] = set()
    missing: dict[str, list[str | None]] = {}
    for mode in modes:
        for model in [entry.name for entry in listed] or [None]:
            for size in on_day.offered(model) or (None,):
                try:
                    price = on_day.priced(mode, ((model, size),)).unit
                except UnknownRateError:
                    missing.setdefault(model or mode or "", []).append(size)
                else:
                    prices |= {price.low, price.high}
    ends = [f"{float(price):.3g}" for price in (min(prices), max(prices))] if prices else []
    what = [
        " ".join([name, *dict.fromkeys(s for s in sizes if s)]) for name, sizes in missing.items()
    ]
    return " to ".join(dict.fromkeys(ends)), "; ".join(part.strip() or "all" for part in what)


def _gone(entry: object, day: date) -> bool:
    delisted = getattr(entry, "delisted", None)
    return delisted is not None and delisted <= day


if __name__ == "__main__":
    sys.stdout.write(table(max(file.checked for file in bundled_rates().endpoints.values())))
