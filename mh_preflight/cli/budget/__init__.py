"""mh-preflight budget: how much may be spent, what is held, and what was spent?"""

from __future__ import annotations

import typer

from mh_preflight.cli.budget.history import history as history_command
from mh_preflight.cli.budget.recover import recover as recover_command
from mh_preflight.cli.budget.set import set_budget
from mh_preflight.cli.budget.status import status as status_command

__all__ = ["build_budget"]


def build_budget() -> typer.Typer:
    """Build the group of commands."""
    group = typer.Typer(
        help="Set limits, and see what is held and what was spent.",
        no_args_is_help=True,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    group.command("set")(set_budget)
    group.command("status")(status_command)
    group.command("history")(history_command)
    group.command("recover")(recover_command)
    return group
