"""What does it cost, since when, and what is a credit worth? Dated data, strictly read."""

from mh_preflight.rates.card import EndpointRates, PlanRates, Priced, RateCard, bundled_rates
from mh_preflight.rates.dated import Source, decimal_text
from mh_preflight.rates.entries import (
    BASES,
    Against,
    Basis,
    Billing,
    Cap,
    EndpointFile,
    Modes,
    PlansFile,
    Rate,
    RateRange,
    Sizes,
    Unit,
)
from mh_preflight.rates.loading import read_file
from mh_preflight.rates.money import dollars

__all__ = [
    "BASES",
    "Against",
    "Basis",
    "Billing",
    "Cap",
    "EndpointFile",
    "EndpointRates",
    "Modes",
    "PlanRates",
    "PlansFile",
    "Priced",
    "Rate",
    "RateCard",
    "RateRange",
    "Sizes",
    "Source",
    "Unit",
    "bundled_rates",
    "decimal_text",
    "dollars",
    "read_file",
]
