"""mh-preflight demo: the main job, on sample files that it makes itself."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Group
from rich.text import Text

from mh_preflight.cli.options import Json, chosen_plan
from mh_preflight.cli.output import show, working
from mh_preflight.cli.samples import Samples, make_samples
from mh_preflight.errors import InputError
from mh_preflight.flow import preflight
from mh_preflight.jobs import Job, LipSync, TalkingPhoto

if TYPE_CHECKING:
    from mh_preflight.flow import Report

__all__ = ["demo"]


def _reason(error: OSError) -> str:
    return "it is no folder" if isinstance(error, FileExistsError) else str(error.strerror)


def demo(
    keep: Annotated[
        Path | None, typer.Option(help="Keep the sample files in this folder.", metavar="FOLDER")
    ] = None,
    plan: Annotated[
        str | None,
        typer.Option(
            "--plan",
            help="free, creator, pro or business. Default: MH_PREFLIGHT_PLAN, then "
            "mh-preflight.toml, then creator.",
            metavar="PLAN",
            show_default=False,
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Make small sample files and show what a Lip Sync and a Talking Photo job on them will cost.

    Example: mh-preflight demo --keep samples
    """
    chosen = chosen_plan(plan) or "creator"
    with tempfile.TemporaryDirectory() as temporary:
        folder = keep or Path(temporary)
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with working("making a clip, a voice and a portrait"):
                samples = make_samples(folder)
        except OSError as error:
            raise InputError(
                f"{str(folder)!r} cannot be written to: {_reason(error)}", source=str(folder)
            ) from None
        reports = [preflight(job, plan=chosen) for job in _jobs(samples)]
        if as_json:
            typer.echo(json.dumps([_plain(report) for report in reports]))
            return
        from mh_preflight.render.terminal import report_view

        show(
            Group(
                Text(f"Sample files in {folder}" if keep else "Sample files made for this demo:"),
                Text("  clip.mp4      6 s at 60 fps, 640 x 360, with sound"),
                Text("  voice.wav     5 s"),
                Text("  portrait.png  640 x 360\n"),
            )
        )
        for report in reports:
            show(report_view(report))
            show(Text(""))
        show(Text("Your own: mh-preflight estimate lip-sync --video clip.mov --audio line.mp3"))


def _jobs(samples: Samples) -> tuple[Job, Job]:
    return (
        LipSync(
            assets={
                "video_source": "file",
                "video_file_path": str(samples.video),
                "audio_file_path": str(samples.voice),
            },
            start_seconds=0,
            end_seconds=5,
        ),
        TalkingPhoto(
            assets={
                "image_file_path": str(samples.portrait),
                "audio_file_path": str(samples.voice),
            },
            start_seconds=0,
            end_seconds=5,
        ),
    )


def _plain(report: Report) -> Any:
    from mh_preflight.render.wire import report_json

    return json.loads(report_json(report))
