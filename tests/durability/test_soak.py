"""The soak's verdict, and each of its faults once; the soak itself takes hours: `make soak`."""

import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

from tests.durability.soak import GROWTH_MAX_KIB, Sample, sample, what_grew

FLAT = Sample(heap_kib=40_000, pss_kib=50_000, descriptors=14, threads=4)


def test_soak_finds_no_growth_in_the_start_or_in_single_samples() -> None:
    starting = [replace(FLAT, heap_kib=10_000, threads=2)] * 5
    jolt = replace(FLAT, heap_kib=90_000, descriptors=40)
    assert what_grew([*starting, *[FLAT] * 7, jolt, *[FLAT] * 6, jolt]) == []


def test_soak_names_what_keeps_growing() -> None:
    step_kib = GROWTH_MAX_KIB // 8
    leaking = [replace(FLAT, heap_kib=40_000 + step_kib * number) for number in range(40)]
    assert what_grew(leaking) == ["memory in KiB: 41792 → 44352"]
    assert what_grew([*[FLAT] * 30, *[replace(FLAT, descriptors=15)] * 10]) == [
        "file descriptors: 14 → 15"
    ]
    assert what_grew([*[FLAT] * 30, *[replace(FLAT, threads=6)] * 10]) == ["threads: 4 → 6"]


def test_soak_lets_the_thread_pool_have_a_second_thread() -> None:
    assert what_grew([*[FLAT] * 30, *[replace(FLAT, threads=5)] * 10]) == []


def test_soak_counts_threads_but_not_the_one_that_looks_up_names() -> None:
    source = (
        "import threading, time\n"
        "def named(name):\n"
        "    open('/proc/thread-self/comm', 'w').write(name)\n"
        "    ready.wait()\n"
        "    time.sleep(60)\n"
        "ready = threading.Barrier(3)\n"
        "for name in ('AwsHostResolver', 'AwsEventLoop 1'):\n"
        "    threading.Thread(target=named, args=[name], daemon=True).start()\n"
        "ready.wait()\n"
        "print(flush=True)\n"
        "time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", source], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        assert sample(process.pid).threads == 2
        process.kill()


def test_soak_gives_no_verdict_on_too_few_samples() -> None:
    assert what_grew([FLAT] * 11) == ["too short to judge: 11 samples in calm"]


def test_soak_sample_measures_memory_and_descriptors_of_a_process() -> None:
    before = sample(os.getpid())
    reader, writer = os.pipe()
    after = sample(os.getpid())
    os.close(reader)
    os.close(writer)
    assert after.descriptors == before.descriptors + 2
    assert 0 < after.heap_kib <= after.pss_kib


def test_soak_loses_no_second_to_any_of_its_faults(tmp_path: Path) -> None:
    command = "-m tests.durability.soak --minutes 0.95 --pace 0.25 --directory"
    ended = subprocess.run(
        [sys.executable, *command.split(), str(tmp_path)],
        check=False,
        capture_output=True,
        text=True,
        timeout=115,
    )
    *_, faults, verdict, _ = ended.stdout.splitlines() or [ended.stderr]
    assert verdict == "too short to judge: 0 samples in calm", ended.stdout + ended.stderr
    times = [int(number) for number in re.findall(r"(\d+)×", faults)]
    assert len(times) >= 7
    assert all(times), faults
    log = (tmp_path / "gateway.log").read_text()
    assert "not authorised to publish to alleycat-publish" in log
    assert "replaced certificate files loaded" in log
    assert "\n" * 1000 in log, "the pipe was full"
