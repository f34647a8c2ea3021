"""What the dashboard shows, as plain data: every panel with its queries, its unit and its explanation."""

from __future__ import annotations

from aligntax.deploy.panel import Panel, Query, Row
from aligntax.deploy.queries import (
    ANY,
    ENDED,
    HERE,
    NOW,
    QUANTILES,
    before_and_after,
    burn,
    quantile,
    quantiles,
    quantiles_by_layer,
    rate,
    tax_ratio,
)

_ALL_MODELS = "All models: a guard's series carry no model."
_BUDGETED = "From the recording rules, for all instances together; they compare requests with the budget of 'deploy'."
_NO_SENSOR = "no sensor"
_NO_STREAM = "no streamed answers"
_SENSOR = (
    "Empty without the sensor: it takes Profiler(sensors=aligntax.devices.open_sensors()), and an NVIDIA driver or, "
    "for RAPL, a process that may read /sys/class/powercap. A missing sensor is absent, never zero."
)


_NOW_PANELS = (
    Panel(
        "Tax ratio",
        "What the guards add to a request, over the time that it would have taken without them: the ratio of the "
        "sums over the last five minutes. Allowed and modified requests only, here and in all figures on the tax.",
        "percentunit",
        (Query(tax_ratio(NOW)),),
        "now",
    ),
    *(
        Panel(
            f"Tax p{q * 100:g}",
            f"What the guards added to a request: {q * 100:g} of 100 requests in the last five minutes had less.",
            "s",
            (Query(quantile(q, "aligntax_request_tax_seconds", ANY, "", NOW)),),
            "now",
        )
        for q in QUANTILES
    ),
    Panel(
        "Requests",
        "Requests that ended in the last five minutes, a second, however they ended.",
        "reqps",
        (Query(rate("aligntax_request_duration_seconds_count", ANY, "", NOW)),),
        "now",
    ),
    Panel(
        "Budget burn, 1 h",
        "How fast the worst model spends its tax budget: 1 spends exactly the hundredth of its requests that may "
        f"exceed it, 14.4 spends a month's worth in two days. {_BUDGETED}",
        "short",
        (Query(f"max ({burn('1h')})"),),
        "now",
        steps=(1, 6, 14.4),
    ),
)

_TREND_PANELS = (
    Panel(
        "Tax of a request",
        "What the guards add to one request: half of the requests have less than the p50, one in a hundred more than "
        "the p99.",
        "s",
        tuple(quantiles("aligntax_request_tax_seconds", ANY)),
    ),
    Panel(
        "Tax ratio",
        "Tax over raw time: of all requests together, and of single requests. Requests without a raw time have none.",
        "percentunit",
        (
            Query(tax_ratio("$__rate_interval"), "of the sums"),
            *quantiles("aligntax_request_tax_ratio", ANY),
        ),
    ),
    Panel(
        "Budget burn",
        f"How fast the tax budget is spent, over three windows. Alerts ask for 14.4, 6, 3 and 1. {_BUDGETED}",
        "short",
        tuple(Query(burn(window), f"{{{{model}}}}, {window}") for window in ("1h", "6h", "3d")),
    ),
)

_REQUESTS = rate("aligntax_request_tax_seconds_count", HERE)

_GUARD_PANELS = (
    Panel(
        "Mean tax of a request, by guard",
        "Each guard's Shapley share of the tax: what is stacked sums to the mean tax of a request, the line. A guard "
        f"that is hidden behind the model has a share of 0. {_ALL_MODELS}",
        "s",
        (
            Query(
                f"{rate('aligntax_layer_tax_seconds_sum', HERE, 'layer')} / on () group_left () {_REQUESTS}",
                "{{layer}}",
            ),
            Query(f"{rate('aligntax_request_tax_seconds_sum', HERE)} / {_REQUESTS}", "mean tax"),
        ),
        "stack",
        total="mean tax",
    ),
    Panel(
        "Time of a guard's call",
        f"Wall time of the calls, whether or not it delayed the request. {_ALL_MODELS}",
        "s",
        quantiles_by_layer("aligntax_layer_duration_seconds"),
    ),
    Panel(
        "Verdicts",
        f"What the guards said, a second; verdicts that nobody gives are left out. {_ALL_MODELS}",
        "ops",
        (
            Query(
                f"{rate('aligntax_layer_verdicts_total', HERE, 'layer, verdict')} > 0",
                "{{layer}}: {{verdict}}",
            ),
        ),
    ),
    Panel(
        "Errors and time-outs",
        "Calls of guards that ended in an error or a time-out, and what was raised, in models too. A block is no "
        f"error. {_ALL_MODELS}",
        "ops",
        (
            Query(
                rate("aligntax_layer_verdicts_total", f'verdict=~"error|timeout", {HERE}', "layer, verdict"),
                "{{layer}}: {{verdict}}",
            ),
            Query(rate("aligntax_layer_errors_total", HERE, "layer, error_type"), "{{layer}}: {{error_type}} raised"),
        ),
    ),
    Panel(
        "Calls in progress",
        f"Calls that are running now, of guards and models. What never falls is stuck. {_ALL_MODELS}",
        "short",
        (Query(f"sum by (layer) (aligntax_layer_calls_in_progress{{{HERE}}})", "{{layer}}"),),
    ),
)

_STREAM_PANELS = (
    Panel(
        "First chunk",
        "Before the guards: from the call of the model to its first piece. After them: from the start of the request "
        "to the first piece that was passed on.",
        "s",
        before_and_after("time_to_first_chunk_seconds"),
        empty=_NO_STREAM,
    ),
    Panel(
        "Between chunks",
        "How long each further piece took, as the model made it and as it was passed on. Waiting for a slow client is "
        "in neither.",
        "s",
        before_and_after("inter_chunk_seconds"),
        empty=_NO_STREAM,
    ),
    Panel(
        "Hold, by guard",
        f"How long a guard kept pieces back to see what comes next. {_ALL_MODELS}",
        "s",
        quantiles_by_layer("aligntax_stream_hold_seconds"),
        empty=_NO_STREAM,
    ),
)

_COMPUTE_PANELS = (
    Panel(
        "CPU, by layer",
        "Processors that a layer keeps busy; 100 % is one of them. Estimated from the share of requests that is "
        f"metered, cpu_share; empty where that is 0. {_ALL_MODELS}",
        "percentunit",
        (Query(rate("aligntax_layer_cpu_seconds_total", HERE, "layer"), "{{layer}}"),),
        "stack",
        empty="nothing metered yet",
    ),
    Panel(
        "GPU, by layer",
        "Share of the time in which a layer's work runs on a GPU, by CUDA events. Empty without work on a GPU. "
        f"{_ALL_MODELS}",
        "percentunit",
        (Query(rate("aligntax_layer_gpu_seconds_total", HERE, "layer, device"), "{{layer}} on {{device}}"),),
        "stack",
        empty="no work on a GPU",
    ),
    Panel(
        "Model time thrown away",
        "Seconds of model time, in each second, that went into requests which the guard then blocked.",
        "s",
        (Query(rate("aligntax_discarded_model_seconds_total", ANY, "model, layer"), "{{model}}, by {{layer}}"),),
        "stack",
        empty="nothing thrown away",
    ),
    Panel(
        "Power",
        f"Energy that a device uses, a second; '_estimated' was derived from power readings. {_SENSOR}",
        "watt",
        (
            Query(
                rate("aligntax_device_energy_joules_total", HERE, "instance, device, source"),
                "{{instance}} {{device}}, {{source}}",
            ),
        ),
        empty=_NO_SENSOR,
    ),
    Panel(
        "Device memory",
        f"Memory in use. {_SENSOR}",
        "bytes",
        (
            Query(
                f"max by (instance, device, source) (aligntax_device_memory_bytes{{{HERE}}})",
                "{{instance}} {{device}}",
            ),
        ),
        empty=_NO_SENSOR,
    ),
    Panel(
        "Device utilisation",
        f"Share of the time that a device works. {_SENSOR}",
        "percentunit",
        (
            Query(
                f"max by (instance, device, source) (aligntax_device_utilization_ratio{{{HERE}}})",
                "{{instance}} {{device}}",
            ),
        ),
        empty=_NO_SENSOR,
    ),
)

_REQUEST_PANELS = (
    Panel(
        "Requests, by outcome",
        "How requests ended. The tax covers 'allowed' and 'modified': a fast block is no saving.",
        "reqps",
        (Query(rate("aligntax_request_duration_seconds_count", ANY, "outcome"), "{{outcome}}"),),
        "stack",
    ),
    Panel(
        "Time of a request and of the model",
        "Whole requests that ran to their end, guards included, beside the calls of the model.",
        "s",
        (
            *quantiles("aligntax_request_duration_seconds", ENDED, "request"),
            *quantiles("aligntax_model_duration_seconds", ANY, "model"),
        ),
    ),
    Panel(
        "Time in no layer",
        "Share of the time of all requests in which neither a guard nor the model ran: the application's own.",
        "percentunit",
        (
            Query(
                f"{rate('aligntax_unattributed_seconds_total', HERE)}"
                f" / {rate('aligntax_request_duration_seconds_sum', HERE)}",
                "unattributed",
            ),
        ),
    ),
)

_SELF_PANELS = (
    Panel(
        "Cost of the profiler",
        "Time that the profiler itself takes: 'record' on the threads that serve, 'drain' and 'scrape' on its own. "
        "100 % is one processor.",
        "percentunit",
        (Query(rate("aligntax_instrumentation_seconds_total", HERE, "part"), "{{part}}"),),
        "stack",
    ),
    Panel(
        "Dropped observations",
        "What was lost and is in no other panel, by reason. Anything but 0 for long is worth a look at the runbook "
        "of AligntaxObservationsDropped.",
        "cps",
        (Query(rate("aligntax_observations_dropped_total", HERE, "reason"), "{{reason}}"),),
    ),
)

ROWS = (
    Row("Tax now", _NOW_PANELS),
    Row("Tax trend", _TREND_PANELS),
    Row("Guards", _GUARD_PANELS),
    Row("Streaming", _STREAM_PANELS),
    Row("Compute", _COMPUTE_PANELS),
    Row("Requests", _REQUEST_PANELS),
    Row("What the profiler costs", _SELF_PANELS),
)
"""The dashboard, from top to bottom."""
