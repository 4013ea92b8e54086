"""What does it cost, since when, and what is a credit worth? Dated data, strictly read."""

from mh_preflight.rates.card import PlanRates, RateCard
from mh_preflight.rates.choices import Modes, Sizes
from mh_preflight.rates.dated import Dated, Source, decimal_text, seconds_text
from mh_preflight.rates.endpoint import EndpointRates, Priced, Variant
from mh_preflight.rates.entries import Against, Billing, Extra, ExtraKind, Rate, RateRange, Unit
from mh_preflight.rates.files import EndpointFile, PlansFile, file_schema
from mh_preflight.rates.folder import bundled_rates
from mh_preflight.rates.installed import installed_rates
from mh_preflight.rates.limits import Cap
from mh_preflight.rates.loading import read_file
from mh_preflight.rates.money import CreditPrice, dollars, whole_credits
from mh_preflight.rates.plans import (
    Comparison,
    PlanCost,
    compare_plans,
    next_reset,
    pacific_day,
)
from mh_preflight.rates.prices import BASES, Basis, Pack

__all__ = [
    "BASES",
    "Against",
    "Basis",
    "Billing",
    "Cap",
    "Comparison",
    "CreditPrice",
    "Dated",
    "EndpointFile",
    "EndpointRates",
    "Extra",
    "ExtraKind",
    "Modes",
    "Pack",
    "PlanCost",
    "PlanRates",
    "PlansFile",
    "Priced",
    "Rate",
    "RateCard",
    "RateRange",
    "Sizes",
    "Source",
    "Unit",
    "Variant",
    "bundled_rates",
    "compare_plans",
    "decimal_text",
    "dollars",
    "file_schema",
    "installed_rates",
    "next_reset",
    "pacific_day",
    "read_file",
    "seconds_text",
    "whole_credits",
]
