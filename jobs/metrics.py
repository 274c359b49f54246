"""What the jobs of this process do, for Prometheus.

A site has no label of its own in what is counted by the job: a service may have hundreds of them, and the ops page says
which one fails. A job is told by its `name`, as Prometheus has a label `job` of its own. Leadership is in sites:
the sum over all processes says whether each site is led.
"""

from prometheus_client import Counter, Gauge, Histogram

from ranking.store.logbook import JobRun

_seconds = Histogram(
    "populer_job_duration_seconds",
    "Runs of a job for a site that succeeded: refresh makes the lists",
    ["name"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0),
)
_runs = Counter("populer_job_runs", "Runs of a job for a site, by what became of them", ["name", "outcome"])
_sites_led = Gauge("populer_sites_led", "Sites whose jobs a process of this host runs", multiprocess_mode="livesum")
_terms_begun = Counter("populer_terms_begun", "Terms, each of one site, that processes of this host have begun")


def ran(run: JobRun) -> None:
    """Count a run that has ended."""
    if run.error is None:
        _seconds.labels(run.job).observe(run.took_s)
    _runs.labels(run.job, "done" if run.error is None else "failed").inc()


def overtaken(job: str) -> None:
    """Count a run whose outcome the store has refused, as a later term had published."""
    _runs.labels(job, "overtaken").inc()


def leads(sites: int) -> None:
    """Set for how many sites this process works."""
    _sites_led.set(sites)


def began_terms(sites: int) -> None:
    """Count that terms have begun, for so many sites."""
    _terms_begun.inc(sites)
