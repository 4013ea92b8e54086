"""mh-preflight submit: check a job, hold what it may cost, send it once."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mh_preflight.assets import Facts
from mh_preflight.cli.asking import (
    OPTIONS,
    Audio,
    AudioDuration,
    End,
    Endpoint,
    Image,
    MaxFpsLimit,
    Mode,
    Request,
    Resolution,
    Start,
    Text,
    Video,
    VideoDuration,
    VideoFps,
    Youtube,
    asked_end,
    asked_job,
    asked_media,
    option,
)
from mh_preflight.cli.ledger import (
    BASE_URL,
    BaseUrl,
    LedgerPlace,
    PolicyFile,
    chosen_policy,
    opened_ledger,
    plan_with,
)
from mh_preflight.cli.options import Json, PlanName, RatesFile, chosen_rates, number_from, whole
from mh_preflight.cli.output import working
from mh_preflight.cli.reading import (
    AllowHttp,
    AllowPrivate,
    Cached,
    IsolationName,
    Offline,
    Timeout,
    reading,
)
from mh_preflight.cli.sending import Sending, Wish
from mh_preflight.errors import UnknownRateError
from mh_preflight.flow import preflight
from mh_preflight.settings import resolve_settings
from mh_preflight.units import PLANS

if TYPE_CHECKING:
    from mh_preflight.jobs import Job
    from mh_preflight.units import Plan

__all__ = ["EPILOG", "submit"]

SENDING = "Sending"
EPILOG = (
    "The token of the API is read from MAGIC_HOUR_API_KEY, and from nowhere else. Exit codes: 0 "
    "sent, and with --wait rendered; 1 stopped, and nothing was sent; 2 wrong usage, job or "
    "ledger; 3 the API would refuse or has refused it, cannot be reached, or could not render it: "
    "nothing is owed; 4 over a limit, a budget or the policy; 5 no known rate; 6 sent, and its "
    "outcome is not known: it keeps its credits, and the same --id does not send it again."
)


def submit(  # noqa: PLR0913  one parameter an option
    endpoint: Endpoint,
    video: Video = None,
    audio: Audio = None,
    image: Image = None,
    youtube: Youtube = None,
    request: Request = None,
    start: Start = None,
    end: End = None,
    max_fps_limit: MaxFpsLimit = None,
    mode: Mode = None,
    resolution: Resolution = None,
    video_fps: VideoFps = None,
    video_duration: VideoDuration = None,
    audio_duration: AudioDuration = None,
    entry_id: Annotated[
        Text,
        option("--id", "Your own id for this job alone: the same is not sent twice.", SENDING),
    ] = None,
    project: Annotated[
        str, typer.Option(help="What it belongs to.", metavar="NAME", rich_help_panel=SENDING)
    ] = "",
    run: Annotated[Text, option("--run", "The run that it is part of.", SENDING, "NAME")] = None,
    max_credits: Annotated[
        int | None,
        typer.Option(
            parser=whole,
            metavar="CREDITS",
            help="End with 4 where the hold is above.",
            rich_help_panel=SENDING,
        ),
    ] = None,
    max_usd: Annotated[
        Text, option("--max-usd", "End with 4 where the hold is above.", SENDING, "DOLLARS")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Treat warnings as errors.", rich_help_panel=SENDING)
    ] = False,
    wait: Annotated[
        bool,
        typer.Option(
            "--wait", help="Wait for its end, and book what it cost.", rich_help_panel=SENDING
        ),
    ] = False,
    yes: Annotated[
        bool,
        typer.Option("--yes", help="Yes to what the policy asks.", rich_help_panel=SENDING),
    ] = False,
    policy: PolicyFile = None,
    ledger: LedgerPlace = None,
    base_url: BaseUrl = BASE_URL,
    plan: PlanName = None,
    rates: RatesFile = None,
    isolation: IsolationName = None,
    allow_http: AllowHttp = False,
    allow_private: AllowPrivate = False,
    timeout: Timeout = 20.0,
    cached: Cached = False,
    offline: Offline = False,
    as_json: Json = False,
) -> None:
    """Check a job, hold what it may cost, upload its files, and send it, once.

    Example: mh-preflight submit lip-sync --video clip.mov --audio line.mp3 --id scene-1
    """
    from mh_preflight.client import Client

    values = (
        video,
        audio,
        image,
        youtube,
        number_from(start, "--start"),
        number_from(end, "--end"),
        number_from(max_fps_limit, "--max-fps-limit"),
        None,  # width and height, which are deprecated, go into --request
        None,
        mode,
        resolution,
    )
    given = {name: v for name, v in zip(OPTIONS, values, strict=True) if v is not None}
    job = asked_job(endpoint, given, request)
    facts = Facts(video_fps, video_duration, audio_duration)
    rules = chosen_policy(policy)
    chosen = plan_with(rules, plan)
    how = reading(isolation, http=allow_http, private=allow_private, timeout=timeout, cached=cached)
    terms: dict[str, Any] = {
        "as_of": datetime.now(UTC).date(),
        "rates": chosen_rates(rates),
        "offline": True,  # what can be read has been read
        "strict": strict,
    }
    plans = PLANS if chosen is None else (chosen,)
    # Where there is no rate, no file needs to be read.
    _raise_without_rate(job, plans, terms)
    with opened_ledger(ledger, create=True) as opened:
        with working("reading the files"):
            media = asked_media(job, facts, how, offline=offline)
        if request is None and job.trimmed is not None and "end_seconds" not in given:
            job = job.changed({"end_seconds": asked_end(job, media)})
        sending = Sending(
            opened,
            rules,
            Wish(
                secrets.token_hex(6) if entry_id is None else entry_id,
                project=project,
                run=run,
                max_credits=max_credits,
                max_usd=max_usd,
                yes=yes,
                wait=wait,
            ),
            as_json=as_json,
        )
        price = partial(preflight, job, media=media, **terms)
        code = sending.refused(price, plans)
        if code is None:
            # What needs the token, and the network, comes last.
            with Client(base_url=base_url, ledger=opened, policy=rules, plan=chosen) as client:
                report = price(plan=chosen or sending.plan(client))
                code = sending.send(client, report)
    if code:
        raise typer.Exit(code)


def _raise_without_rate(job: Job, plans: Sequence[Plan], terms: Mapping[str, Any]) -> None:
    """Refuse a job for which no rate is known on any of some plans."""
    faults = []
    for plan in plans:
        try:
            resolve_settings(job, plan=plan, day=terms["as_of"], rates=terms["rates"])
        except UnknownRateError as error:
            faults.append(error)
    if len(faults) == len(plans):
        raise faults[0]
