"""What is known about a file: frozen facts, how each was learned, and which are not certain."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer
from pydantic.json_schema import SkipJsonSchema

from mh_preflight.errors import InputError
from mh_preflight.units import Number, frame_rate, microseconds, positive, seconds, valid_text

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    FrameTimes: TypeAlias = npt.NDArray[np.int64] | None
else:
    FrameTimes: TypeAlias = SkipJsonSchema[
        Any
    ]  # pydantic would look inside an array's type, and need not

__all__ = ["Audio", "Failure", "Image", "Kind", "Media", "Video"]

Kind: TypeAlias = Literal["video", "audio", "image", "animation"]


class _Facts(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)


class Video(_Facts):
    """The track that a player shows.

    Attributes:
        codec: FFmpeg's name for it.
        width: Pixels as displayed, after sample aspect ratio and rotation.
        height: Pixels as displayed, after rotation.
        coded_width: Pixels as stored.
        coded_height: Pixels as stored.
        rotation: Degrees clockwise that a player turns the picture by: 0, 90, 180 or 270.
        fps: Frames a second, exact. The declared rate where every time stamp lies within one tick
            of it, else the nearest usual rate for which that holds, else frames / duration.
        nominal_fps: The rate that the file declares, right or wrong.
        frames: Frames that a player shows.
        start_seconds: Time stamp of the first frame.
        duration_seconds: From the first frame to the end of the last.
        variable_frame_rate: A time stamp is further than half a frame from the even grid.
        frame_times: Sorted int64 microseconds from the first frame, where the rate varies or is
            not certain; not part of the JSON.
    """

    codec: str | None = None
    width: int | None = None
    height: int | None = None
    coded_width: int | None = None
    coded_height: int | None = None
    rotation: int | None = None
    fps: Fraction | None = None
    nominal_fps: Fraction | None = None
    frames: int | None = None
    start_seconds: float | None = None
    duration_seconds: float | None = None
    variable_frame_rate: bool | None = None
    frame_times: FrameTimes = Field(default=None, exclude=True, repr=False)

    def __eq__(self, other: object) -> bool:
        """Compare all but the frame times, which follow from the file."""
        if not isinstance(other, Video):
            return NotImplemented
        return self.model_dump() == other.model_dump()

    def __hash__(self) -> int:
        return hash((self.codec, self.frames, self.fps, self.duration_seconds))


class Audio(_Facts):
    """The sound that a player plays.

    Attributes:
        codec: FFmpeg's name for it.
        duration_seconds: Decoded samples / sample rate, priming and padding removed.
        sample_rate: Samples a second.
        channels: Number of channels.
    """

    codec: str | None = None
    duration_seconds: float | None = None
    sample_rate: int | None = None
    channels: int | None = None


class Image(_Facts):
    """A still picture, or one picture of an animation.

    Attributes:
        width: Pixels as displayed, after the file's orientation.
        height: Pixels as displayed, after the file's orientation.
        orientation: EXIF orientation, 1 to 8; None where the file states none.
    """

    width: int
    height: int
    orientation: int | None = None


Source: TypeAlias = Annotated[str, PlainSerializer(valid_text, when_used="json")]


class Failure(_Facts):
    """Why a file could not be read.

    Attributes:
        code: A stable word.
        message: One line for people.
    """

    code: str
    message: str


class Media(_Facts):
    """All that is known about one source.

    Attributes:
        source: The file or URL as it was given.
        size_bytes: Size of the file; None where it was not looked at.
        kind: What it is shown as.
        container: FFmpeg's or Pillow's name of the format.
        duration_seconds: The longest track that is not cover art.
        video: The video track or animation.
        audio: The audio track.
        image: The still.
        learned_from: For each fact how it was learned: `header`, `index`, `packets`, `decoding`,
            `box`, `given`, `page`.
        uncertain: For each fact that is not certain, why. What is not listed is certain.
        error: Set only in listings that go on after a file that cannot be read.
        cover_art: The file carries a cover picture, which is not video; not part of the JSON.
        identity: What the content is known by, so that a change of it shows; not part of the JSON.
    """

    source: Source
    size_bytes: int | None = None
    kind: Kind | None = None
    container: str | None = None
    duration_seconds: float | None = None
    video: Video | None = None
    audio: Audio | None = None
    image: Image | None = None
    learned_from: dict[str, str] = Field(default_factory=dict)
    uncertain: dict[str, str] = Field(default_factory=dict)
    error: Failure | None = None
    cover_art: SkipJsonSchema[bool] = Field(default=False, exclude=True)
    identity: SkipJsonSchema[str | None] = Field(default=None, exclude=True, repr=False)

    def __eq__(self, other: object) -> bool:
        """Compare what the JSON shows."""
        if not isinstance(other, Media):
            return NotImplemented
        return self.model_dump() == other.model_dump()

    def __hash__(self) -> int:
        return hash((self.source, self.size_bytes, self.duration_seconds))

    @classmethod
    def given(  # noqa: PLR0913  one argument a fact
        cls,
        kind: Kind,
        *,
        source: str = "given",
        fps: Number | None = None,
        duration_seconds: Number | None = None,
        width: int | None = None,
        height: int | None = None,
        frames: int | None = None,
        size_bytes: int | None = None,
    ) -> Media:
        """State the facts of a file that is not at hand; they are taken as certain.

        Args:
            kind: `video`, `audio`, `image` or `animation`.
            source: What to call it.
            fps: Frames a second, constant.
            duration_seconds: Length of the video, or of the audio.
            width: Displayed width in pixels.
            height: Displayed height in pixels.
            frames: Frames of the video.
            size_bytes: Size of the file.

        Raises:
            InputError: A fact is no number, or not one that this kind of media has.

        Example:
            >>> Media.given("video", fps="30000/1001", duration_seconds=10).video.fps
            Fraction(30000, 1001)
        """
        empty: dict[Kind, Media] = {
            "video": cls(source=source, kind="video", video=Video()),
            "animation": cls(source=source, kind="animation", video=Video()),
            "audio": cls(source=source, kind="audio", audio=Audio()),
            "image": cls(source=source, kind="image"),
        }
        if kind not in tuple(empty):
            raise InputError(f"kind: {kind!r} is none of {', '.join(empty)}", field="kind")
        return empty[kind].but_given(
            fps=fps,
            duration_seconds=duration_seconds,
            width=width,
            height=height,
            frames=frames,
            size_bytes=size_bytes,
        )

    def but_given(  # noqa: PLR0913  one argument a fact
        self,
        *,
        fps: Number | None = None,
        duration_seconds: Number | None = None,
        width: int | None = None,
        height: int | None = None,
        frames: int | None = None,
        size_bytes: int | None = None,
        track: Literal["video", "audio", "image"] | None = None,
    ) -> Media:
        """Replace facts by the caller's own, which are taken as certain.

        Args:
            fps: Frames a second, constant.
            duration_seconds: Length of the track.
            width: Displayed width in pixels.
            height: Displayed height in pixels.
            frames: Frames of the video.
            size_bytes: Size of the file.
            track: What the facts are of; by default the video, else the audio, else the image.

        Raises:
            InputError: A fact is no number, or not one that this kind of media has.
        """
        room = track or ("video" if self.video else "audio" if self.audio else "image")
        facts: dict[str, Any] = {}
        if fps is not None:
            facts |= {"fps": frame_rate(fps, field="fps"), "variable_frame_rate": False}
        if duration_seconds is not None:
            whole = microseconds(duration_seconds, field="duration_seconds")
            facts["duration_seconds"] = seconds(whole)
        for name, value in (("width", width), ("height", height), ("frames", frames)):
            if value is not None:
                facts[name] = positive(value, field=name)
        media = self
        if facts:
            media = media._with(room, facts)
        if size_bytes is not None:
            media = media.model_copy(
                update={"size_bytes": positive(size_bytes, field="size_bytes")}
            )
        return media

    def _with(self, room: str, facts: dict[str, Any]) -> Self:
        held: Any = getattr(self, room)
        models: dict[str, type[_Facts]] = {"video": Video, "audio": Audio, "image": Image}
        fields = models[room].model_fields
        if strange := set(facts) - set(fields):
            name = min(strange)
            raise InputError(f"{name}: {self.kind or room} has no such fact", field=name)
        if held is None and room != "image":
            raise InputError(f"{min(facts)}: {self.source!r} has no {room}", field=min(facts))
        if room == "image":
            size = {"width", "height"} & set(facts) if held is None else {"width", "height"}
            if size != {"width", "height"}:
                raise InputError("width: an image needs both width and height", field="width")
            changed: Any = Image(**facts) if held is None else held.model_copy(update=facts)
        else:
            changed = held.model_copy(
                update=facts | ({"frame_times": None} if "fps" in facts else {})
            )
        names = {f"{room}.{fact}" for fact in facts}
        update: dict[str, Any] = {
            room: changed,
            "learned_from": {**self.learned_from, **dict.fromkeys(sorted(names), "given")},
            "uncertain": {k: v for k, v in self.uncertain.items() if k not in names},
        }
        if "duration_seconds" in facts:
            beside = self.audio if room == "video" else self.video
            other = beside.duration_seconds if beside else None
            update["duration_seconds"] = max(facts["duration_seconds"], other or 0.0)
        return self.model_copy(update=update)
