"""Prometheus, as tests play it: the figures of a server, whichever of its workers is asked."""

from prometheus_client.parser import text_string_to_metric_families

from tests.support.clients import Person


def figures(server, worker=None):
    """Each sample by its name and labels, as Prometheus takes it from this worker."""
    with Person(server, worker) as prometheus:
        answer = prometheus.get("/metrics")
    assert answer.status == 200, answer.text
    return {(sample.name, *sorted(sample.labels.items())): sample.value
            for family in text_string_to_metric_families(answer.text) for sample in family.samples}


def total(server, name, worker=None, **labels):
    """The sum over all workers of the samples with these labels."""
    return summed(figures(server, worker), name, **labels)


def summed(found, name, **labels):
    wanted = set(labels.items())
    return sum(value for (other, *those), value in found.items() if other == name and wanted <= set(those))


def pids(server):
    return {value for (name, *_), value in figures(server).items() if name == "longwave_worker_pid"}


def unchanged(server, name, **labels):
    """The total, once both workers say the same: each notes its figures once a second."""
    found = {total(server, name, worker, **labels) for worker in server.workers}
    return found.pop() if len(found) == 1 else None
