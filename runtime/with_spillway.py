"""Counts a handler's answers and faults per version, for Spillway to compare: what with-spillway.mjs does, for Python.

An HTTP 5xx that a handler returns is an ordinary answer to Lambda, so each answer prints one line in CloudWatch's Embedded
Metric Format. What the line holds is said in docs/reference/counters.md. Standard library alone; Python 3.12 and newer.

    from with_spillway import with_spillway

    @with_spillway(latency=True)
    def handler(event, context):
        return {"statusCode": 200}
"""

import functools
import json
import math
import random
import sys
import time
from collections.abc import Callable
from typing import Any

__all__ = ["with_spillway"]

_YOUNG_SECONDS = 60
_GROUPS = 8
_ENTITY_BYTES = 256
_REMEMBERED = 64
# API Gateway quotas, "Maximum integration timeout" of HTTP APIs.
_HTTP_API_GIVES_UP_SECONDS = 30
_ALB_BYTES_MAX = 1024 * 1024
_REST_MEMBERS = {"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"}
_MALFORMED = 502

# The environment's first call by both clocks, and its group: drawn at that call, since many environments may begin from one snapshot.
_environment: tuple[float, float, int] | None = None
# Ids of asynchronous invocations that failed here, of which Lambda tries the same again.
_failed_before: dict[str, None] = {}


def with_spillway(
    handler: Callable[..., Any] | None = None,
    *,
    latency: bool = False,
    groups: bool = True,
    entity: Callable[[Any, Any], Any] | None = None,
) -> Callable[..., Any]:
    """Return the same handler, which also prints what it answered.

    Event, answer and error pass through untouched, and nothing that goes wrong with the counting reaches the caller.
    `latency` also counts how long answers took, `entity` says from event and context whose a request is, of which only a
    hash is used, and `groups=False` leaves the groups out.
    """
    if handler is None:
        return lambda given: with_spillway(given, latency=latency, groups=groups, entity=entity)
    if not callable(handler):
        raise TypeError(f"with_spillway needs a handler, which is a function; it was given {type(handler).__name__}.")

    @functools.wraps(handler)
    def counting(event: Any, context: Any, *rest: Any, **named: Any) -> Any:
        count = _quietly(lambda: _begun(event, context, latency, groups, entity)) or (lambda answer, is_thrown: None)
        try:
            answer = handler(event, context, *rest, **named)
        except BaseException:
            _quietly(lambda: count(None, True))
            raise
        _quietly(lambda: count(answer, False))
        return answer

    return counting


def _begun(event: Any, context: Any, latency: bool, groups: bool, entity: Any) -> Callable[[Any, bool], None]:
    """What counts the answer; the event is read before the handler can change it."""
    global _environment
    started, ticks = time.time(), time.monotonic()
    shape = _quietly(lambda: _shape_of(event))
    is_first = _environment is None
    if _environment is None:
        _environment = (started, ticks, random.randrange(_GROUPS))
    born, born_ticks, group = _environment
    # A clock that stands still while the environment is frozen, or is set back, makes nothing young.
    is_young = max(started - born, ticks - born_ticks) < _YOUNG_SECONDS
    if groups and entity is not None:
        own = _quietly(lambda: _group_of(entity(event, context)))
        group = group if own is None else own
    request = getattr(context, "aws_request_id", None)
    is_batch = shape is not None and "ids" in shape
    again = shape["firsts"].count(False) if is_batch else 1
    is_retry = again == len(shape["ids"]) if is_batch else shape is None and request in _failed_before

    def count(answer: Any, is_thrown: bool) -> None:
        took = time.monotonic() - ticks
        if is_thrown and shape is None and isinstance(request, str):
            _remember(request)
        counts: dict[str, int] = {}
        if shape is not None:
            gives_up = shape.get("gives_up")
            is_late = gives_up is not None and time.time() - started > gives_up
            counts = _failure_of(shape) if is_thrown or is_late else _counts_of(shape, answer)
        elif not latency:
            return
        if is_retry:
            _print(context, started, {"Retries": again})
            return
        fault = counts.get("Faults", int(is_thrown))
        if is_first:
            counts["First"] = fault
        if is_young:
            counts["Young"] = fault
        elif groups:
            counts[f"Group{group}"] = fault
        if latency and not is_first:
            counts.update(_timed(took * 1000))
        _print(context, started, counts)

    return count


def _remember(request: str) -> None:
    _failed_before[request] = None
    while len(_failed_before) > _REMEMBERED:
        del _failed_before[next(iter(_failed_before))]


def _shape_of(event: Any) -> dict[str, Any] | None:
    """What sent an event, as far as it decides what becomes of an answer; None if the event does not say."""
    if not isinstance(event, dict):
        return None
    records = event.get("Records")
    if isinstance(records, list) and records:
        return _batch_of(records)
    asked = event.get("requestContext")
    # Authorizers get what looks like a request, and answer with a policy.
    if not isinstance(asked, dict) or event.get("type") in ("REQUEST", "TOKEN"):
        return None
    if isinstance(asked.get("http"), dict):
        is_url = ".lambda-url." in str(asked.get("domainName", ".lambda-url."))
        return {"kind": "http2", "gives_up": None if is_url else _HTTP_API_GIVES_UP_SECONDS}
    if not isinstance(event.get("httpMethod"), str):
        return None
    if isinstance(asked.get("elb"), dict):
        return {"kind": "alb"}
    if event.get("version") == "1.0":
        return {"kind": "http1", "gives_up": _HTTP_API_GIVES_UP_SECONDS}
    return {"kind": "rest"}


_ITEM_IDS: dict[str, tuple[str, Callable[[dict[str, Any]], Any]]] = {
    "aws:sqs": ("sqs", lambda record: record.get("messageId")),
    "aws:kinesis": ("stream", lambda record: record["kinesis"].get("sequenceNumber")),
    "aws:dynamodb": ("stream", lambda record: record["dynamodb"].get("SequenceNumber")),
}


def _batch_of(records: list[Any]) -> dict[str, Any] | None:
    source = records[0].get("eventSource") if isinstance(records[0], dict) else None
    if source not in _ITEM_IDS:
        return None
    kind, id_of = _ITEM_IDS[source]
    # A message that comes again because it failed says nothing new of the version.
    firsts = [_quietly(lambda r=record: int(r["attributes"]["ApproximateReceiveCount"]) <= 1) is not False for record in records]
    return {"kind": kind, "ids": [_quietly(lambda r=record: id_of(r)) for record in records], "firsts": firsts}


def _counts_of(shape: dict[str, Any], answer: Any) -> dict[str, int]:
    try:
        sent = json.loads(json.dumps(_read_of(answer), allow_nan=False))
    except (TypeError, ValueError, RecursionError):
        # What JSON cannot hold Lambda reports as an error.
        return _failure_of(shape)
    if "ids" in shape:
        return {"Responses": 1, "Faults": 0, **_items_of(shape, _handed_back(shape, sent))}
    status = _status_of(shape["kind"], sent, answer)
    return {"Responses": 1, "Faults": int(status >= 500), "ClientErrors": int(400 <= status < 500)}


def _failure_of(shape: dict[str, Any]) -> dict[str, int]:
    counts = {"Responses": 1, "Faults": 1}
    return {**counts, **_items_of(shape, 0)} if "ids" in shape else {**counts, "ClientErrors": 0}


def _items_of(shape: dict[str, Any], failures: int) -> dict[str, int]:
    again = shape["firsts"].count(False)
    items = {"BatchItems": len(shape["ids"]) - again, "BatchFailures": failures}
    return {**items, "Retries": again} if again > 0 else items


def _read_of(answer: Any) -> Any:
    """What is read of an answer, without its body: a second copy of all would cost as much time as the answer itself."""
    if not isinstance(answer, dict):
        return answer if isinstance(answer, (str, int, float, bool, list, tuple, type(None))) else json.loads(json.dumps(answer))
    return {name: "" if name == "body" and isinstance(value, str) else value for name, value in answer.items()}


def _status_of(kind: str, sent: Any, answer: Any) -> int:
    """The status that the caller gets; the sources of each rule stand in with-spillway.mjs."""
    if kind == "http2" and not (isinstance(sent, dict) and "statusCode" in sent):
        return 200
    if not isinstance(sent, dict):
        return _MALFORMED
    status = sent.get("statusCode", 200 if kind == "rest" else None)
    if isinstance(status, str) and len(status) == 3 and status.isascii() and status.isdigit():
        status = int(status)
    if isinstance(status, bool) or not isinstance(status, (int, float)) or status != int(status) or not 100 <= status <= 999:
        return _MALFORMED
    body = sent.get("body")
    if body is not None and not isinstance(body, str):
        return _MALFORMED
    if kind == "alb" and body is not None and len(str(answer["body"]).encode()) > _ALB_BYTES_MAX:
        return _MALFORMED
    if kind == "rest" and not _REST_MEMBERS.issuperset(sent):
        return _MALFORMED
    return int(status) if _has_headers(kind, sent) else _MALFORMED


def _has_headers(kind: str, sent: dict[str, Any]) -> bool:
    """False if a gateway cannot send the headers."""

    def is_value(value: Any) -> bool:
        return isinstance(value, str) or (kind != "alb" and not isinstance(value, (dict, list)))

    def are_fit(named: Any, is_fit: Callable[[Any], bool]) -> bool:
        return named is None or (isinstance(named, dict) and all(map(is_fit, named.values())))

    def is_list(values: Any) -> bool:
        return isinstance(values, list) and all(map(is_value, values))

    return are_fit(sent.get("headers"), is_value) and (kind == "http2" or are_fit(sent.get("multiValueHeaders"), is_list))


def _handed_back(shape: dict[str, Any], sent: Any) -> int:
    """How many items of a batch come back, of those that came for the first time."""
    ids, firsts = shape["ids"], shape["firsts"]
    listed = sent.get("batchItemFailures") if isinstance(sent, dict) else None
    if listed is None:
        return 0
    if not isinstance(listed, list):
        return firsts.count(True)
    named = []
    for each in listed:
        name = each.get("itemIdentifier") if isinstance(each, dict) else None
        if not isinstance(name, str) or name == "" or name not in ids:
            return firsts.count(True)
        named.append(ids.index(name))
    if not named:
        return 0
    return sum(firsts[at] for at in set(named)) if shape["kind"] == "sqs" else len(ids) - min(named)


def _group_of(entity: Any) -> int | None:
    """The group of an entity, the same in each runtime: an FNV-1a hash of the beginning of its UTF-8, mixed once, by 8."""
    if isinstance(entity, bool) or not isinstance(entity, (str, int, float)) or entity == "":
        return None
    text = entity if isinstance(entity, str) else json.dumps(int(entity) if entity == int(entity) else entity)
    value = 0x811C9DC5
    for byte in text[: _ENTITY_BYTES + 1].encode("utf-8", "replace")[:_ENTITY_BYTES]:
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    value = ((value ^ (value >> 16)) * 0x85EBCA6B) & 0xFFFFFFFF
    return (value ^ (value >> 13)) % _GROUPS


def _timed(ms: float) -> dict[str, int]:
    """The metric of a duration, the number of powers of two from 0.125 ms on that it is above; 1 beyond 1.25 times the last."""
    if math.isnan(ms):
        return {}
    octave, start, begin = 0, 0.125, 0.0
    while octave < 23 and start < ms:
        octave, begin, start = octave + 1, start, start * 2
    return {f"Latency{octave}": int(octave > 0 and ms > 1.25 * begin)}


def _print(context: Any, started: float, metrics: dict[str, int]) -> None:
    arn = context.invoked_function_arn.split(":")
    version = context.function_version
    if not metrics or not version:
        return
    name, qualifier = arn[6], arn[7] if len(arn) > 7 else "$LATEST"
    line = {
        "_aws": {
            "Timestamp": int(started * 1000),
            "CloudWatchMetrics": [
                {
                    "Namespace": "Spillway",
                    "Dimensions": [["FunctionName", "Resource", "ExecutedVersion"]],
                    "Metrics": [{"Name": each, "Unit": "Count"} for each in metrics],
                }
            ],
        },
        "FunctionName": name,
        "Resource": f"{name}:{qualifier}",
        "ExecutedVersion": version,
        **metrics,
    }
    sys.stdout.write(json.dumps(line, separators=(",", ":")) + "\n")
    sys.stdout.flush()


def _quietly(read: Callable[[], Any]) -> Any:
    """None if it raises: the answer matters more than its count."""
    try:
        return read()
    except Exception:  # noqa: BLE001
        return None
