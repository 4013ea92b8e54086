"""Put a guard into the SDK's client: copies of its parts, whose requests go through here.

Every part of the SDK sends through one base client, by its method `request`. The guarded copy of a
client has a base client of its own, whose `request` knows three kinds of requests: one that creates
a job is held before and written down after, one that asks for a project books what it cost once it
has ended, and all others pass. What creates something that is not known here is refused.

Each tool's `generate` uploads, creates, polls and downloads. Its files are on this machine before,
and not after: so it is replaced by one that prices and holds, and then calls the SDK's own.
"""

from __future__ import annotations

import copy
import inspect
import os
import uuid
import weakref
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, TypeVar, cast

from mh_preflight.budget import Budget, Ledger, Policy
from mh_preflight.budget.holding import in_thread
from mh_preflight.budget.reserving import Confirm
from mh_preflight.budget.terms import Budgeted, Holding
from mh_preflight.errors import InputError, MediaError, MissingExtraError
from mh_preflight.jobs import ENDPOINTS, Job, job
from mh_preflight.media import Media, is_remote, is_upload, probe
from mh_preflight.rates import RateCard
from mh_preflight.sdk.once import AsyncOnce, Once
from mh_preflight.sdk.spending import Spending, Terms, settle_project
from mh_preflight.units import PLANS

if TYPE_CHECKING:
    from mh_preflight.units import Plan

__all__ = ["guard", "with_id"]

_Client = TypeVar("_Client")

BEGIN = "/v1/"
FREE = frozenset({"face-detection", "files/upload-urls"})
"""What is posted, and costs nothing."""

PROJECTS = tuple(f"{BEGIN}{kind}-projects/" for kind in ("video", "image", "audio"))
MINE = "_mh_preflight"
BEFORE = "api-assets/sent-before"


@dataclass(frozen=True, slots=True)
class _Guard:
    """What a guarded client was made of.

    Attributes:
        client: The SDK's client.
        base: Its base client.
        terms: On what terms it spends.
        id: The caller's id for its jobs, or None.
        waits: Whether it is the client for event loops.
    """

    client: Any
    base: Any
    terms: Terms
    id: str | None
    waits: bool

    def spending(self, path: str, body: Mapping[str, Any]) -> Spending:
        """Begin a job."""
        return Spending(self.terms, self.id, _job(path, body))


def guard(  # noqa: PLR0913  keywords all
    client: _Client,
    *,
    budget: Budgeted | None = None,
    ledger: Ledger | str | os.PathLike[str] | None = None,
    policy: Policy | None = None,
    budgets: Iterable[Budget] = (),
    plan: Plan | None = None,
    project: str = "",
    run: str | None = None,
    confirm: Confirm | None = None,
    unbounded_credits: int | None = None,
    strict: bool = False,
    media: Mapping[str, Media] | None = None,
    as_of: date | None = None,
    rates: RateCard | None = None,
    preflight: Mapping[str, Any] | None = None,
) -> _Client:
    """Give the SDK's client with a guard: its methods, with jobs priced, held and settled.

    Before a job is created, `preflight` looks at its files, and what it may cost is held in the
    ledger; what does not fit is refused before anything leaves this machine. It is sent by the SDK
    itself, once. When the API says that it has ended, to `generate` or to a later `get` of its
    project, what it cost is booked. The SDK's own errors come through unchanged, with a note that
    says what became of the hold. The client that was handed over stays as it is.

    Args:
        client: `magic_hour.Client` or `magic_hour.AsyncClient`.
        budget: A ledger, credits that all jobs of this guard may cost, a budget or several.
        ledger: A ledger or its place; the user's own by default.
        policy: What the user allows.
        budgets: Budgets that count beside those of the policy and the ledger.
        plan: The account's plan; else the policy's.
        project: What the jobs belong to, for budgets.
        run: The run that they are part of, for budgets; by default all jobs of this guard are one.
        confirm: Is called with the report and the reasons where the policy says `ask`; only True
            lets the job be sent.
        unbounded_credits: Credits to hold for a job without an upper bound, which else is refused.
        strict: Refuse what has warnings too.
        media: What is known of files: by what stands in `assets` (a path, a URL, the `file_path` of
            an upload) or by the field. What was uploaded by the guarded client is known already.
        as_of: The day whose rates count; today by default.
        rates: The rate card; the bundled one by default.
        preflight: More arguments for `preflight`, such as `limits` or `offline`.

    Raises:
        InputError: An argument cannot be used, or it is no client of a version that is known here.
        LedgerError: The ledger cannot be opened.
        MissingExtraError: The SDK is not installed.

    Example:
        >>> client = guard(magic_hour.Client(token="secret"), budget=500)  # doctest: +SKIP
        >>> client.v1.lip_sync.generate(assets=..., end_seconds=5)  # doctest: +SKIP
    """
    base, waits = _base_of(client)
    if MINE in vars(base):
        raise InputError("client: is guarded already", field="client")
    options = {"strict": strict, "as_of": as_of, "rates": rates} | dict(preflight or {})
    if taken := {"plan", "media"} & set(options):
        raise InputError(f"preflight: {min(taken)} is an argument of its own", field="preflight")
    known = dict(media or {})
    if not all(isinstance(each, Media) for each in known.values()):
        raise InputError("media: must be Media, from probe or Media.given", field="media")
    holding = Holding.of(
        budget=budget,
        ledger=ledger,
        policy=policy,
        budgets=budgets,
        project=project,
        run=uuid.uuid4().hex if run is None else run,
        confirm=confirm,
        unbounded_credits=unbounded_credits,
    )
    chosen = holding.policy.plan if plan is None else plan
    on_plan: Plan | None = next((each for each in PLANS if each == chosen), None)
    if chosen is not None and on_plan is None:
        raise InputError(f"plan: {chosen!r} is none of {', '.join(PLANS)}", field="plan")
    terms = Terms(holding, known, options, on_plan)
    if holding.own:
        weakref.finalize(terms.uploads, holding.ledger.close)
    return cast("_Client", _guarded(_Guard(client, base, terms, None, waits)))


def with_id(client: _Client, id: str) -> _Client:  # noqa: A002  the word of the ledger
    """Give a guarded client whose next job has an id of your own: it is sent once, ever.

    With the same id, what was created before is not created again, in this process or another:
    `generate` then waits for the project that there is and downloads it, `create` raises and names
    it. What may have been created raises. What surely was not is sent.

    Args:
        client: What `guard` gave.
        id: Your own id for one job alone.

    Raises:
        InputError: It is no guarded client.

    Example:
        >>> with_id(client, "row-1").v1.lip_sync.generate(...)  # doctest: +SKIP
    """
    base, _ = _base_of(client)
    held: _Guard | None = vars(base).get(MINE)
    if held is None:
        raise InputError("client: must be what guard gave", field="client")
    return cast("_Client", _guarded(replace(held, id=id)))


# ------------------------------------------------------------------------------ the SDK's own shape


def _base_of(client: Any) -> tuple[Any, bool]:
    """Give the base client of the SDK's client, and whether it is one for event loops."""
    try:
        from make_api_request import AsyncBaseClient, SyncBaseClient
    except ModuleNotFoundError:
        raise MissingExtraError("guard needs the SDK: pip install 'mh-preflight[sdk]'") from None
    base = getattr(client, "_base_client", None)
    waits = isinstance(base, AsyncBaseClient)
    if not (waits or isinstance(base, SyncBaseClient)) or not hasattr(client, "v1"):
        raise InputError(
            "client: must be magic_hour.Client or magic_hour.AsyncClient, of a version that is "
            "known here",
            field="client",
        )
    return base, waits


def _guarded(held: _Guard) -> Any:
    """Copy the SDK's client with all its parts, around a base client that is guarded."""
    base = copy.copy(held.base)
    hooks = _async_hooks(held) if held.waits else _hooks(held)
    vars(base).update(hooks, **{MINE: held})
    return _copied(held.client, base, held, set())


def _copied(part: Any, base: Any, held: _Guard, within: set[int]) -> Any:
    """Copy a part of the SDK: whatever has a base client gets the guarded one."""
    copied = copy.copy(part)
    inner = within | {id(part)}
    for name, value in vars(part).items():
        if name == "_base_client":
            setattr(copied, name, base)
        elif hasattr(value, "_base_client") and id(value) not in inner:
            setattr(copied, name, _copied(value, base, held, inner))
    kind = type(part)
    if callable(getattr(kind, "generate", None)) and callable(getattr(kind, "create", None)):
        name = "generate"
        replaced = (_async_generate if held.waits else _generate)(copied, held)
    elif callable(getattr(kind, "upload_file", None)):
        name = "upload_file"
        replaced = (_async_upload if held.waits else _upload)(copied, held)
    else:
        return copied
    replaced.__doc__ = getattr(kind, name).__doc__
    replaced.__name__ = name
    vars(copied)[name] = replaced
    return copied


# ----------------------------------------------------------------------------------- every request


def _kind_of(method: str, path: str) -> str:
    """Tell what a request does: `create`, `project` or `other`.

    Raises:
        InputError: It may cost something that is not known here.
    """
    verb = method.upper()
    if verb == "GET" and path.startswith(PROJECTS):
        return "project"
    if verb in {"GET", "HEAD", "DELETE", "OPTIONS"}:
        return "other"
    what = path.removeprefix(BEGIN).strip("/")
    if verb == "POST" and what in ENDPOINTS:
        return "create"
    if verb == "POST" and what in FREE:
        return "other"
    raise InputError(
        f"{verb} {path} is not known here and may cost credits: nothing was sent",
        code="unknown-endpoint",
        field="endpoint",
    )


def _job(path: str, body: Mapping[str, Any]) -> Job:
    """Give the job of a request; what the SDK renames on the wire has its usual name here."""
    endpoint = path.removeprefix(BEGIN).strip("/")
    return job(endpoint, **body)


def _hooks(held: _Guard, prepared: Spending | None = None) -> dict[str, Any]:
    """Give what stands in the place of the base client's own methods."""

    def request(**settings: Any) -> Any:
        kind = _kind_of(settings["method"], settings["path"])
        if kind == "create":
            return create(settings)
        answer = held.base.request(**settings)
        if kind == "project":
            _settle(held, settings["path"], answer)
        return answer

    def create(settings: dict[str, Any]) -> Any:
        spending = prepared or held.spending(settings["path"], settings.get("json") or {})
        if prepared is None:
            spending.prepare()
            spending.refuse_again()
        if spending.project_id is not None:
            return SimpleNamespace(id=spending.project_id)
        once = Once(held.base.httpx_client)
        try:
            spending.claim(_job(settings["path"], settings.get("json") or {}))
            answer = _by(held.base, once).request(**settings)
        except BaseException as error:
            spending.answered(once, error)
            raise
        spending.answered(once)
        return answer

    return {"request": request, "stream_request": _no_stream(held)}


def _async_hooks(held: _Guard, prepared: Spending | None = None) -> dict[str, Any]:
    """Give what stands in the place of the base client's own methods."""

    async def request(**settings: Any) -> Any:
        kind = _kind_of(settings["method"], settings["path"])
        if kind == "create":
            return await create(settings)
        answer = await held.base.request(**settings)
        if kind == "project":
            await in_thread(_settle, held, settings["path"], answer)
        return answer

    async def create(settings: dict[str, Any]) -> Any:
        spending = prepared or held.spending(settings["path"], settings.get("json") or {})
        if prepared is None:
            await _prepared(spending)
            spending.refuse_again()
        if spending.project_id is not None:
            return SimpleNamespace(id=spending.project_id)
        once = AsyncOnce(held.base.httpx_client)
        try:
            sent = _job(settings["path"], settings.get("json") or {})
            await in_thread(spending.claim, sent)
            answer = await _by(held.base, once).request(**settings)
        except BaseException as error:
            await in_thread(spending.answered, once, error)
            raise
        await in_thread(spending.answered, once)
        return answer

    return {"request": request, "stream_request": _no_stream(held)}


def _no_stream(held: _Guard) -> Callable[..., Any]:
    def stream_request(**settings: Any) -> Any:
        if _kind_of(settings["method"], settings["path"]) == "create":
            raise InputError("a job cannot be created by a stream: nothing was sent")
        return held.base.stream_request(**settings)

    return stream_request


def _by(base: Any, once: Once) -> Any:
    """Give the SDK's base client around what sends one request."""
    copied = copy.copy(base)
    copied.httpx_client = once
    return copied


def _settle(held: _Guard, path: str, answer: Any) -> None:
    project_id = path.rpartition("/")[2]
    status, credits = getattr(answer, "status", None), getattr(answer, "credits_charged", None)
    settle_project(held.terms.holding, project_id, status, credits)


async def _prepared(spending: Spending) -> None:
    try:
        await in_thread(spending.prepare)
    except BaseException as error:
        await in_thread(spending.leave, error)  # where the task was canceled meanwhile
        raise


# ---------------------------------------------------------------------- tools that have local files


def _generate(tool: Any, held: _Guard) -> Callable[..., Any]:
    kind = type(tool)

    def generate(**arguments: Any) -> Any:
        given = _plain(arguments)
        asked: dict[str, Any] = {}
        kind.create(_with(tool, {"request": asked.update}), **_create_arguments(kind, given))
        spending = held.spending(asked["path"], asked.get("json") or {})
        spending.prepare()
        try:
            doing = _with(tool, _hooks(held, spending))
            return kind.generate(doing, **_uploaded(spending, given))
        except BaseException as error:
            spending.leave(error)
            raise

    return generate


def _async_generate(tool: Any, held: _Guard) -> Callable[..., Any]:
    kind = type(tool)

    async def generate(**arguments: Any) -> Any:
        given = _plain(arguments)
        asked: dict[str, Any] = {}

        async def note(**settings: Any) -> None:
            asked.update(settings)

        await kind.create(_with(tool, {"request": note}), **_create_arguments(kind, given))
        spending = held.spending(asked["path"], asked.get("json") or {})
        await _prepared(spending)
        try:
            doing = _with(tool, _async_hooks(held, spending))
            return await kind.generate(doing, **_uploaded(spending, given))
        except BaseException as error:
            await in_thread(spending.leave, error)
            raise

    return generate


def _with(tool: Any, hooks: Mapping[str, Any]) -> Any:
    """Give a tool whose requests go elsewhere, for one call."""
    copied = copy.copy(tool)
    copied._base_client = copy.copy(tool._base_client)  # noqa: SLF001  what the SDK is made of
    vars(copied._base_client).update(hooks)  # noqa: SLF001
    return copied


def _create_arguments(kind: Any, given: Mapping[str, Any]) -> dict[str, Any]:
    """Give the arguments of `generate` that are of the job, not of waiting and downloading."""
    known = inspect.signature(kind.create).parameters
    asked = inspect.signature(kind.generate).parameters
    return {name: each for name, each in given.items() if name in known or name not in asked}


def _plain(value: Any) -> Any:
    """Copy arguments, which the SDK's `generate` changes, with paths as text."""
    if isinstance(value, dict):
        return {name: _plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each) for each in value]
    if isinstance(value, os.PathLike):
        return os.fsdecode(value)
    if hasattr(value, "read"):
        raise InputError("assets: an open file cannot be priced: give its path", field="assets")
    return value


def _uploaded(spending: Spending, given: dict[str, Any]) -> dict[str, Any]:
    """Leave nothing to upload where the job was created before."""
    if spending.project_id is None:
        return given
    here = {each for each in spending.job.sources().values() if not _is_far(each)}

    def without(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: without(each) for name, each in value.items()}
        if isinstance(value, list):
            return [without(each) for each in value]
        return BEFORE if isinstance(value, str) and value in here else value

    return given | {"assets": without(given.get("assets"))} if "assets" in given else given


def _is_far(source: str) -> bool:
    return is_upload(source) or is_remote(source)


# ---------------------------------------------------------------------------- files of their own


def _upload(files: Any, held: _Guard) -> Callable[..., Any]:
    kind = type(files)

    def upload_file(file: Any) -> Any:
        path = kind.upload_file(files, file)
        _remember(held, file, path)
        return path

    return upload_file


def _async_upload(files: Any, held: _Guard) -> Callable[..., Any]:
    kind = type(files)

    async def upload_file(file: Any) -> Any:
        path = await kind.upload_file(files, file)
        await in_thread(_remember, held, file, path)
        return path

    return upload_file


def _remember(held: _Guard, file: Any, path: object) -> None:
    """Look at what was uploaded; what cannot be read is found out when a job uses it."""
    if not isinstance(path, str) or not is_upload(path):
        return
    if isinstance(file, str | os.PathLike):
        file = os.fsdecode(file)
        if _is_far(file):
            return
    options = held.terms.options
    try:
        found = probe(file, isolation=options.get("isolation"), limits=options.get("limits"))
    except (MediaError, InputError):
        return
    held.terms.uploads.keep(path, found)
