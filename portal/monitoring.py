"""What load balancers, monitors and Prometheus ask."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime

from django.contrib.auth.decorators import login_not_required
from django.db import Error as DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from deadlines.extension import contributions
from portal import health

logger = logging.getLogger(__name__)


@login_not_required
@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """Answers and can commit: for load balancers. It stays well when the broker is down, as intake does."""
    try:
        health.commit()
    except DatabaseError as error:
        return JsonResponse({"status": "cannot commit", "detail": type(error).__name__}, status=503)
    return JsonResponse({"status": "ok"})


@login_not_required
@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """The whole promise holds, or the reasons why not: for monitors."""
    report = health.report(datetime.now(UTC))  # noqa: TID251 - an edge
    return JsonResponse(report.as_json(), status=200 if report.ready else 503)


@login_not_required
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus' text format: every room's metrics, and this process's own."""
    registry = CollectorRegistry()
    registry.register(Rooms(datetime.now(UTC)))  # noqa: TID251 - an edge
    ProcessCollector(registry=registry)
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_PLAIN_0_0_4)


class Rooms(Collector):
    """The contributed metrics. A room that fails is told in a metric of its own; the others go on."""

    def __init__(self, now: datetime) -> None:
        self._now = now

    def describe(self) -> Iterable[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        failed = Metric("watchbill_metrics_failed", "Rooms whose metrics cannot be read.", "gauge")
        for room, provider in contributions("metrics"):
            try:
                found = [_metric(*parts) for parts in provider(self._now)]
            except Exception:
                logger.exception("the metrics of %s cannot be read", room)
                failed.add_sample(failed.name, {"room": room}, 1)
            else:
                yield from found
        yield failed


def _metric(
    name: str, text: str, kind: str, samples: Iterable[tuple[dict[str, str], float]]
) -> Metric:
    metric = Metric(name.removesuffix("_total") if kind == "counter" else name, text, kind)
    for labels, value in samples:
        metric.add_sample(name, labels, value)
    return metric
